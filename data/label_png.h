// Label maps as PNG files: pixel value = class index. Own codec, the same in every build, because general
// picture readers turn palettes into colours and 16 bits into 8.
#pragma once

#include <string>
#include <vector>

#include "tensor/deflate.h"
#include "tensor/tensor.h"

namespace clearcut {

struct Rgb {
  std::uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

struct LabelImage {
  Tensor labels;  // int32 [H, W]: gray values or palette indices, never colours
  int bits = 8;
  std::vector<Rgb> palette;  // empty for gray files
};

/// Reads gray PNGs of 1, 2, 4, 8 and 16 bits and palette PNGs of 1, 2, 4 and 8 bits. All checksums are
/// verified. Throws Error that names the file: not a PNG; colour type RGB, RGBA or gray + alpha ("labels must
/// be gray or palette"); interlaced; damaged or truncated; decoded labels of more than max_bytes.
LabelImage read_label_png(const std::string& path, std::size_t max_bytes = std::size_t{1} << 30);
LabelImage decode_label_png(ByteView bytes, const std::string& name,
                            std::size_t max_bytes = std::size_t{1} << 30);

enum class LabelFormat {
  kAuto,      // kPalette8 if a palette is given, else kGray8 if all ids fit, else kGray16
  kGray8,     // ids 0 to 255
  kPalette8,  // ids 0 to 255, shown in colours
  kGray16,    // ids 0 to 65535
};
struct LabelPngOptions {
  LabelFormat format = LabelFormat::kAuto;
  std::vector<Rgb> palette = {};  // at most 256 colours; ids beyond it are black
};

/// labels int32 [H, W]. Throws Error that names the first id that the format cannot hold.
/// The same labels give the same bytes within one build. Files are written to a temporary name and renamed.
Bytes encode_label_png(const Tensor& labels, const LabelPngOptions& options = {});
void write_label_png(const std::string& path, const Tensor& labels, const LabelPngOptions& options = {});

/// The colours of the PASCAL VOC development kit: 0 black, 1 (128, 0, 0), ... 255 (224, 224, 192).
std::vector<Rgb> voc_palette(int colours = 256);

}  // namespace clearcut
