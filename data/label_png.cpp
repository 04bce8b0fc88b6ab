#include "data/label_png.h"

#include <algorithm>

#include "data/codec/png_file.h"
#include "data/labels/files.h"
#include "tensor/error.h"
#include "tensor/file.h"

namespace clearcut {

namespace {

std::vector<Rgb> parse_palette(ByteView data, const std::string& name) {
  check(data.size() % 3 == 0 && data.size() <= 3 * 256, "label_png", name, ": a palette of ", data.size(),
        " bytes is not a list of up to 256 colours");
  std::vector<Rgb> palette;
  for (std::size_t i = 0; i < data.size(); i += 3) palette.push_back({data[i], data[i + 1], data[i + 2]});
  return palette;
}

// Rows of 1, 2, 4, 8 or 16 bits per pixel, the first pixel in the highest bits.
Tensor unpack(const png::Header& h, const Bytes& rows) {
  Tensor labels({h.height, h.width}, DType::kInt32);
  auto* out = labels.data<std::int32_t>();
  const std::size_t row_size = png::row_bytes(h);
  const auto bits = static_cast<std::size_t>(h.bits);
  for (std::size_t y = 0; y < h.height; ++y) {
    const std::uint8_t* row = rows.data() + y * row_size;
    for (std::size_t x = 0; x < h.width; ++x) {
      if (bits == 16) {
        *out++ = row[2 * x] << 8 | row[2 * x + 1];
      } else {
        const std::size_t bit = x * bits;
        *out++ = row[bit / 8] >> (8 - bits - bit % 8) & ((1 << bits) - 1);
      }
    }
  }
  return labels;
}

LabelFormat choose(const Tensor& labels, const LabelPngOptions& options) {
  if (options.format != LabelFormat::kAuto) return options.format;
  if (!options.palette.empty()) return LabelFormat::kPalette8;
  const auto* p = labels.data<const std::int32_t>();
  return *std::max_element(p, p + labels.numel()) > 255 ? LabelFormat::kGray16 : LabelFormat::kGray8;
}

Bytes pack(const Tensor& labels, bool two_bytes) {
  const std::int32_t limit = two_bytes ? 65535 : 255;
  Bytes rows;
  rows.reserve(static_cast<std::size_t>(labels.numel()) * (two_bytes ? 2 : 1));
  const auto* p = labels.data<const std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    check(p[i] >= 0 && p[i] <= limit, "label_png", two_bytes ? "16" : "8", "-bit labels hold ids 0 to ",
          limit, "; row ", i / labels.dim(1), ", column ", i % labels.dim(1), " has ", p[i],
          two_bytes ? "" : "; write 16-bit gray for larger ids");
    if (two_bytes) rows.push_back(static_cast<std::uint8_t>(p[i] >> 8));
    rows.push_back(static_cast<std::uint8_t>(p[i] & 0xFF));
  }
  return rows;
}

}  // namespace

LabelImage decode_label_png(ByteView bytes, const std::string& name, std::size_t max_bytes) {
  const png::Header h = png::read_header(bytes, name);
  check(h.colour == png::kGray || h.colour == png::kPalette, "label_png", name,
        ": labels must be gray or palette PNGs, this one is ", png::name_of(h.colour),
        "; convert its colours to class indices first");
  check(!h.interlaced, "label_png", name,
        ": interlaced label PNGs are not read; save it without interlacing");
  const std::size_t size = std::size_t{h.width} * h.height * sizeof(std::int32_t);
  check(size <= max_bytes, "label_png", name, ": ", h.height, " x ", h.width, " labels take ", size,
        " bytes, more than the limit of ", max_bytes);
  LabelImage image{{}, h.bits, {}};
  Bytes packed;
  for (const png::Chunk& chunk : png::read_chunks(bytes, name)) {
    if (chunk.type == "IDAT") packed.insert(packed.end(), chunk.data.begin(), chunk.data.end());
    if (chunk.type == "PLTE" && h.colour == png::kPalette) image.palette = parse_palette(chunk.data, name);
  }
  check(h.colour != png::kPalette || !image.palette.empty(), "label_png", name,
        ": a palette PNG without a palette");
  const Bytes data = zlib_decompress(packed, (png::row_bytes(h) + 1) * h.height, name);
  image.labels = unpack(h, png::undo_filters(h, data, name));
  return image;
}

LabelImage read_label_png(const std::string& path, std::size_t max_bytes) {
  return decode_label_png(read_place(path), path, max_bytes);
}

Bytes encode_label_png(const Tensor& labels, const LabelPngOptions& options) {
  check_rank("label_png", "labels", labels, 2, "[H, W]");
  check(labels.dtype() == DType::kInt32 && labels.numel() > 0, "label_png",
        "labels must be int32 and not empty; got ", labels.dtype(), " ", labels.shape());
  check(options.palette.size() <= 256, "label_png", "a palette holds 256 colours at most, got ",
        options.palette.size());
  const LabelFormat format = choose(labels, options);
  check(format != LabelFormat::kPalette8 || !options.palette.empty(), "label_png",
        "the palette format needs options.palette (see voc_palette)");
  const bool two_bytes = format == LabelFormat::kGray16;
  const png::Header header{.width = static_cast<std::uint32_t>(labels.dim(1)),
                           .height = static_cast<std::uint32_t>(labels.dim(0)),
                           .bits = two_bytes ? 16 : 8,
                           .colour = format == LabelFormat::kPalette8 ? png::kPalette : png::kGray};
  const Bytes rows = pack(labels, two_bytes);
  Bytes palette;
  if (format == LabelFormat::kPalette8) {
    const std::size_t ids = std::size_t{*std::max_element(rows.begin(), rows.end())} + 1;
    for (const Rgb& c : options.palette) palette.insert(palette.end(), {c.r, c.g, c.b});
    palette.resize(std::max(palette.size(), 3 * ids), 0);
  }
  return png::write_png(header, rows, palette, /*filter=*/false);
}

void write_label_png(const std::string& path, const Tensor& labels, const LabelPngOptions& options) {
  write_file(path, encode_label_png(labels, options));
}

// Bits 0, 3, 6 of the index, from the highest colour bit down, make red; 1, 4, 7 green; 2, 5 blue.
std::vector<Rgb> voc_palette(int colours) {
  std::vector<Rgb> palette;
  for (int i = 0; i < colours; ++i) {
    int r = 0, g = 0, b = 0;
    for (int bit = 7, rest = i; rest != 0; --bit, rest >>= 3) {
      r |= (rest & 1) << bit;
      g |= (rest >> 1 & 1) << bit;
      b |= (rest >> 2 & 1) << bit;
    }
    palette.push_back(
        {static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(g), static_cast<std::uint8_t>(b)});
  }
  return palette;
}

}  // namespace clearcut
