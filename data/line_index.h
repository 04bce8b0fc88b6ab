// Text files of millions of lines, read by the line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clearcut {

/// Lines of a text file by number, without keeping them: 8 bytes for each.
class LineIndex {
 public:
  /// A last line without line feed is left out: it is torn. max 0: all.
  LineIndex(std::string path, std::int64_t max);
  std::int64_t size() const { return static_cast<std::int64_t>(ends_.size()); }
  std::string line(std::int64_t i) const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::vector<std::uint64_t> ends_;
};

}  // namespace clearcut
