// Hashes that say by what recipe a result was made, the same on every machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace clearcut {

/// What stands in files and folders, as short texts. Both are asked once per path: later changes are not
/// seen.
class FileStates {
 public:
  /// Path, size and time of all files below a path: changes when one of them does, on this machine.
  const std::string& here(const std::string& path);
  /// 16 hexadecimal digits that do not depend on where the path lies: of a file its bytes; of a folder the
  /// names and sizes of all files below it, and the bytes of lists (txt, csv, json, jsonl) in the folder
  /// itself. So a data set is known by its lists and pictures, and a changed list by its lines.
  const std::string& anywhere(const std::string& path);

 private:
  std::map<std::string, std::string> here_, anywhere_;
};

/// 16 hexadecimal digits, FNV-1a.
std::string short_hash(const std::string& text);

}  // namespace clearcut
