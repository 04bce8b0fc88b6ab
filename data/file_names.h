// Names of pictures on disk.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace clearcut {

/// .jpg, .jpeg or .png, in small or capital letters. What the file really holds is read_picture()'s concern.
bool is_picture_name(const std::string& path);

/// FOLDER/STEM with the first of .jpg, .JPEG, .jpeg, .png, .JPG that exists.
std::optional<std::string> picture_with_stem(const std::filesystem::path& folder, const std::string& stem);
/// FOLDER/ID if the id has the ending of a picture, else picture_with_stem(); FOLDER/ID.jpg if there is none,
/// so that reading it names a file.
std::string find_picture(const std::filesystem::path& folder, const std::string& id);

/// What lies directly in a folder, in order of name, hidden entries left out: its folders, or its files.
std::vector<std::filesystem::path> sorted_entries(const std::filesystem::path& folder, bool folders);
/// All files at any depth below a folder, links followed, in order of name.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);

/// The pictures at any depth below a folder, in order of name; those below the folder `except` are left out,
/// as what an earlier run wrote there.
std::vector<std::filesystem::path> pictures_below(const std::filesystem::path& folder,
                                                  const std::filesystem::path& except);

/// A relative path that stays below the folder it is joined to: without root, "." and "..".
std::string path_below(const std::string& path);

/// The file that `path`, relative and with '/', names below `folder`, with links followed. Nothing if there
/// is no such file, if a part of the path is "..", begins with '.' or is empty, or if links lead out of the
/// folder.
std::optional<std::string> file_inside(const std::string& folder, const std::string& path);

}  // namespace clearcut
