#include "data/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "tensor/error.h"
#include "tensor/file.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16;

/// Bytes up to and with the last line feed: what a killed writer left whole.
std::int64_t whole_lines(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  check(in.good(), "jsonl", "cannot open ", path, ": ", std::strerror(errno));
  std::string block;
  for (auto end = static_cast<std::int64_t>(in.tellg()); end > 0;) {
    const std::int64_t begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(kBlock));
    block.resize(static_cast<std::size_t>(end - begin));
    in.seekg(begin);
    in.read(block.data(), end - begin);
    check(in.good(), "jsonl", path, ": cannot be read");
    const std::size_t last = block.rfind('\n');
    if (last != std::string::npos) return begin + static_cast<std::int64_t>(last) + 1;
    end = begin;
  }
  return 0;
}

}  // namespace

JsonlWriter::JsonlWriter(const std::string& path, Mode mode) : path_(path) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  check(!error, "jsonl", "cannot make the folder ", folder.string(), ": ", error.message());
  if (mode == Mode::kAppend && fs::exists(path))
    fs::resize_file(path, static_cast<std::uintmax_t>(whole_lines(path)));
  const int fresh = mode == Mode::kFresh ? O_TRUNC : 0;
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | fresh, 0644);
  check(file_ >= 0, "jsonl", "cannot write ", path, ": ", std::strerror(errno));
}

JsonlWriter::~JsonlWriter() {
  if (file_ >= 0) ::close(file_);
}

void JsonlWriter::write(const JsonObject& line) {
  const std::string text = line.line() + '\n';
  const std::scoped_lock lock(mutex_);
  const off_t before = ::lseek(file_, 0, SEEK_END);
  for (std::size_t at = 0; at < text.size();) {  // one write, unless the disk is full or a signal came
    const ssize_t n = ::write(file_, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const std::string reason = std::strerror(errno);
      // Half a line in the middle would make the file unreadable once there is room for the next one.
      const bool whole = before >= 0 && ::ftruncate(file_, before) == 0;
      fail("jsonl", path_, ": ", reason, whole ? "" : "; its last line is torn");
    }
    at += static_cast<std::size_t>(n);
  }
}

void for_each_line(const std::string& path,
                   const std::function<void(std::string_view line, std::int64_t offset)>& use) {
  std::ifstream in(path, std::ios::binary);
  check(in.good(), "jsonl", "cannot open ", path, ": ", std::strerror(errno));
  std::string text;
  for (std::int64_t offset = 0; in.good();) {
    const std::size_t kept = text.size();
    text.resize(kept + kBlock);
    in.read(text.data() + kept, static_cast<std::streamsize>(kBlock));
    text.resize(kept + static_cast<std::size_t>(in.gcount()));
    std::size_t at = 0;
    for (std::size_t stop; (stop = text.find('\n', at)) != std::string::npos; at = stop + 1)
      use(std::string_view(text).substr(at, stop - at), offset + static_cast<std::int64_t>(at));
    offset += static_cast<std::int64_t>(at);
    text.erase(0, at);
  }
  check(in.eof(), "jsonl", path, ": cannot be read");
}

std::vector<JsonObject> read_jsonl(const std::string& path) {
  std::vector<JsonObject> lines;
  std::size_t number = 0;
  for_each_line(path, [&](std::string_view line, std::int64_t) {
    ++number;
    if (line.find_first_not_of(" \t\r") != std::string_view::npos)
      lines.push_back(JsonObject::parse(line, cat(path, ":", number)));
  });
  return lines;
}

void add_failures(std::vector<Failure>& failures, const std::vector<Failure>& more) {
  std::set<std::string> there;
  for (const Failure& failure : failures) there.insert(failure.id);
  for (const Failure& failure : more)
    if (there.insert(failure.id).second) failures.push_back(failure);
}

void write_failures(const std::string& path, const std::vector<Failure>& failures) {
  if (failures.empty()) {
    fs::remove(path);
    return;
  }
  std::string text;
  for (const Failure& f : failures)
    text += JsonObject().set("id", f.id).set("stage", f.stage).set("error", f.error).line() + '\n';
  write_file(path, text);
}

std::vector<Failure> read_failures(const std::string& path) {
  std::vector<Failure> failures;
  for (const JsonObject& line : read_jsonl(path))
    failures.push_back({line.text("id"), line.text("stage"), line.text("error")});
  return failures;
}

}  // namespace clearcut
