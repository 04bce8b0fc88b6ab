// Photographs: JPEG and PNG files as uint8 [H, W, 3], RGB.
#pragma once

#include <string>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut {

struct PictureOptions {
  bool apply_exif = false;  // turn the picture as its EXIF orientation says; ImageNet tools do not
  std::size_t max_bytes = std::size_t{1} << 30;  // of the decoded picture, H * W * 3
};

/// The content decides the format, never the file's name. Both builds read the same files:
///
///   JPEG  baseline and progressive; gray, YCbCr, RGB, CMYK and YCCK. CMYK becomes (255-C)(255-K)/255; files
///         with Adobe's marker hold the inverse, as Photoshop writes it
///   PNG   1 to 16 bits, gray, palette, RGB, interlaced or not. Alpha is dropped, not blended (as PIL's
///         convert("RGB") does); of 16 bits the upper 8 are kept
///
/// Sizes are read from the header and checked against max_bytes before anything of that size is allocated.
/// Throws Error that names the file: neither JPEG nor PNG, damaged, truncated, too large.
/// Label maps are not photographs: see data/label_png.h.
Tensor read_picture(const std::string& path, PictureOptions options = {});
Tensor decode_picture(ByteView bytes, const std::string& name, PictureOptions options = {});

/// What a file's header says, without decoding. orientation is EXIF's 1 to 8, 1 = upright.
struct PictureInfo {
  std::string format;  // "jpeg" or "png"
  std::int64_t height = 0, width = 0;
  int orientation = 1;
};
PictureInfo picture_info(ByteView bytes, const std::string& name);

/// A PNG file, 8-bit RGB or gray: uint8 [H, W, 3] or [H, W].
Bytes encode_png(const Tensor& picture);
void write_png(const std::string& path, const Tensor& picture);

/// Turns a picture [H, W, 3] stored with EXIF orientation 1 to 8 upright.
Tensor apply_orientation(const Tensor& picture, int orientation);

/// Names and versions of the decoders, for env.json. Decoders differ in the last bit: results can only be
/// compared bit by bit under the same name.
std::string picture_decoder();

}  // namespace clearcut
