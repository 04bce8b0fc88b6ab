// JSON lines: one object per line, safe to append to and to read while it grows.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "data/json.h"

namespace clearcut {

/// Appends lines. Each line goes to the file in one write, so a killed job leaves at most one torn last line;
/// opening the file again cuts that line off. Calls from several threads are safe.
class JsonlWriter {
 public:
  enum class Mode { kAppend, kFresh };
  /// Missing folders are made. Throws Error with the system's reason.
  explicit JsonlWriter(const std::string& path, Mode mode = Mode::kAppend);
  ~JsonlWriter();
  JsonlWriter(const JsonlWriter&) = delete;
  JsonlWriter& operator=(const JsonlWriter&) = delete;

  void write(const JsonObject& line);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int file_ = -1;
  std::mutex mutex_;
};

/// All lines of a file; a torn last line (no line feed, not JSON) is left out. Throws Error that names file
/// and line for anything else that is not an object.
std::vector<JsonObject> read_jsonl(const std::string& path);

/// One item that could not be handled.
struct Failure {
  std::string id;     // the item's name: path relative to its data set
  std::string stage;  // "read", "explain", ...
  std::string error;
};
/// failures.jsonl: {"id", "stage", "error"}. Writes the whole file anew; removes it if there are none.
void write_failures(const std::string& path, const std::vector<Failure>& failures);
std::vector<Failure> read_failures(const std::string& path);

}  // namespace clearcut
