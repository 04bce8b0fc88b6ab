#include "explain/label_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>

#include "data/file_lock.h"
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

namespace {

std::string text_hash(const std::string& text) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash_name(text)));
  return digits;
}

}  // namespace

std::string job_hash(const JsonObject& job) { return text_hash(job.line()); }

std::string job_difference(const JsonObject& there, const JsonObject& here) {
  std::istringstream a(there.pretty()), b(here.pretty());
  std::string left, right;
  while (std::getline(a, left) && std::getline(b, right))
    if (left != right) break;
  const auto trimmed = [](const std::string& line) {
    const std::size_t first = line.find_first_not_of(" \t");
    return first == std::string::npos ? line : line.substr(first, line.find_last_not_of(", ") + 1 - first);
  };
  std::string text = cat("there ", trimmed(left), ", here ", trimmed(right));
  if (left.find("\"isa\"") != std::string::npos)
    text += "; results are the same bits only within one instruction set: CLEARCUT_ISA=NAME chooses it";
  return text;
}

LabelLayout layout_from_name(const std::string& name) {
  if (name == "png") return LabelLayout::kPng;
  if (name == "pssl") return LabelLayout::kPssl;
  check(name == "pssl-levels", "labels", "layouts are png, pssl, pssl-levels; got '", name, "'");
  return LabelLayout::kPsslLevels;
}

LabelStore::LabelStore(LabelStoreOptions options) : options_(std::move(options)) {
  check(!options_.folder.empty(), "labels", "no folder to write to");
  check(options_.layout == LabelLayout::kPng || options_.wnids.size() == options_.class_names.size(),
        "labels", "the published layout needs a folder name for each of the ", options_.class_names.size(),
        " classes; got ", options_.wnids.size());
  std::string names;  // the values of labels mean them
  for (const auto* list : {&options_.class_names, &options_.wnids})
    for (const std::string& name : *list) names += name + "\n";
  options_.job.set("class_names", text_hash(names));
  if (options_.flatten) options_.job.set("flatten", true);
  job_ = job_hash(options_.job);
  std::optional<FileLock> lock;  // shards begin together, and one of them clears the folder
  if (fs::exists(path("job.json"))) {
    lock.emplace(path("job.json"), FileLock::Wait::kAlways);
    const JsonObject there = JsonObject::read(path("job.json"));
    if (job_hash(there) == job_) return;
    check(options_.overwrite, "labels", options_.folder, " holds labels of another job (", path("job.json"),
          ": ", job_difference(there, options_.job), "); choose another folder, or --overwrite");
    clear();
  }
  replace("job.json", options_.job.pretty());
}

void LabelStore::clear() const {
  for (const char* folder : {"labels", "train", "consensus", "weights", "originals"})
    fs::remove_all(path(folder));
  for (const std::string& file : {std::string("manifest.jsonl"), std::string("failures.jsonl"),
                                  std::string(kPsslList), std::string(kPsslSynsets)})
    fs::remove(path(file));
  for (const std::string& file : journal_files(options_.folder))
    if (!is_locked(file)) fs::remove(file);
}

void LabelStore::replace(const std::string& name, const std::string& text) const {
  const std::string fresh = cat(journal_folder(options_.folder), "/", options_.shard, ".", name);
  write_file(fresh, text);
  fs::rename(fresh, path(name));
}

void LabelStore::begin(const std::vector<Item>& items, int shift) {
  shift_ = shift;
  check_names(items);
  const FileLock lock(path("job.json"), FileLock::Wait::kAlways);  // nobody joins meanwhile
  write_class_file();  // what is written before the end can be read then, too
  const std::string own = journal_path(options_.folder, options_.shard, options_.shards);
  JournalStart start{.shard = options_.shard, .shards = options_.shards, .job = options_.job};
  start.total = static_cast<std::int64_t>(items.size());
  start.items = (start.total - options_.shard + options_.shards - 1) / options_.shards;
  if (options_.overwrite) {
    check(!is_locked(own), "labels", "another process works on ", own);
    fs::remove(own);
    if (options_.shards == 1) fs::remove(path("manifest.jsonl"));
  } else {
    if (fs::exists(path("manifest.jsonl"))) known_.read(path("manifest.jsonl"), job_);
    // Shards of the same number hold other items; those of other numbers may hold ours.
    const std::string same = cat("-of-", options_.shards, ".jsonl");
    for (const std::string& file : journal_files(options_.folder))
      if (!file.ends_with(same)) known_.read(file, job_);
    if (fs::exists(own)) known_.read(own, job_);
  }
  for (std::int64_t i = options_.shard; i < start.total; i += options_.shards) {
    const Item& item = items[static_cast<std::size_t>(i)];
    const LabelLines::Line* line = line_of(item);
    if (line == nullptr) continue;
    if (line->kind == LabelLines::Kind::kLabel && !file_is_there(item))
      known_.forget(item.name);
    else
      ++start.there;
  }
  journal_ = std::make_unique<LabelJournal>(options_.folder, start);
}

std::vector<int> LabelStore::values_of(const Item& item) const {
  std::vector<int> values = item.classes;
  for (int& value : values) value += shift_;
  return values;
}

const LabelLines::Line* LabelStore::line_of(const Item& item) {
  const LabelLines::Line* line = known_.find(item.name, values_of(item));
  return line != nullptr && line->kind != LabelLines::Kind::kFailed ? line : nullptr;
}

bool LabelStore::file_is_there(const Item& item) const {
  if (options_.layout == LabelLayout::kPng) return fs::exists(path(png_name(item)));
  return std::any_of(item.classes.begin(), item.classes.end(),
                     [&](int object) { return fs::exists(path(published_name(item, object))); });
}

