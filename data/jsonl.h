// JSON lines: one object per line, safe to append to and to read while it grows.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "data/json.h"

namespace clearcut {

/// Appends lines. Each line goes to the file in one write, so a killed job leaves at most one torn last line;
/// opening the file again cuts that line off. A line that does not fit on the disk is taken back whole. Calls
/// from several threads are safe; a second writer of the same file is not.
class JsonlWriter {
 public:
  enum class Mode { kAppend, kFresh };
  /// Missing folders are made. Throws Error with the system's reason.
  explicit JsonlWriter(const std::string& path, Mode mode = Mode::kAppend);
  ~JsonlWriter();
  JsonlWriter(const JsonlWriter&) = delete;
  JsonlWriter& operator=(const JsonlWriter&) = delete;

  /// Throws Error with the system's reason; the file then ends where it ended before.
  void write(const JsonObject& line);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int file_ = -1;
  std::mutex mutex_;
};

/// Calls use(line, offset) for each whole line of a file: its text without the line feed and its place in
/// bytes. Blocks are read one after the other: a file may be larger than the memory. A torn last line is left
/// out.
void for_each_line(const std::string& path,
                   const std::function<void(std::string_view line, std::int64_t offset)>& use);

/// All lines of a file; a torn last line (no line feed, not JSON) is left out. Throws Error that names file
/// and line for anything else that is not an object.
std::vector<JsonObject> read_jsonl(const std::string& path);

/// One item that could not be handled.
struct Failure {
  std::string id;     // the item's name: path relative to its data set
  std::string stage;  // "read", "explain", ...
  std::string error;
};
/// Adds those of `more` whose id is not in the list yet: an item that fails twice is one item.
void add_failures(std::vector<Failure>& failures, const std::vector<Failure>& more);
/// failures.jsonl: {"id", "stage", "error"}. Writes the whole file anew; removes it if there are none.
void write_failures(const std::string& path, const std::vector<Failure>& failures);
std::vector<Failure> read_failures(const std::string& path);

}  // namespace clearcut
