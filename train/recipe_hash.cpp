#include "train/recipe_hash.h"

#include <filesystem>
#include <set>

#include "tensor/error.h"
#include "tensor/file.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

/// A line per file below a path, in order; line(file) makes it.
template <class Line>
std::string lines_of(const std::string& path, const Line& line) {
  std::set<std::string> lines;
  if (fs::is_regular_file(path)) lines.insert(line(fs::path(path)));
  if (fs::is_directory(path))
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) lines.insert(line(entry.path()));
  std::string text;
  for (const std::string& one : lines) text += one + "\n";
  return text;
}

bool is_list(const fs::path& file) {
  const std::string end = file.extension().string();
  return end == ".txt" || end == ".csv" || end == ".json" || end == ".jsonl";
}

}  // namespace

std::string short_hash(const std::string& text) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(hash_name(text)));
  return digits;
}

const std::string& FileStates::of(const std::string& path) {
  const auto known = known_.find(path);
  if (known != known_.end()) return known->second;
  const bool one = fs::is_regular_file(path);
  const std::string text = lines_of(path, [&](const fs::path& file) {
    if (one) return read_text(path);
    const fs::path name = file.lexically_relative(path);
    const bool list = !name.has_parent_path() && is_list(name);
    return cat(name.generic_string(), " ", fs::file_size(file),
               list ? " " + short_hash(read_text(file)) : "");
  });
  return known_[path] = short_hash(text);
}

}  // namespace clearcut
