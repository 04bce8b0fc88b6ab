#include "data/pssl_layout.h"

#include <algorithm>
#include <filesystem>

#include "data/file_names.h"
#include "data/jsonl.h"
#include "data/labels/files.h"
#include "tensor/error.h"

namespace clearcut {

namespace fs = std::filesystem;

std::string pssl_label_path(const std::string& wnid, const std::string& picture) {
  return cat("train/", wnid, "/", fs::path(picture).stem().string(), ".JPEG", kPsslSuffix);
}

std::string pssl_name(const std::string& label_path) {
  for (const std::string_view suffix : {kPsslSuffix, kPsslLevelsSuffix})
    if (label_path.ends_with(cat(".JPEG", suffix)))
      return label_path.substr(0, label_path.size() - suffix.size());
  return label_path;
}

bool is_published_label(const std::string& label_path) {
  return label_path.starts_with("train/") && pssl_name(label_path) != label_path;
}

Tensor decode_pssl_levels(ByteView bytes, const std::string& where, std::size_t max_bytes) {
  Tensor levels = decode_label_png(bytes, where, max_bytes).labels;
  const auto* p = levels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < levels.numel(); ++i)
    check((p[i] >= 0 && p[i] <= kPsslTopLevel) || p[i] == kPsslIgnoredLevel, "labels", where, ": level ",
          p[i], " at row ", i / levels.dim(1), ", column ", i % levels.dim(1),
          "; levels are 0 to 9, and 255 is ignored");
  return levels;
}

std::string weights_in(const JsonObject& line) {
  if (!line.has("made")) return "";
  const JsonObject made = line.object("made");
  return made.has("weights") ? made.text("weights") : "";
}

PsslFolder::PsslFolder(std::string root, std::string images)
    : root_(std::move(root)), images_(std::move(images)) {
  if (fs::is_regular_file(fs::path(root_) / kShardIndex)) shards_ = std::make_shared<const FileSource>(root_);
  const std::string manifest = (fs::path(root_) / "manifest.jsonl").string();
  if (!fs::is_regular_file(manifest)) return;
  for (const JsonObject& line : read_jsonl(manifest)) {
    if (!line.has("label")) continue;
    by_manifest_[line.text("label")] = line.text("image");
    if (const std::string file = weights_in(line); !file.empty()) weights_[line.text("label")] = file;
  }
}

std::string PsslFolder::weights(const std::string& name) const {
  for (const std::string_view suffix : {kPsslSuffix, kPsslLevelsSuffix})
    if (const auto line = weights_.find(cat(name, suffix)); line != weights_.end()) return line->second;
  return "";
}

ClassFile PsslFolder::classes(const std::string& class_file) const {
  const std::string synsets = (fs::path(root_) / kPsslSynsets).string();
  const std::string file = class_file.empty() && fs::is_regular_file(synsets) ? synsets : class_file;
  if (!file.empty()) {
    ClassFile classes = read_class_file(file);
    if (classes.wnids.empty()) classes.wnids = classes.names;
    return classes;
  }
  const fs::path train = fs::path(root_) / "train";
  check(fs::is_directory(train), "data", "the folder ", train.string(),
        " does not exist; PSSL labels lie in train/<wnid>/");
  ClassFile classes;
  for (const fs::path& path : sorted_entries(train, /*folders=*/true))
    classes.wnids.push_back(path.filename().string());
  classes.names = classes.wnids;
  return classes;
}

std::string PsslFolder::list(const std::string& name) const {
  const fs::path path = fs::path(root_) / (name.empty() ? std::string(kPsslList) : name);
  return fs::is_regular_file(path) ? path.string() : "";
}

std::vector<std::string> PsslFolder::names() const {
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (pssl_name(path) != path) names.push_back(pssl_name(path));
  };
  if (shards_ != nullptr)
    for (const std::string& path : shards_->names()) add(path);
  else
    for (const fs::path& file : files_below(fs::path(root_) / "train"))
      add(file.lexically_relative(root_).generic_string());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string PsslFolder::label(const std::string& name) const {
  if (shards_ != nullptr)
    for (const std::string_view suffix : {kPsslSuffix, kPsslLevelsSuffix})
      if (const std::string file = cat(name, suffix); shards_->has(file)) return shards_->place(file);
  const fs::path path = (fs::path(root_) / name).lexically_normal();
  const std::string array = cat(path.string(), kPsslSuffix), levels = cat(path.string(), kPsslLevelsSuffix);
  return !fs::exists(array) && fs::exists(levels) ? levels : array;
}

std::string PsslFolder::picture(const std::string& name) const {
  const fs::path images(images_), path(name);
  for (const std::string_view suffix : {kPsslSuffix, kPsslLevelsSuffix})
    if (const auto line = by_manifest_.find(cat(name, suffix)); line != by_manifest_.end())
      if (fs::exists(images / line->second)) return (images / line->second).lexically_normal().string();
  const std::string published = (images / path).lexically_normal().string();
  if (fs::exists(published)) return published;
  const fs::path wnid = path.parent_path().filename();
  for (const fs::path& folder : {images / path.parent_path(), images / wnid, images})
    if (const auto found = picture_with_stem(folder, path.stem().string())) return *found;
  return published;
}

}  // namespace clearcut
