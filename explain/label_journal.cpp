#include "explain/label_journal.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "tensor/file.h"
#include "tensor/random.h"

namespace clearcut {

namespace fs = std::filesystem;

JsonObject to_json(const JournalStart& start) {
  JsonObject json;
  json.set("shard", start.shard).set("shards", start.shards).set("total", start.total);
  json.set("items", start.items).set("there", start.there).set("at", start.at).set("host", start.host);
  json.set("process", start.process).set("command", start.command).set("folder", start.folder);
  return json.set("job", start.job);
}

JournalStart journal_start(const JsonObject& json) {
  return {.shard = json.integer("shard"),
          .shards = json.integer("shards"),
          .total = json.integer("total"),
          .items = json.integer("items"),
          .there = json.integer("there"),
          .at = json.integer("at"),
          .host = json.text("host"),
          .folder = json.text("folder"),
          .process = json.integer("process"),
          .command = json.texts("command"),
          .job = json.object("job")};
}

std::vector<std::string> this_command() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, '\0');) words.push_back(word);
  std::vector<std::string> settings;
  for (const char* name : {"CLEARCUT_ISA", "CLEARCUT_KERNELS"})
    if (const char* value = std::getenv(name)) settings.push_back(cat(name, "=", value));
  if (words.empty() || settings.empty()) return words;
  settings.insert(settings.begin(), "env");
  words.insert(words.begin(), settings.begin(), settings.end());
  return words;
}

namespace {

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-+=./:,@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string shell_text(const std::vector<std::string>& words, const std::vector<std::string>& flags,
                       const std::vector<std::string>& options) {
  const auto among = [](const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  };
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (among(options, word)) {
      ++i;  // its value
      continue;
    }
    if (among(flags, word) || among(options, word.substr(0, word.find('=')))) continue;
    text += (text.empty() ? "" : " ") + quoted(word);
  }
  return text;
}

std::string shard_command(const JournalStart& start, std::int64_t shard) {
  const std::string text = shell_text(start.command, {"--overwrite"}, {"--shard"});
  if (text.empty() || start.shards == 1) return text;
  return text + cat(" --shard ", shard, "/", start.shards);
}

std::string journal_folder(const std::string& folder) { return folder + "/journal"; }

std::string journal_path(const std::string& folder, std::int64_t shard, std::int64_t shards) {
  return cat(journal_folder(folder), "/", shard, "-of-", shards, ".jsonl");
}

std::vector<std::string> journal_files(const std::string& folder) {
  std::vector<std::string> files;
  if (fs::is_directory(journal_folder(folder)))
    for (const auto& entry : fs::directory_iterator(journal_folder(folder)))
      if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

namespace {

std::string make_journal_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(journal_folder(folder), error);
  check(!error, "labels", "cannot make the folder ", journal_folder(folder), ": ", error.message());
  return folder;
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

}  // namespace

LabelJournal::LabelJournal(const std::string& folder, const JournalStart& start)
    : lock_(journal_path(make_journal_folder(folder), start.shard, start.shards), FileLock::Wait::kBriefly) {
  const std::string path = journal_path(folder, start.shard, start.shards);
  check(lock_.held(), "labels", "another process works on shard ", start.shard, "/", start.shards, " of ",
        folder, " (", path, " is locked); several processes share a job with --shard i/n or --shard auto");
  lines_ = std::make_unique<JsonlWriter>(path);
  JournalStart now = start;
  now.at = static_cast<std::int64_t>(std::time(nullptr));
  now.host = host_name();
  now.process = ::getpid();
  now.folder = fs::current_path().string();
  now.command = this_command();
  lines_->write(JsonObject().set("start", to_json(now)));
}

bool journal_ended(const std::string& path) {
  constexpr std::int64_t kTail = 4096;  // an end is short
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in.good()) return false;
  const auto size = static_cast<std::int64_t>(in.tellg());
  const std::int64_t begin = std::max<std::int64_t>(0, size - kTail);
  std::string tail(static_cast<std::size_t>(size - begin), '\0');
  in.seekg(begin);
  in.read(tail.data(), size - begin);
  if (!in.good() || tail.empty() || tail.back() != '\n') return false;
  const std::size_t before = tail.rfind('\n', tail.size() - 2);
  const std::size_t first = before == std::string::npos ? 0 : before + 1;
  return std::string_view(tail).substr(first).starts_with("{\"end\":");
}