std::string LabelStore::png_name(const Item& item) const {
  fs::path name(path_below(item.name));
  if (is_picture_name(item.name)) name.replace_extension();
  return "labels/" + name.generic_string() + ".png";
}

std::string LabelStore::published_name(const Item& item, int object) const {
  const std::string array = pssl_label_path(options_.wnids[static_cast<std::size_t>(object)], item.image);
  if (options_.layout == LabelLayout::kPssl) return array;
  return pssl_name(array) + std::string(kPsslLevelsSuffix);
}

void LabelStore::check_names(const std::vector<Item>& items) const {
  std::vector<std::pair<std::uint64_t, std::size_t>> names;  // hash, item: a million names fit in memory
  const auto all_names = [&](const Item& item) {
    std::vector<std::string> files;
    if (options_.layout == LabelLayout::kPng)
      files = {png_name(item)};
    else
      for (const int object : item.classes) files.push_back(published_name(item, object));
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

int LabelStore::object_of(const Item& item, const Tensor& label) const {
  check(!item.classes.empty(), "labels", "'", item.name,
        "' has no class, so no folder in the published layout");
  std::size_t classes = 0;
  const int object = main_class(label, options_.space, classes);
  const double ignored = label_shares(label, options_.space).ignored;
  check(options_.flatten || (classes <= 1 && ignored == 0), "labels",
        "the published layout knows one class and no ignored pixels; this label has ", classes,
        " classes and ", 100 * ignored,
        " % ignored pixels; --flatten keeps the largest class and makes the rest background");
  return object >= 0 ? object : item.classes[0];
}

Bytes LabelStore::encode(const Tensor& label, int object, const std::map<int, Tensor>& levels) const {
  if (options_.layout == LabelLayout::kPng)
    return encode_label_png(label,
                            {.palette = options_.space.ignore > 255 ? std::vector<Rgb>{} : options_.colours});
  if (options_.layout == LabelLayout::kPsslLevels)
    return encode_label_png(levels.at(object), {.format = LabelFormat::kGray8});
  Tensor mask(label.shape(), DType::kUInt8);
  const std::int32_t* from = label.data<const std::int32_t>();
  std::uint8_t* to = mask.data<std::uint8_t>();
  for (std::int64_t i = 0; i < label.numel(); ++i) to[i] = from[i] == object;
  return encode_npz({{"arr_0", mask}});
}

void LabelStore::put(const std::string& file, const std::function<void(const std::string&)>& write) {
  std::string temporary;
  try {
    {
      const std::scoped_lock lock(mutex_);
      temporary = cat(journal_folder(options_.folder), "/", options_.shard, "-of-", options_.shards, ".",
                      files_++, ".new");
    }
    write(temporary);
    fs::create_directories(fs::path(path(file)).parent_path());
    fs::rename(temporary, path(file));
  } catch (const fs::filesystem_error& error) {
    const int code = error.code().value();
    const bool own_fault = code == ENAMETOOLONG || code == ENOTDIR || code == EISDIR || code == EEXIST;
    give_up_on(temporary, cat(path(file), ": ", error.code().message()), !own_fault);
  } catch (const Error& error) {
    give_up_on(temporary, cat(path(file), ": ", error.what()), true);
  }
}

void LabelStore::give_up_on(const std::string& temporary, const std::string& why, bool all) {
  std::error_code ignored;
  fs::remove(temporary, ignored);
  const std::scoped_lock lock(mutex_);
  if (all) broken_ = why;
  throw_error("labels", why);
}

void LabelStore::write_line(const JsonObject& line) {
  check(journal_ != nullptr, "labels", "begin() comes before the first label");
  try {
    journal_->write(line);
  } catch (const Error& error) {
    const std::scoped_lock lock(mutex_);
    broken_ = error.what();
    throw;
  }
}

void LabelStore::write(const Item& item, const std::string& image, const Tensor& label,
                       const JsonObject& entry, const std::map<int, Tensor>& levels) {
  const bool published = options_.layout != LabelLayout::kPng;
  const int object = published ? object_of(item, label) : 0;
  const std::string file = published ? published_name(item, object) : png_name(item);
  const Bytes bytes = encode(label, object, levels);
  put(file, [&](const std::string& temporary) { write_file(temporary, bytes); });
  JsonObject line;
  line.set("id", item.name).set("image", image).set("label", file).set("classes", values_of(item));
  line.set("job", job_).set("made", entry);
  write_line(line);
}

void LabelStore::skip(const Item& item, const std::string& image, const std::string& reason) {
  JsonObject line;
  line.set("id", item.name).set("image", image).set("classes", values_of(item)).set("job", job_);
  write_line(line.set("skipped", reason));
}

void LabelStore::fail(const Item& item, const std::string& stage, const std::string& error) {
  check(broken_.empty(), "labels", broken_,
        "; what was done is kept: make room and run the same command again to go on");
  JsonObject line;
  line.set("stage", stage).set("id", item.name).set("job", job_);
  write_line(line.set("error", error));
  ++failed_;
}

void LabelStore::write_class_file() const {
  std::string text;
  for (std::size_t c = 0; c < options_.class_names.size(); ++c) {
    text += cat(c, "\t");
    if (options_.layout != LabelLayout::kPng) text += options_.wnids[c] + "\t";
    text += options_.class_names[c] + "\n";
  }
  replace("classes.txt", text);
  if (options_.layout == LabelLayout::kPng) return;
  std::string synsets;
  for (const std::string& wnid : options_.wnids) synsets += wnid + "\n";
  replace(std::string(kPsslSynsets), synsets);
}

}  // namespace clearcut
