// Labels as PNG files: indices in 8 or 16 bits, and ids as colours.
#include "data/codec/png_file.h"
#include "data/label_png.h"
#include "data/labels/one_file_each.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::int32_t kIgnored8 = 255, kIgnored16 = 65535;
constexpr int kImageNetSOther = 0, kImageNetSIgnored = 1000;
constexpr std::string_view kVocMasks = "SegmentationClass/", kVocList = "ImageSets/Segmentation/default.txt",
                           kVocColours = "labelmap.txt";

std::string with_png(const std::string& stem) { return stem + ".png"; }

/// "labels/a/b.png" -> "a/b": a folder that holds nothing but masks is no part of the picture's path.
std::optional<std::string> png_picture(const std::string& file) {
  if (!file.ends_with(".png")) return std::nullopt;
  std::string stem = file.substr(0, file.size() - 4);
  for (const std::string_view folder : {std::string_view("labels/"), kVocMasks, std::string_view("masks/")})
    if (stem.starts_with(folder)) return stem.substr(folder.size());
  return stem;
}

std::string labels_path(const LabelRecord& record, const LabelLegend&, const LabelWriteOptions&) {
  return "labels/" + with_png(picture_stem(record.picture));
}

// Ids as they are, ignored pixels as the format's largest number.
Tensor with_ignored(const LabelRecord& record, const LabelLegend& legend, std::int32_t ignored) {
  Tensor stored(record.labels.shape(), DType::kInt32);
  const auto* from = record.labels.data<const std::int32_t>();
  auto* to = stored.data<std::int32_t>();
  for (std::int64_t i = 0; i < stored.numel(); ++i) {
    to[i] = from[i] == legend.ignore ? ignored : from[i];
    check(from[i] == legend.ignore || (from[i] >= 0 && from[i] < ignored), "labels", record.picture,
          ": class ", from[i], " does not fit: this format has ids 0 to ", ignored - 1, " and ", ignored,
          " for ignored pixels", ignored == kIgnored8 ? "; png16 has more" : "");
  }
  return stored;
}

std::vector<Rgb> palette_of(const LabelLegend& legend) {
  std::vector<Rgb> palette = legend.colours.empty() ? voc_palette() : legend.colours;
  palette.resize(256);
  palette[kIgnored8] = voc_palette()[kIgnored8];
  return palette;
}

Bytes palette_encode(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions&) {
  return encode_label_png(with_ignored(record, legend, kIgnored8),
                          {.format = LabelFormat::kPalette8, .palette = palette_of(legend)});
}

Bytes sixteen_encode(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions&) {
  return encode_label_png(with_ignored(record, legend, kIgnored16), {.format = LabelFormat::kGray16});
}

// Any PNG of indices, whatever its depth.
LabelRecord index_decode(ByteView bytes, const std::string& where, const std::string&,
                         const LabelLegend& legend, const LabelReadOptions& options) {
  const LabelImage image = decode_label_png(bytes, where, options.max_bytes);
  // With more classes than 8 bits hold, 255 is one of them in gray; a palette is of the formats that say 255.
  const bool wide = image.bits == 16 || (legend.names.size() > kIgnored8 && image.palette.empty());
  const std::int32_t ignored = wide ? kIgnored16 : kIgnored8;
  Tensor labels = image.labels;
  auto* p = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (p[i] == ignored) p[i] = legend.ignore;
    check(legend.knows(p[i]), "labels", where, ": value ", p[i], " at row ", i / labels.dim(1), ", column ",
          i % labels.dim(1), "; classes are 0 to ", legend.names.size() - 1, " and ", ignored, " is ignored");
  }
  return {.picture = {}, .labels = labels};
}

// ---- voc

std::string voc_path(const LabelRecord& record, const LabelLegend&, const LabelWriteOptions&) {
  return std::string(kVocMasks) + with_png(picture_stem(record.picture));
}

std::optional<std::string> voc_picture(const std::string& file) {
  if (!file.starts_with(kVocMasks)) return std::nullopt;
  return png_picture(file);
}

void voc_finish(FileSink& sink, const LabelLegend& legend, const std::string& written) {
  std::string ids;
  for (std::size_t begin = 0; begin < written.size();) {
    const std::size_t end = written.find('\n', begin);
    ids += *voc_picture(written.substr(begin, end - begin)) + "\n";
    begin = end + 1;
  }
  std::string colours = "# label:color_rgb:parts:actions\n";
  const std::vector<Rgb> palette = palette_of(legend);
  for (std::size_t c = 0; c < legend.names.size() && c < kIgnored8; ++c)
    colours +=
        cat(legend.names[c], ":", int{palette[c].r}, ",", int{palette[c].g}, ",", int{palette[c].b}, "::\n");
  sink.write_list(std::string(kVocList), ids);
  sink.write_list(std::string(kVocColours), colours);
  write_class_list(sink, legend, written);
}

