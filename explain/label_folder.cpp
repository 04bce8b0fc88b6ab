#include "explain/label_folder.h"

#include <algorithm>
#include <filesystem>

#include "data/file_names.h"
#include "data/pssl_layout.h"
#include "explain/fuse.h"
#include "tensor/error.h"
#include "tensor/npy.h"

namespace clearcut {

namespace fs = std::filesystem;

LabelFolder::LabelFolder(std::string folder, std::string images, std::int64_t limit)
    : folder_(std::move(folder)), images_(std::move(images)), lines_(folder_ + "/manifest.jsonl", limit) {
  const std::string job = folder_ + "/job.json", classes = folder_ + "/classes.txt";
  if (fs::exists(job)) job_ = JsonObject::read(job);
  if (fs::exists(classes)) classes_ = read_class_file(classes);
  if (images_.empty() && job_.has("data")) images_ = job_.object("data").text("root");
  const auto C = static_cast<int>(classes_.names.size());
  if (fs::exists(folder_ + "/" + std::string(kPsslSynsets))) {  // the published layout stores no background
    classes_.names.emplace_back("background");
    space_ = {.background = C, .ignore = C + 1};
    return;
  }
  const auto& names = classes_.names;
  const auto named = std::find(names.begin(), names.end(), "background");
  if (named != names.end()) space_.background = static_cast<int>(named - names.begin());
  if (C > 255) space_.ignore = 65535;
}

JsonObject LabelFolder::line(std::int64_t i) const {
  return JsonObject::parse(lines_.line(i), cat(lines_.path(), ":", i + 1));
}

std::string LabelFolder::class_name(std::int64_t value) const {
  const auto at = static_cast<std::size_t>(value);
  return value >= 0 && at < classes_.names.size() ? classes_.names[at] : cat("class ", value);
}

Tensor LabelFolder::label(const JsonObject& line) const {
  const std::string name = line.text("label");
  const auto file = file_inside(folder_, name);
  check(file.has_value(), "labels", "the label ", name, " is not in ", folder_);
  if (!is_published_label(name)) return read_label_png(*file).labels;
  const std::string wnid = fs::path(name).parent_path().filename().string();  // it says the class
  const auto& wnids = classes_.wnids.empty() ? classes_.names : classes_.wnids;
  const auto object = static_cast<int>(std::find(wnids.begin(), wnids.end(), wnid) - wnids.begin());
  Dataset values;
  values.masks = MaskFormat::kPsslNpz;
  values.background = space_.background;
  values.ignore = space_.ignore;
  return read_mask(values, {.id = 0, .name = name, .image = "", .mask = *file, .classes = {object}});
}

std::optional<Tensor> LabelFolder::map(const JsonObject& line, std::int64_t value) const {
  Item item;
  item.name = line.text("id");
  const auto file = file_inside(folder_, consensus_path("", item, static_cast<int>(value)).substr(1));
  if (!file) return std::nullopt;
  return read_label_png(*file).labels;
}

std::string LabelFolder::image(const JsonObject& line) const {
  return (fs::path(images_) / line.text("image")).string();
}

Tensor LabelFolder::picture(const JsonObject& line, const Tensor& label) const {
  const std::string path = image(line);
  Tensor picture = read_picture(path);
  if (picture.dim(0) == label.dim(0) && picture.dim(1) == label.dim(1)) return picture;
  return read_picture(path, {.apply_exif = true});
}

Tensor mask_beside(const std::string& folder, const std::string& name) {
  fs::path stem(path_below(name));
  if (is_picture_name(name)) stem.replace_extension();
  const auto file = folder.empty() ? std::nullopt : file_inside(folder, stem.generic_string() + ".png");
  return file ? read_label_png(*file).labels : Tensor();
}

}  // namespace clearcut
