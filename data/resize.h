// Changing the size of pictures and label maps; turning pictures into network input.
#pragma once

#include <array>
#include <string>

#include "tensor/tensor.h"

namespace clearcut {

/// How pictures change their size. Where they shrink, s input pixels become one:
///   kBilinear  4 pixels around the half-pixel centre, no widening when shrinking (OpenCV's INTER_LINEAR)
///   kTriangle  the same tent, s times as wide: antialiased (PIL's BILINEAR, torchvision's default)
///   kCubic     Keys' cubic with a = -0.5, s times as wide (PIL's BICUBIC)
///   kArea      the mean of the s pixels, with shares at the edges; where a side grows, OpenCV's INTER_AREA
///   is a
///              sharper kind of bilinear
///   kNearest   the pixel at floor(i * in / out) (OpenCV's INTER_NEAREST)
/// Source of the cubic: Keys, "Cubic convolution interpolation for digital image processing", 1981.
enum class Filter { kBilinear, kTriangle, kCubic, kArea, kNearest };
/// "bilinear", "triangle", "cubic", "area", "nearest".
std::string name_of(Filter filter);
/// Throws Error that lists the names.
Filter filter_from_name(const std::string& name);

/// A part of a picture in pixels; edges may be fractional. The whole picture is {0, 0, H, W}.
struct Box {
  double top = 0, left = 0, height = 0, width = 0;
};

/// Picture [H, W, C] of uint8 or float32 resampled to [height, width, C], same dtype.
///
///   centre of output i lies at  (i + 0.5) * in / out  input pixels; weights of the tent max(0, 1 -
///   |distance| / s), s = 1 (kBilinear) or max(1, in / out) (kTriangle, kCubic), divided by their sum
///
/// Columns first, then rows. kTriangle and kCubic leave pixels outside the picture out of the sum; on uint8
/// they round half up after each of the two passes, weights in steps of 2^-22: bit-equal to PIL. The others
/// repeat the border and round once at the end. float32 is not rounded.
Tensor resize_picture(const Tensor& picture, std::int64_t height, std::int64_t width,
                      Filter filter = Filter::kTriangle);

/// The same for a part of the picture: kTriangle and kCubic may look at pixels outside the box (PIL's box),
/// kBilinear repeats the border of the pixels that the box touches (as cropping first would). Throws Error
/// unless the box lies inside and is not empty.
Tensor resize_box(const Tensor& picture, const Box& box, std::int64_t height, std::int64_t width,
                  Filter filter = Filter::kTriangle);

/// "exact-crop" of the classifiers' JSON files: the centred square of side share * min(H, W).
Box centre_square(std::int64_t height, std::int64_t width, double share = 0.875);
/// "pixel-crop": the same square with side and corner rounded to whole pixels.
Box centre_square_pixels(std::int64_t height, std::int64_t width, double share = 0.875);

/// Labels [H, W] (int32 or uint8) by nearest neighbour: source index floor(i * in / out), OpenCV's
/// INTER_NEAREST.
Tensor resize_labels(const Tensor& labels, std::int64_t height, std::int64_t width);

/// Rows [top, top + height) and columns [left, left + width) of [H, W] or [H, W, C], any dtype.
Tensor crop(const Tensor& x, std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width);
/// Mirrored left to right: [H, W] or [H, W, C], any dtype.
Tensor flip_columns(const Tensor& x);

/// y[c, h, w] = (x[h, w, c] - mean[c]) * scale[c] with mean and scale in 0..255 units, float32 [3, H, W].
/// bgr: channel 0 of y is blue; mean and scale are in the order of y.
struct PixelScale {
  std::array<double, 3> mean = {127.5, 127.5, 127.5};
  std::array<double, 3> scale = {1 / 127.5, 1 / 127.5, 1 / 127.5};
  bool bgr = false;
};
Tensor to_network_input(const Tensor& picture, const PixelScale& pixels = {});

}  // namespace clearcut
