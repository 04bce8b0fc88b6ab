// Hashes that say by what recipe a result was made, the same on every machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace clearcut {

/// What stands in files and folders. Each path is looked at once: later changes are not seen.
class FileStates {
 public:
  /// 16 hexadecimal digits, the same wherever the path lies and whenever it was written: of a file its bytes;
  /// of a folder the names and sizes of all files below it, and the bytes of lists (txt, csv, json, jsonl) in
  /// the folder itself. So a data set is known by its lists and pictures, and a changed list by its lines; a
  /// picture that another of the same size replaces is not noticed.
  const std::string& of(const std::string& path);

 private:
  std::map<std::string, std::string> known_;
};

/// 16 hexadecimal digits, FNV-1a.
std::string short_hash(const std::string& text);

}  // namespace clearcut
