#include "data/file_names.h"

#include <algorithm>
#include <cctype>

namespace clearcut {

namespace fs = std::filesystem;

bool is_picture_name(const std::string& path) {
  std::string end = fs::path(path).extension().string();
  std::transform(end.begin(), end.end(), end.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return end == ".jpg" || end == ".jpeg" || end == ".png";
}

std::optional<std::string> picture_with_stem(const fs::path& folder, const std::string& stem) {
  for (const char* end : {".jpg", ".JPEG", ".jpeg", ".png", ".JPG"})
    if (fs::exists(folder / (stem + end))) return (folder / (stem + end)).lexically_normal().string();
  return std::nullopt;
}

std::string find_picture(const fs::path& folder, const std::string& id) {
  if (is_picture_name(id)) return (folder / id).lexically_normal().string();
  return picture_with_stem(folder, id).value_or((folder / (id + ".jpg")).lexically_normal().string());
}

std::vector<fs::path> sorted_entries(const fs::path& folder, bool folders) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() == folders && entry.path().filename().string()[0] != '.')
      entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry :
       fs::recursive_directory_iterator(folder, fs::directory_options::follow_directory_symlink))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> pictures_below(const fs::path& folder, const fs::path& except) {
  const fs::path left_out = fs::weakly_canonical(except);
  std::vector<fs::path> files;
  for (auto at = fs::recursive_directory_iterator(folder); at != fs::recursive_directory_iterator(); ++at)
    if (at->is_directory() && fs::weakly_canonical(at->path()) == left_out)
      at.disable_recursion_pending();
    else if (at->is_regular_file() && is_picture_name(at->path().string()))
      files.push_back(at->path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string path_below(const std::string& path) {
  fs::path below;
  for (const fs::path& part : fs::path(path).relative_path())
    if (part != "." && part != "..") below /= part;
  return below.generic_string();
}

std::optional<std::string> file_inside(const std::string& folder, const std::string& path) {
  if (path.starts_with('/')) return std::nullopt;
  for (const fs::path& part : fs::path(path))
    if (part.empty() || part.native()[0] == '.') return std::nullopt;
  std::error_code none;  // a name that is too long, a link to itself, no permission: there is no such file
  const fs::path root = fs::canonical(folder, none);
  if (none) return std::nullopt;
  const fs::path file = fs::canonical(root / path, none);
  if (none || !fs::is_regular_file(file, none)) return std::nullopt;
  const auto [end, below] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (end != root.end() || below == file.end()) return std::nullopt;
  return file.string();
}

}  // namespace clearcut
