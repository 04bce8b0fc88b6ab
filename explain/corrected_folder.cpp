#include "explain/corrected_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "data/file_lock.h"
#include "data/file_names.h"
#include "data/labels/formats.h"
#include "data/pssl_layout.h"
#include "tensor/error.h"
#include "tensor/sha256.h"

namespace clearcut {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSeveral = -1;  // a file name that several pictures have

std::string last_corrected(const JsonObject& line) {
  if (!line.has("corrections")) return "";
  const std::vector<JsonObject> all = line.objects("corrections");
  return all.empty() ? "" : all.back().text("label_sha256");
}

/// Keeps the one file that a format writes.
struct KeptFile : FileSink {
  void write(const std::string& written, ByteView content) override {
    name = written;
    bytes.assign(content.begin(), content.end());
  }
  void write_list(const std::string&, const std::string&) override {}
  std::string name;
  Bytes bytes;
};

// A file's correction takes the place of an earlier one from the same file: imports can be repeated.
std::vector<JsonObject> with_correction(const JsonObject& line, const JsonObject& correction) {
  std::vector<JsonObject> all;
  if (line.has("corrections"))
    for (JsonObject& earlier : line.objects("corrections"))
      if (earlier.text("sha256") != correction.text("sha256") ||
          earlier.text("file") != correction.text("file"))
        all.push_back(std::move(earlier));
  all.push_back(correction);
  return all;
}

}  // namespace

LabelLegend legend_in(const ClassFile& classes, bool published) {
  LabelLegend legend{.names = classes.names, .folders = classes.wnids, .colours = classes.colours};
  if (legend.folders.empty()) legend.folders = legend.names;
  const auto C = static_cast<int>(legend.names.size());
  if (published) {
    legend.background = C;
    legend.ignore = C + 1;
    legend.names.emplace_back("background");
    legend.folders.emplace_back("background");
    return legend;
  }
  const auto it = std::find(legend.names.begin(), legend.names.end(), "background");
  legend.background = it == legend.names.end() ? -1 : static_cast<int>(it - legend.names.begin());
  legend.ignore = C > 255 ? 65535 : 255;
  return legend;
}

CorrectedFolder::CorrectedFolder(std::string folder) : folder_(std::move(folder)) {
  std::ifstream manifest(path("manifest.jsonl"));
  check(manifest.good(), "labels", "cannot open ", path("manifest.jsonl"));
  std::string text;
  for (int line = 1; std::getline(manifest, text); ++line) {
    const JsonObject entry = JsonObject::parse(text, cat(path("manifest.jsonl"), ":", line));
    places_.push_back({entry.text("id"), entry.has("label") ? entry.text("label") : "", last_corrected(entry),
                       weights_in(entry)});
    const auto place = static_cast<std::int64_t>(places_.size()) - 1;
    const std::string& label = places_.back().label;
    add_name(entry.text("id"), place);
    add_name(entry.text("image"), place);
    if (is_published_label(label)) add_name(pssl_name(label), place);
    published_ = published_ || is_published_label(label);
  }
  legend_ = legend_in(read_class_file(path("classes.txt")), published_);
}

void CorrectedFolder::add_name(const std::string& name, std::int64_t place) {
  const std::string stem = picture_stem(name);
  by_path_.emplace(stem, place);
  const auto [it, fresh] = by_file_.emplace(fs::path(stem).filename().string(), place);
  if (!fresh && it->second != place) it->second = kSeveral;
}

const LabelPlace& CorrectedFolder::find(const std::string& picture, const std::string& file) const {
  const std::string stem = picture_stem(picture);
  if (const auto path = by_path_.find(stem); path != by_path_.end())
    return places_[static_cast<std::size_t>(path->second)];
  const auto name = by_file_.find(fs::path(stem).filename().string());
  check(name != by_file_.end(), "labels", file, ": '", picture, "' is no picture of ", folder_);
  check(name->second != kSeveral, "labels", file, ": '", picture, "' is the name of several pictures of ",
        folder_, "; give its path");
  return places_[static_cast<std::size_t>(name->second)];
}

void CorrectedFolder::keep_original(const LabelPlace& place) const {
  if (has_original(place)) return;
  if (!place.weights.empty()) write_file(path("originals/" + place.weights), read_file(path(place.weights)));
  write_file(path(original_of(place)), read_file(path(place.label)));
}

void CorrectedFolder::trust(const LabelPlace& place, const Tensor& labels) const {
  if (place.weights.empty()) return;
  write_label_png(path(place.weights), Tensor::full(labels.shape(), 255, DType::kInt32),
                  {.format = LabelFormat::kGray8});
}

int CorrectedFolder::class_of(const LabelPlace& place) const {
  return legend_.value_in_folder(fs::path(place.label).parent_path().filename().string());
}

Tensor CorrectedFolder::read(const LabelPlace& place, const std::string& file) const {
  Dataset values;
  values.masks = published_ ? MaskFormat::kPsslNpz : MaskFormat::kPng;
  values.background = legend_.background;
  values.ignore = legend_.ignore;
  values.pssl_minus_one_ignored = true;
  return read_mask(values, {.id = 0,
                            .name = place.id,
                            .image = "",
                            .mask = path(file),
                            .classes = published_ ? std::vector<int>{class_of(place)} : std::vector<int>{}});
}

Bytes CorrectedFolder::encode(const LabelPlace& place, const Tensor& labels, bool minus_one) const {
  if (!published_) return encode_label_png(labels, {.palette = read_label_png(path(place.label)).palette});
  KeptFile file;
  label_file_format(place.label.ends_with(kPsslSuffix) ? "pssl-npz" : "pssl-levels")
      .writer(file, legend_, {.minus_one = minus_one})
      ->write({.picture = place.label, .classes = {class_of(place)}, .labels = labels});
  check(fs::path(file.name).parent_path() == fs::path(place.label).parent_path(), "labels", place.id,
        ": in the published layout the class is that of the folder, ", place.label, "; the correction is of ",
        file.name);
  return file.bytes;
}

void CorrectedFolder::write(const LabelPlace& place, const Bytes& file) const {
  write_file(path(place.label), file);
}

bool CorrectedFolder::has_original(const LabelPlace& place) const {
  return fs::exists(path(original_of(place)));
}

bool CorrectedFolder::is_known(const LabelPlace& place) const {
  return place.corrected.empty() ? !has_original(place)
                                 : place.corrected == sha256(read_file(path(place.label)));
}

void CorrectedFolder::update(const std::map<std::string, JsonObject>& corrections) const {
  const std::string manifest = path("manifest.jsonl"), part = manifest + ".part";
  std::optional<FileLock> lock;  // `label fuse` joins under it; a folder without job.json is not its own
  if (fs::exists(path("job.json"))) lock.emplace(path("job.json"), FileLock::Wait::kAlways);
  {
    std::ifstream in(manifest);
    JsonlWriter out(part, JsonlWriter::Mode::kFresh);
    std::string text;
    while (std::getline(in, text)) {
      JsonObject line = JsonObject::parse(text, manifest);
      const auto it = corrections.find(line.text("id"));
      if (it != corrections.end()) line.set("corrections", with_correction(line, it->second));
      out.write(line);
    }
    check(in.eof(), "labels", "cannot read ", manifest, " to its end; it is left as it was");
  }
  fs::rename(part, manifest);
}

}  // namespace clearcut
