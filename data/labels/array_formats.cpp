// The layouts of the published label sets: one class per picture, named by its folder.
#include <filesystem>

#include "data/labels/one_file_each.h"
#include "data/pssl_layout.h"
#include "tensor/error.h"
#include "tensor/npy.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

constexpr std::int32_t kObject = 1, kMinusOne = -1;

// The one class of a label, in whose folder its file lies.
int object_of(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options,
              bool keeps_ignored) {
  const MainClass main = main_class(record.labels, legend);
  check(options.flatten || (main.classes <= 1 && (main.ignored == 0 || keeps_ignored)), "labels",
        record.picture, ": the published layouts hold one class",
        keeps_ignored ? "" : " and no ignored pixels", "; this label has ", main.classes, " classes and ",
        main.ignored, " ignored pixels; --flatten keeps the largest class and makes the rest background",
        keeps_ignored ? "" : ", --minus-one ignore keeps ignored pixels");
  if (main.value >= 0) return main.value;
  check(!record.classes.empty() && record.classes[0] != legend.background &&
            legend.knows(record.classes[0]) && record.classes[0] != legend.ignore,
        "labels", record.picture, ": has no class, so no folder in the published layouts");
  return record.classes[0];
}

std::string folder_of(const LabelLegend& legend, int value) {
  const std::string& folder = legend.folders.at(static_cast<std::size_t>(value));
  check(!folder.empty() && folder[0] != '.' && folder.find('/') == std::string::npos, "labels",
        "the published layouts have a folder for each class, and '", folder,
        "' cannot name one; change it in the class file");
  return folder;
}

int class_of_file(const std::string& file, const LabelLegend& legend, const std::string& where) {
  const std::string folder = fs::path(file).parent_path().filename().string();
  const int value = legend.value_in_folder(folder);
  check(value >= 0, "labels", where, ": the folder '", folder,
        "' is not a class; classes come from the class file's WordNet ids, or names");
  return value;
}

// What a stored value means.
struct StoredValues {
  std::int32_t object_from, object_to, ignored;
  bool ignores;
};

Tensor to_labels(const Tensor& stored, const StoredValues& values, int object, const LabelLegend& legend) {
  const std::int32_t background = legend.background >= 0 ? legend.background : legend.ignore;
  Tensor labels(stored.shape(), DType::kInt32);
  const auto* from = stored.data<const std::int32_t>();
  auto* to = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < stored.numel(); ++i) {
    to[i] = from[i] >= values.object_from && from[i] <= values.object_to ? object : background;
    if (values.ignores && from[i] == values.ignored) to[i] = legend.ignore;
  }
  return labels;
}

// The reverse.
Tensor to_stored(const LabelRecord& record, const LabelLegend& legend, int object, std::int32_t object_value,
                 std::int32_t ignored_value) {
  Tensor stored(record.labels.shape(), DType::kInt32);
  const auto* from = record.labels.data<const std::int32_t>();
  auto* to = stored.data<std::int32_t>();
  for (std::int64_t i = 0; i < stored.numel(); ++i)
    to[i] = from[i] == object ? object_value : (from[i] == legend.ignore ? ignored_value : 0);
  return stored;
}

// ---- pssl-npz

std::string npz_path(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options) {
  return pssl_label_path(folder_of(legend, object_of(record, legend, options, options.minus_one)),
                         record.picture);
}

std::optional<std::string> npz_picture(const std::string& file) {
  if (!file.ends_with(kPsslSuffix)) return std::nullopt;
  return pssl_name(file);
}

Bytes npz_encode(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options) {
  const int object = object_of(record, legend, options, options.minus_one);
  const Tensor stored = to_stored(record, legend, object, kObject, options.minus_one ? kMinusOne : 0);
  return encode_npz({{"arr_0", options.minus_one ? stored : stored.to(DType::kUInt8)}});
}

LabelRecord npz_decode(ByteView bytes, const std::string& where, const std::string& file,
                       const LabelLegend& legend, const LabelReadOptions& options) {
  const Tensor stored = find_array(decode_npz(bytes, where, 2 * options.max_bytes), "arr_0", where);
  check(stored.rank() == 2 && stored.numel() > 0, "labels", where, ": arr_0 must be [H, W], got ",
        stored.shape());
  const int object = class_of_file(file, legend, where);
  const StoredValues values{kObject, kObject, kMinusOne, options.minus_one_ignored};
  return {.picture = {},
          .classes = {object},
          .labels = to_labels(stored.to(DType::kInt32), values, object, legend)};
}

void write_synsets(FileSink& sink, const LabelLegend& legend) {
  std::string synsets, classes;
  for (int c = 0, number = 0; c < static_cast<int>(legend.names.size()); ++c) {
    if (c == legend.background) continue;
    const auto place = static_cast<std::size_t>(c);
    synsets += legend.folders[place] + "\n";
    classes += cat(number++, "\t", legend.folders[place], "\t", legend.names[place], "\n");
  }
  sink.write_list("classes.txt", classes);
  sink.write_list(std::string(kPsslSynsets), synsets);
}

void npz_finish(FileSink& sink, const LabelLegend& legend, const std::string& written) {
  write_synsets(sink, legend);
  sink.write_list(std::string(kPsslList), written);
}

// ---- pssl-levels

std::string levels_path(const LabelRecord& record, const LabelLegend& legend,
                        const LabelWriteOptions& options) {
  const std::string folder = folder_of(legend, object_of(record, legend, options, true));
  return pssl_name(pssl_label_path(folder, record.picture)) + std::string(kPsslLevelsSuffix);
}

std::optional<std::string> levels_picture(const std::string& file) {
  if (!file.ends_with(kPsslLevelsSuffix)) return std::nullopt;
  return file.substr(0, file.size() - kPsslLevelsSuffix.size());
}

Bytes levels_encode(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions& options) {
  const int object = object_of(record, legend, options, true);
  return encode_label_png(to_stored(record, legend, object, kPsslTopLevel, kPsslIgnoredLevel),
                          {.format = LabelFormat::kGray8});
}

LabelRecord levels_decode(ByteView bytes, const std::string& where, const std::string& file,
                          const LabelLegend& legend, const LabelReadOptions& options) {
  const Tensor stored = decode_pssl_levels(bytes, where, options.max_bytes);
  const int object = class_of_file(file, legend, where);
  const StoredValues values{options.level, kPsslTopLevel, kPsslIgnoredLevel, true};
  return {.picture = {}, .classes = {object}, .labels = to_labels(stored, values, object, legend)};
}

}  // namespace

std::vector<LabelFileFormat> array_label_formats() {
  return {
      one_file_each({.name = "pssl-npz",
                     .files = "train/<wnid>/<name>.JPEG_eiseg.npz, train.txt, "
                              "imagenet_lsvrc_2015_synsets.txt, classes.txt",
                     .keeps = "one class; ignored pixels with --minus-one ignore",
                     .path = npz_path,
                     .picture = npz_picture,
                     .encode = npz_encode,
                     .decode = npz_decode,
                     .finish = npz_finish}),
      one_file_each(
          {.name = "pssl-levels",
           .files = "train/<wnid>/<name>.JPEG.png, train.txt, imagenet_lsvrc_2015_synsets.txt, classes.txt",
           .keeps = "one class, ignored pixels",
           .path = levels_path,
           .picture = levels_picture,
           .encode = levels_encode,
           .decode = levels_decode,
           .finish = npz_finish})};
}

}  // namespace clearcut
