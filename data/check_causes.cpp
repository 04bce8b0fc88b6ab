#include "data/check_causes.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include "data/file_names.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr const char* kReplace = "replace the file or take the item off the list";

std::string first_bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(512, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

// What kind of file begins so, if it is one that people take for a picture.
std::optional<std::string> other_kind(std::string_view text) {
  constexpr std::string_view kLittleTiff("II*\0", 4), kBigTiff("MM\0*", 4);
  if (text.starts_with(kLittleTiff) || text.starts_with(kBigTiff)) return "TIFF";
  if (text.starts_with("GIF8")) return "GIF";
  if (text.starts_with("BM")) return "BMP";
  if (text.starts_with("RIFF") && text.substr(0, 16).find("WEBP") != std::string_view::npos) return "WebP";
  if (text.substr(0, 12).find("ftyp") == 4) return "HEIF or AVIF";
  if (text.starts_with("\x89HDF") || text.starts_with("MATLAB")) return "MATLAB";
  if (text.starts_with("\x93NUMPY")) return "NumPy";
  return std::nullopt;
}

Cause why_missing(const fs::path& path, const std::string& kind) {
  const std::string name = path.string();
  if (name.find('\\') != std::string::npos)
    return {kind, "the list was written on Windows: '\\' stands between folders", "write '/' in the list"};
  if (name.find(',') != std::string::npos)
    return {kind, "commas stand between the fields of the list",
            "put spaces or tabs between them, or use format csv with a header"};
  if (!fs::is_directory(path.parent_path()))
    return {kind, "paths start from another folder, or a part of the data set was not unpacked",
            "there is no folder " + path.parent_path().string() +
                ": name the folder that paths start from as root, or unpack the rest"};
  if (const auto near = picture_with_stem(path.parent_path(), path.stem().string()))
    return {kind, "the file has another ending than the list or the layout says",
            fs::path(*near).filename().string() + " is there: change the list, or rename the files"};
  return {kind, "the file was not copied, or is spelled otherwise (capital letters count)", kReplace};
}

}  // namespace

Cause why_unreadable(const std::string& path, FileRole role, const std::string& error) {
  const bool mask = role == FileRole::kMask;
  const std::string unreadable = mask ? "unreadable mask" : "unreadable picture";
  const bool in_shard = path.find(".tar@") != std::string::npos;
  if (!in_shard && !fs::exists(path)) return why_missing(path, mask ? "missing mask" : "missing picture");
  if (!in_shard && !fs::is_regular_file(path))
    return {unreadable, "a folder, or something else that is no file, has this name", kReplace};
  const std::string text = in_shard ? "" : first_bytes(path);
  if (text.empty() && !in_shard && fs::file_size(path) > 0)
    return {unreadable, "you may not read this file", "ask its owner, or give leave with `chmod +r`"};
  if (text.empty() && !in_shard)
    return {unreadable, "an empty file: a download or a copy was cut off, or the disk was full", kReplace};
  if (text.starts_with("version https://git-lfs"))
    return {unreadable, "a Git LFS pointer lies in place of the file", "fetch the files with `git lfs pull`"};
  if (text.starts_with("<"))
    return {unreadable, "a web page was saved under this name: the download failed or asked for a log-in",
            "download the file again"};
  if (const auto kind = other_kind(text))
    return {unreadable, "a " + *kind + " file, whatever its name says", "convert it to PNG"};
  if (mask && text.starts_with("\xFF\xD8"))
    return {unreadable, "a JPEG file, whatever its name says: compression smears labels",
            "save the labels as PNG from where they came from; what JPEG smeared cannot be repaired"};
  if (mask && error.find("gray or palette") != std::string::npos)
    return {"mask holds colours", "the mask was saved as a colour picture",
            "`clearcut data convert --colours` makes class indices of the class file's colours"};
  if (mask && error.find("interlaced") != std::string::npos)
    return {unreadable, "an interlaced PNG, which label readers do not share", "save it without interlacing"};
  return {unreadable, "the file is damaged, or was copied only in part", kReplace};
}

}  // namespace clearcut
