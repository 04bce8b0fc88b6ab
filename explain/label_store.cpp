#include "explain/label_store.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "tensor/file.h"
#include "tensor/npy.h"
#include "tensor/random.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

// The label that most pixels carry, of those that are neither background nor ignored; -1 if none.
int main_class(const Tensor& label, const LabelSpace& space, std::size_t& classes) {
  std::map<int, std::int64_t> sizes;
  for (const std::int32_t value : label.values<std::int32_t>())
    if (value != space.background && value != space.ignore) ++sizes[value];
  classes = sizes.size();
  int best = -1;
  for (const auto& [value, size] : sizes)
    if (best < 0 || size > sizes[best]) best = value;
  return best;
}

}  // namespace

std::string job_hash(const JsonObject& job) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash_name(job.line())));
  return text;
}

LabelStore::LabelStore(LabelStoreOptions options)
    : options_(std::move(options)), job_(job_hash(options_.job)) {
  check(!options_.folder.empty(), "labels", "no folder to write to");
  check(options_.layout == LabelLayout::kPng || options_.wnids.size() == options_.class_names.size(),
        "labels", "the published layout needs a folder name for each of the ", options_.class_names.size(),
        " classes; got ", options_.wnids.size());
  const std::string own = part("manifest", options_.shard);
  if (options_.overwrite) {
    fs::remove(own);
    if (options_.shards == 1) fs::remove(path("job.json"));
  } else if (fs::exists(path("job.json"))) {
    const std::string there = job_hash(JsonObject::read(path("job.json")));
    check(there == job_, "labels", options_.folder, " holds labels of another job (", path("job.json"),
          " differs); choose another folder, or --overwrite");
  }
  for (const std::string& file : {own, path("manifest.jsonl")})
    if (!options_.overwrite && fs::exists(file))
      for (const JsonObject& line : read_jsonl(file))
        if (line.text("job") == job_) {
          const bool has_label = line.has("label");
          if (!has_label || fs::exists(path(line.text("label"))))
            done_.emplace_back(line.text("id"), has_label);
        }
  std::sort(done_.begin(), done_.end());
  options_.job.write(path("job.json"));
  manifest_ = std::make_unique<JsonlWriter>(own);
}

std::string LabelStore::part(const std::string& stem, std::int64_t shard) const {
  if (options_.shards == 1) return path(stem + ".jsonl");
  return path(cat(stem, ".part-", shard, "-of-", options_.shards, ".jsonl"));
}

bool LabelStore::done(const Item& item) const {
  const auto at = std::lower_bound(done_.begin(), done_.end(), std::pair(item.name, false));
  return at != done_.end() && at->first == item.name;
}

std::string LabelStore::label_name(const Item& item) const {
  const fs::path name(item.name);
  if (options_.layout == LabelLayout::kPng) {
    const std::string end = name.extension().string();
    const bool picture = end == ".jpg" || end == ".jpeg" || end == ".png" || end == ".JPEG" || end == ".JPG";
    return "labels/" + (picture ? fs::path(name).replace_extension() : name).generic_string() + ".png";
  }
  check(!item.classes.empty(), "labels", "'", item.name,
        "' has no class, so no folder in the published layout");
  const std::string& wnid = options_.wnids[static_cast<std::size_t>(item.classes[0])];
  return "train/" + wnid + "/" + fs::path(item.image).filename().string() + "_eiseg.npz";
}

void LabelStore::write_npz_label(const std::string& file, const Tensor& label) {
  std::size_t classes = 0;
  const int object = main_class(label, options_.space, classes);
  const double ignored = label_shares(label, options_.space).ignored;
  check(options_.flatten || (classes <= 1 && ignored == 0), "labels",
        "the published layout knows one class "
        "and no ignored pixels; this label has ",
        classes, " classes and ", 100 * ignored,
        " % ignored pixels; --flatten keeps the largest class and makes the rest background");
  Tensor mask(label.shape(), DType::kUInt8);
  const std::int32_t* from = label.data<const std::int32_t>();
  std::uint8_t* to = mask.data<std::uint8_t>();
  for (std::int64_t i = 0; i < label.numel(); ++i) to[i] = object >= 0 && from[i] == object;
  write_npz(path(file), {{"arr_0", mask}});
}

void LabelStore::write(const Item& item, const std::string& image, const Tensor& label,
                       const JsonObject& entry) {
  const std::string file = label_name(item);
  if (options_.layout == LabelLayout::kPssl)
    write_npz_label(file, label);
  else
    write_label_png(path(file), label,
                    {.palette = options_.space.ignore > 255 ? std::vector<Rgb>{} : options_.colours});
  JsonObject line;
  line.set("id", item.name).set("image", image).set("label", file).set("classes", item.classes);
  line.set("job", job_).set("made", entry);
  manifest_->write(line);
}

void LabelStore::skip(const Item& item, const std::string& image, const std::string& reason) {
  JsonObject line;
  line.set("id", item.name).set("image", image).set("classes", item.classes).set("job", job_);
  manifest_->write(line.set("skipped", reason));
}

void LabelStore::fail(const Item& item, const std::string& stage, const std::string& error) {
  failures_.push_back({.id = item.name, .stage = stage, .error = error});
}

void LabelStore::write_class_file() const {
  std::string text;
  for (std::size_t c = 0; c < options_.class_names.size(); ++c) {
    text += cat(c, "\t");
    if (options_.layout == LabelLayout::kPssl) text += options_.wnids[c] + "\t";
    text += options_.class_names[c] + "\n";
  }
  write_file(path("classes.txt"), text);
}

void LabelStore::write_manifest(const std::vector<Item>& order) {
  std::map<std::string, JsonObject> lines;
  std::vector<std::string> files = {path("manifest.jsonl")};  // of an earlier run, perhaps in other shards
  for (std::int64_t shard = 0; shard < options_.shards; ++shard) files.push_back(part("manifest", shard));
  for (const std::string& file : files)
    if (fs::exists(file))
      for (const JsonObject& line : read_jsonl(file))
        if (line.text("job") == job_) lines.insert_or_assign(line.text("id"), line);
  std::string text, list;
  for (const Item& item : order) {
    const auto line = lines.find(item.name);
    if (line == lines.end()) continue;
    text += line->second.line() + "\n";
    if (options_.layout == LabelLayout::kPssl && line->second.has("label")) {
      const std::string label = line->second.text("label");
      list += label.substr(0, label.size() - std::string("_eiseg.npz").size()) + "\n";
    }
  }
  manifest_.reset();
  write_file(path("manifest.jsonl"), text);
  if (options_.layout == LabelLayout::kPssl) write_file(path("train.txt"), list);
}

void LabelStore::finish(const std::vector<Item>& order) {
  write_failures(part("failures", options_.shard), failures_);
  write_class_file();
  if (options_.shards > 1) {
    write_file(path(cat("part-", options_.shard, "-of-", options_.shards, ".done")), job_ + "\n");
    std::vector<Failure> all;
    for (std::int64_t shard = 0; shard < options_.shards; ++shard) {
      const std::string done = path(cat("part-", shard, "-of-", options_.shards, ".done"));
      if (!fs::exists(done) || read_text(done) != job_ + "\n") return;  // that one joins the parts
      const std::string failures = part("failures", shard);
      if (fs::exists(failures))
        for (const Failure& failure : read_failures(failures)) all.push_back(failure);
    }
    write_failures(path("failures.jsonl"), all);
  }
  write_manifest(order);
}

}  // namespace clearcut
