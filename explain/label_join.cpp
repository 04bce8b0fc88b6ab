// LabelStore: the end of a job.
#include "explain/label_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "data/file_lock.h"
#include "data/pssl_layout.h"
#include "tensor/sha256.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

/// A file that is written piece by piece under a temporary name.
class TextFile {
 public:
  explicit TextFile(const std::string& path) : path_(path), out_(std::fopen(path.c_str(), "wb")) {
    need(out_ != nullptr);
  }
  ~TextFile() {
    if (out_ != nullptr) std::fclose(out_);
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;

  void add(const std::string& text) { need(std::fwrite(text.data(), 1, text.size(), out_) == text.size()); }
  void move_to(const std::string& path) {
    need(std::fflush(out_) == 0 && (::fsync(::fileno(out_)) == 0 || errno == EINVAL));
    need(std::rename(path_.c_str(), path.c_str()) == 0);
  }

 private:
  void need(bool ok) const { check(ok, "labels", "cannot write ", path_, ": ", std::strerror(errno)); }

  std::string path_;
  std::FILE* out_;
};

}  // namespace

bool LabelStore::all_ended() const {
  // A shard without a journal has nothing left to do if its lines were joined before.
  const bool joined = fs::exists(path("manifest.jsonl"));
  for (std::int64_t shard = 0; shard < options_.shards; ++shard) {
    const std::string file = journal_path(options_.folder, shard, options_.shards);
    if (!journal_ended(file) && (!joined || fs::exists(file))) return false;
  }
  return true;
}

void LabelStore::check_jobs() const {
  for (std::int64_t shard = 0; shard < options_.shards; ++shard) {
    const std::string file = journal_path(options_.folder, shard, options_.shards);
    if (!fs::exists(file)) continue;
    const JsonObject there = last_start(file).job;
    check(job_hash(there) == job_, "labels", "the shards cannot be joined: ", file,
          " holds labels of another job (", job_difference(there, options_.job),
          "); make that shard again with --overwrite");
  }
}

std::map<std::string, std::string> LabelStore::corrected_lines() const {
  std::map<std::string, std::string> found;
  const std::string manifest = path("manifest.jsonl");
  if (!fs::exists(manifest)) return found;
  for_each_line(manifest, [&](std::string_view text, std::int64_t) {
    if (text.find("\"corrections\"") == std::string_view::npos) return;
    const JsonObject line = JsonObject::parse(text, manifest);
    if (line.text("job") != job_ || !fs::exists(path(line.text("label")))) return;
    if (sha256(read_file(path(line.text("label")))) ==
        line.objects("corrections").back().text("label_sha256"))
      found.emplace(line.text("id"), text);
  });
  return found;
}

bool LabelStore::join(const std::vector<Item>& order) {
  LabelLines lines;
  if (fs::exists(path("manifest.jsonl"))) lines.read(path("manifest.jsonl"), job_);
  const std::string same = cat("-of-", options_.shards, ".jsonl");
  for (const bool own : {false, true})
    for (const std::string& file : journal_files(options_.folder))
      if (file.ends_with(same) == own) lines.read(file, job_);
  for (const Item& item : order)
    if (lines.find(item.name, values_of(item)) == nullptr)
      return false;  // that one's shard was not all tried
  const std::map<std::string, std::string> corrected = corrected_lines();
  std::vector<Failure> failures;
  TextFile manifest(journal_folder(options_.folder) + "/manifest.new");
  TextFile list(journal_folder(options_.folder) + "/list.new");
  const auto add = [&](const Item& item) {
    const LabelLines::Line* line = lines.find(item.name, values_of(item));
    if (line == nullptr) return;  // one of the others
    const auto by_hand = corrected.find(item.name);
    const std::string text = by_hand == corrected.end() ? lines.text(*line) : by_hand->second;
    const JsonObject json = JsonObject::parse(text, "journal");
    if (line->kind == LabelLines::Kind::kFailed)
      failures.push_back({.id = item.name, .stage = json.text("stage"), .error = json.text("error")});
    else
      manifest.add(text + "\n");
    if (line->kind == LabelLines::Kind::kLabel) list.add(json.text("label") + "\n");
  };
  std::ranges::for_each(order, add);
  std::ranges::for_each(options_.others, add);
  manifest.move_to(path("manifest.jsonl"));
  if (options_.layout != LabelLayout::kPng) list.move_to(path(std::string(kPsslList)));
  write_failures(journal_folder(options_.folder) + "/failures.new", failures);
  if (failures.empty())
    fs::remove(path("failures.jsonl"));
  else
    fs::rename(journal_folder(options_.folder) + "/failures.new", path("failures.jsonl"));
  return true;
}

void LabelStore::finish(const std::vector<Item>& order, const std::function<void()>& joined) {
  known_ = {};
  write_line(JsonObject().set("end", JsonObject().set("failed", failed_)));
  journal_.reset();
  const FileLock lock(path("job.json"), FileLock::Wait::kAlways);
  const bool joined_by_another = !fs::exists(journal_path(options_.folder, options_.shard, options_.shards));
  if (joined_by_another || !all_ended()) return;
  check_jobs();
  if (!join(order)) return;
  if (joined) joined();
  const std::vector<std::string> files = journal_files(options_.folder);
  if (!fs::exists(path("failures.jsonl")) && std::none_of(files.begin(), files.end(), is_locked))
    fs::remove_all(journal_folder(options_.folder));
}

}  // namespace clearcut