// ---- imagenet-s

std::string colours_path(const LabelRecord& record, const LabelLegend&, const LabelWriteOptions&) {
  return with_png(picture_stem(record.picture));
}

Bytes colours_encode(const LabelRecord& record, const LabelLegend& legend, const LabelWriteOptions&) {
  const std::int64_t H = record.labels.dim(0), W = record.labels.dim(1);
  const auto* p = record.labels.data<const std::int32_t>();
  Bytes rows;
  rows.reserve(static_cast<std::size_t>(3 * H * W));
  for (std::int64_t i = 0; i < H * W; ++i) {
    int id = kImageNetSIgnored;
    if (p[i] != legend.ignore) id = p[i] == legend.background ? kImageNetSOther : legend.id_of(p[i]);
    check(id >= 0 && id <= 65535 && (id != kImageNetSIgnored || p[i] == legend.ignore), "labels",
          record.picture, ": class ", p[i], " has the id ", id,
          ", which means ignored in ImageNet-S: it holds 999 classes");
    rows.insert(rows.end(), {static_cast<std::uint8_t>(id & 255), static_cast<std::uint8_t>(id >> 8), 0});
  }
  const png::Header header{.width = static_cast<std::uint32_t>(W),
                           .height = static_cast<std::uint32_t>(H),
                           .bits = 8,
                           .colour = png::kRgb};
  return png::write_png(header, rows, {}, /*filter=*/false);
}

LabelRecord colours_decode(ByteView bytes, const std::string& where, const std::string&,
                           const LabelLegend& legend, const LabelReadOptions& options) {
  const png::Header header = png::read_header(bytes, where);
  check(header.colour == png::kRgb && header.bits == 8 && !header.interlaced, "labels", where,
        ": ImageNet-S labels are 8-bit RGB PNGs without interlacing; this one is ", header.bits, "-bit ",
        png::name_of(header.colour));
  Tensor labels = blank_label(header.height, header.width, legend, options, where);
  Bytes packed;
  for (const png::Chunk& chunk : png::read_chunks(bytes, where))
    if (chunk.type == "IDAT") packed.insert(packed.end(), chunk.data.begin(), chunk.data.end());
  const Bytes data = zlib_decompress(packed, (png::row_bytes(header) + 1) * header.height, where);
  const Bytes rows = png::undo_filters(header, data, where);
  auto* p = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    const auto at = static_cast<std::size_t>(3 * i);
    const int id = rows[at] | rows[at + 1] << 8;
    if (id == kImageNetSOther) continue;
    p[i] = id == kImageNetSIgnored ? legend.ignore : legend.value_of(id);
    check(rows[at + 2] == 0 && (id == kImageNetSIgnored || id <= legend.classes()), "labels", where,
          ": colour (", int{rows[at]}, ", ", int{rows[at + 1]}, ", ", int{rows[at + 2]}, ") at row ",
          i / labels.dim(1), ", column ", i % labels.dim(1), " is no id of ", legend.classes(),
          " classes; wrong class file?");
  }
  return {.picture = {}, .labels = labels};
}

}  // namespace

std::vector<LabelFileFormat> picture_label_formats() {
  return {one_file_each({.name = "png-palette",
                         .files = "labels/<name>.png, 8-bit palette, classes.txt",
                         .keeps = "255 classes, ignored pixels (255)",
                         .path = labels_path,
                         .picture = png_picture,
                         .encode = palette_encode,
                         .decode = index_decode,
                         .finish = write_class_list}),
          one_file_each({.name = "png16",
                         .files = "labels/<name>.png, 16-bit gray, classes.txt",
                         .keeps = "65535 classes, ignored pixels (65535)",
                         .path = labels_path,
                         .picture = png_picture,
                         .encode = sixteen_encode,
                         .decode = index_decode,
                         .finish = write_class_list}),
          one_file_each(
              {.name = "voc",
               .files = "SegmentationClass/<name>.png, ImageSets/Segmentation/default.txt, labelmap.txt, "
                        "classes.txt",
               .keeps = "255 classes, ignored pixels (255)",
               .path = voc_path,
               .picture = voc_picture,
               .encode = palette_encode,
               .decode = index_decode,
               .finish = voc_finish}),
          one_file_each({.name = "imagenet-s",
                         .files = "<name>.png, RGB, id = R + 256 G",
                         .keeps = "999 classes, ignored pixels (1000)",
                         .path = colours_path,
                         .picture = png_picture,
                         .encode = colours_encode,
                         .decode = colours_decode})};
}

}  // namespace clearcut
