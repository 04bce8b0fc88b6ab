#include "explain/label_store.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "data/file_names.h"
#include "data/pssl_layout.h"
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
        if (line.text("job") == job_ && (!line.has("label") || fs::exists(path(line.text("label"))))) {
          const std::vector<std::int64_t> classes = line.integers("classes");
          done_.emplace_back(line.text("id"), std::vector<int>(classes.begin(), classes.end()));
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
  return std::binary_search(done_.begin(), done_.end(), std::pair(item.name, item.classes));
}

std::string LabelStore::png_name(const Item& item) const {
  fs::path name(path_below(item.name));
  if (is_picture_name(item.name)) name.replace_extension();
  return "labels/" + name.generic_string() + ".png";
}

std::string LabelStore::npz_name(const Item& item, int object) const {
  return pssl_label_path(options_.wnids[static_cast<std::size_t>(object)], item.image);
}

void LabelStore::check_names(const std::vector<Item>& items) const {
  std::vector<std::pair<std::uint64_t, std::size_t>> names;  // hash, item: a million names fit in memory
  const auto all_names = [&](const Item& item) {
    std::vector<std::string> files;
    if (options_.layout == LabelLayout::kPng)
      files = {png_name(item)};
    else
      for (const int object : item.classes) files.push_back(npz_name(item, object));
    return files;
  };
  for (std::size_t i = 0; i < items.size(); ++i)
    for (const std::string& file : all_names(items[i])) names.emplace_back(hash_name(file), i);
  std::sort(names.begin(), names.end());
  for (std::size_t n = 1; n < names.size(); ++n) {
    if (names[n].first != names[n - 1].first) continue;
    const Item &a = items[names[n - 1].second], &b = items[names[n].second];
    for (const std::string& one : all_names(a))
      for (const std::string& other : all_names(b))
        check(one != other, "labels", "'", a.name, "' and '", b.name, "' would both be written to ", one,
              "; rename one of them");
  }
}

std::string LabelStore::write_npz_label(const Item& item, const Tensor& label) {
  check(!item.classes.empty(), "labels", "'", item.name,
        "' has no class, so no folder in the published layout");
  std::size_t classes = 0;
  const int object = main_class(label, options_.space, classes);
  const double ignored = label_shares(label, options_.space).ignored;
  check(options_.flatten || (classes <= 1 && ignored == 0), "labels",
        "the published layout knows one class and no ignored pixels; this label has ", classes,
        " classes and ", 100 * ignored,
        " % ignored pixels; --flatten keeps the largest class and makes the rest background");
  Tensor mask(label.shape(), DType::kUInt8);
  const std::int32_t* from = label.data<const std::int32_t>();
  std::uint8_t* to = mask.data<std::uint8_t>();
  for (std::int64_t i = 0; i < label.numel(); ++i) to[i] = object >= 0 && from[i] == object;
  const std::string file = npz_name(item, object >= 0 ? object : item.classes[0]);
  write_npz(path(file), {{"arr_0", mask}});
  return file;
}

std::string LabelStore::write_png_label(const Item& item, const Tensor& label) {
  const std::string file = png_name(item);
  write_label_png(path(file), label,
                  {.palette = options_.space.ignore > 255 ? std::vector<Rgb>{} : options_.colours});
  return file;
}

void LabelStore::write(const Item& item, const std::string& image, const Tensor& label,
                       const JsonObject& entry) {
  const bool npz = options_.layout == LabelLayout::kPssl;
  const std::string file = npz ? write_npz_label(item, label) : write_png_label(item, label);
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
  if (options_.layout == LabelLayout::kPng) return;
  std::string synsets;
  for (const std::string& wnid : options_.wnids) synsets += wnid + "\n";
  write_file(path(std::string(kPsslSynsets)), synsets);
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
    if (line->second.has("label")) list += line->second.text("label") + "\n";
  }
  manifest_.reset();
  write_file(path("manifest.jsonl"), text);
  if (options_.layout == LabelLayout::kPssl) write_file(path(std::string(kPsslList)), list);
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
