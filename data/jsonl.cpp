#include "data/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tensor/error.h"
#include "tensor/file.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

// Bytes up to and with the last line feed: what a killed writer left whole.
std::size_t whole_lines(const std::string& text) {
  const std::size_t last = text.rfind('\n');
  return last == std::string::npos ? 0 : last + 1;
}

}  // namespace

JsonlWriter::JsonlWriter(const std::string& path, Mode mode) : path_(path) {
  const fs::path folder = fs::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) fs::create_directories(folder, error);
  check(!error, "jsonl", "cannot make the folder ", folder.string(), ": ", error.message());
  if (mode == Mode::kAppend && fs::exists(path)) {
    const std::string text = read_text(path);
    if (whole_lines(text) < text.size()) fs::resize_file(path, whole_lines(text));
  }
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
  for (std::size_t at = 0; at < text.size();) {  // one write, unless the disk is full or a signal came
    const ssize_t n = ::write(file_, text.data() + at, text.size() - at);
    if (n < 0 && errno == EINTR) continue;
    check(n > 0, "jsonl", path_, ": ", std::strerror(errno));
    at += static_cast<std::size_t>(n);
  }
}

std::vector<JsonObject> read_jsonl(const std::string& path) {
  const std::string text = read_text(path);
  const std::size_t end = whole_lines(text);
  std::vector<JsonObject> lines;
  for (std::size_t at = 0, number = 1; at < end; ++number) {
    const std::size_t stop = text.find('\n', at);
    const std::string_view line = std::string_view(text).substr(at, stop - at);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos)
      lines.push_back(JsonObject::parse(line, cat(path, ":", number)));
    at = stop + 1;
  }
  return lines;
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