JournalStart last_start(const std::string& path) {
  std::string last;
  for_each_line(path, [&](std::string_view line, std::int64_t) {
    if (line.starts_with("{\"start\":")) last = line;
  });
  check(!last.empty(), "labels", path, " holds no start of a job");
  return journal_start(JsonObject::parse(last, path).object("start"));
}

namespace {

struct ItemHash {
  std::uint64_t id[2];
};
ItemHash hash_of(const std::string& name) { return {{hash_name(name), hash_name("item " + name)}}; }

std::uint64_t hash_of_classes(const std::vector<std::int64_t>& classes) {
  std::string text;
  for (const std::int64_t c : classes) text += cat(c, " ");
  return hash_name(text);
}

bool less_id(const LabelLines::Line& a, const LabelLines::Line& b) {
  return std::tie(a.id[0], a.id[1]) < std::tie(b.id[0], b.id[1]);
}

}  // namespace

void LabelLines::read(const std::string& file, const std::string& job) {
  const auto number = static_cast<std::uint32_t>(files_.size());
  files_.push_back(file);
  open_.emplace_back();
  for_each_line(file, [&](std::string_view text, std::int64_t offset) {
    if (text.starts_with("{\"start\":") || text.starts_with("{\"end\":")) return;
    const JsonObject line = JsonObject::parse(text, file);
    if (line.text("job") != job) return;
    const ItemHash id = hash_of(line.text("id"));
    const bool failed = text.starts_with("{\"stage\":");
    lines_.push_back({.id = {id.id[0], id.id[1]},
                      .classes = failed ? 0 : hash_of_classes(line.integers("classes")),
                      .offset = offset,
                      .file = number,
                      .kind = failed              ? Kind::kFailed
                              : line.has("label") ? Kind::kLabel
                                                  : Kind::kSkipped});
  });
  sorted_ = false;
}

LabelLines::Line* LabelLines::newest(const std::string& name) {
  if (!sorted_) std::stable_sort(lines_.begin(), lines_.end(), less_id);
  sorted_ = true;
  const ItemHash id = hash_of(name);
  Line wanted{};
  wanted.id[0] = id.id[0];
  wanted.id[1] = id.id[1];
  const auto behind = std::upper_bound(lines_.begin(), lines_.end(), wanted, less_id);
  if (behind == lines_.begin() || less_id(*(behind - 1), wanted)) return nullptr;
  return &*(behind - 1);
}

const LabelLines::Line* LabelLines::find(const std::string& name, const std::vector<int>& classes) {
  const Line* line = newest(name);
  if (line == nullptr || line->kind == Kind::kFailed) return line;
  return line->classes == hash_of_classes({classes.begin(), classes.end()}) ? line : nullptr;
}

void LabelLines::forget(const std::string& name) {
  if (Line* line = newest(name)) line->kind = Kind::kFailed;
}

namespace {

/// A thousand journals are read in turn when they are joined; many systems begin with fewer open files.
void allow_many_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::string LabelLines::text(const Line& line) {
  std::unique_ptr<std::ifstream>& in = open_[line.file];
  if (!in) {
    if (files_.size() > 200) allow_many_open_files();
    in = std::make_unique<std::ifstream>(files_[line.file], std::ios::binary);
    check(in->good(), "labels", "cannot open ", files_[line.file], ": ", std::strerror(errno));
  }
  in->clear();
  if (static_cast<std::int64_t>(in->tellg()) != line.offset) in->seekg(line.offset);
  std::string text;
  check(static_cast<bool>(std::getline(*in, text)), "labels", "cannot read ", files_[line.file]);
  return text;
}

}  // namespace clearcut
