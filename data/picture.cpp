#include "data/picture.h"

#include <cstring>
#include <limits>

#include "data/codec/codec.h"
#include "data/codec/jpeg_file.h"
#include "data/codec/png_file.h"
#include "data/labels/files.h"
#include "tensor/error.h"

namespace clearcut {

namespace {

PictureInfo png_info(ByteView bytes, const std::string& name) {
  const png::Header header = png::read_header(bytes, name);
  PictureInfo info{"png", header.height, header.width};
  for (const png::Chunk& chunk : png::read_chunks(bytes, name))
    if (chunk.type == "eXIf") info.orientation = exif_orientation(chunk.data);
  return info;
}

PictureInfo jpeg_info(ByteView bytes, const std::string& name) {
  const jpeg::Header header = jpeg::read_header(bytes, name);
  return {"jpeg", header.height, header.width, header.orientation};
}

}  // namespace

PictureInfo picture_info(ByteView bytes, const std::string& name) {
  check(!bytes.empty(), "picture", name, ": the file is empty");
  if (png::is_png(bytes)) return png_info(bytes, name);
  check(jpeg::is_jpeg(bytes), "picture", name,
        ": neither JPEG nor PNG, whatever its name says; convert it first");
  return jpeg_info(bytes, name);
}

Tensor decode_picture(ByteView bytes, const std::string& name, PictureOptions options) {
  const PictureInfo info = picture_info(bytes, name);
  const std::uint64_t size =
      3 * static_cast<std::uint64_t>(info.height) * static_cast<std::uint64_t>(info.width);
  check(size <= options.max_bytes, "picture", name, ": ", info.height, " x ", info.width, " pixels take ",
        size, " bytes, more than the limit of ", options.max_bytes,
        "; make the picture smaller or raise max_bytes");
  Tensor picture = info.format == "png" ? codec::decode_png(bytes, name) : codec::decode_jpeg(bytes, name);
  return options.apply_exif ? apply_orientation(picture, info.orientation) : picture;
}

Tensor read_picture(const std::string& path, PictureOptions options) {
  return decode_picture(read_place(path), path, options);
}

// EXIF numbers say where the first row and column of the file lie: 1 top-left, 2 top-right, 3 bottom-right,
// 4 bottom-left, 5 left-top, 6 right-top, 7 right-bottom, 8 left-bottom. From 5 on rows are columns.
Tensor apply_orientation(const Tensor& picture, int orientation) {
  check_rank("apply_orientation", "picture", picture, 3, "[H, W, 3]");
  check(orientation >= 1 && orientation <= 8, "apply_orientation", "orientation must be 1 to 8, got ",
        orientation);
  if (orientation == 1) return picture;
  const std::int64_t H = picture.dim(0), W = picture.dim(1), C = picture.dim(2);
  const bool swapped = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const Tensor upright(swapped ? Shape{W, H, C} : Shape{H, W, C}, DType::kUInt8);
  const auto* in = picture.data<const std::uint8_t>();
  auto* out = upright.data<std::uint8_t>();
  for (std::int64_t i = 0; i < upright.dim(0); ++i)
    for (std::int64_t j = 0; j < upright.dim(1); ++j) {
      std::int64_t y = swapped ? j : i, x = swapped ? i : j;
      if (from_bottom) y = H - 1 - y;
      if (from_right) x = W - 1 - x;
      std::memcpy(out, in + (y * W + x) * C, static_cast<std::size_t>(C));
      out += C;
    }
  return upright;
}

Bytes encode_png(const Tensor& picture) {
  const bool rgb = picture.rank() == 3 && picture.dim(2) == 3;
  check(picture.dtype() == DType::kUInt8 && (rgb || picture.rank() == 2) && picture.numel() > 0, "encode_png",
        "a picture must be uint8 [H, W, 3] or [H, W] and not empty; got ", picture.dtype(), " ",
        picture.shape());
  constexpr std::int64_t kMaxSide = std::numeric_limits<std::int32_t>::max();
  check(picture.dim(0) <= kMaxSide && picture.dim(1) <= kMaxSide, "encode_png", "sides must be at most ",
        kMaxSide, "; got ", picture.shape());
  const png::Header header{.width = static_cast<std::uint32_t>(picture.dim(1)),
                           .height = static_cast<std::uint32_t>(picture.dim(0)),
                           .colour = rgb ? png::kRgb : png::kGray};
  return png::write_png(header, {picture.data<const std::uint8_t>(), picture.bytes()}, {}, /*filter=*/true);
}

void write_png(const std::string& path, const Tensor& picture) { write_file(path, encode_png(picture)); }

std::string picture_decoder() { return codec::decoder_names(); }

}  // namespace clearcut
