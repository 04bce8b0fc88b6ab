// Changing the size of pictures and label maps; turning pictures into network input.
#pragma once

#include <array>

#include "tensor/tensor.h"

namespace clearcut {

/// kBilinear: 4 pixels around the half-pixel centre, no widening when shrinking (OpenCV's INTER_LINEAR).
/// kTriangle: the same tent, as wide as the shrink factor (antialiased; PIL's BILINEAR).
enum class Filter { kBilinear, kTriangle };

/// A part of a picture in pixels; edges may be fractional. The whole picture is {0, 0, H, W}.
struct Box {
  double top = 0, left = 0, height = 0, width = 0;
};

/// Picture [H, W, C] of uint8 or float32 resampled to [height, width, C], same dtype.
///
///   centre of output i lies at  (i + 0.5) * in / out  input pixels; weights max(0, 1 - |distance| / s),
///   s = 1 (kBilinear) or max(1, in / out) (kTriangle), divided by their sum
///
/// Columns first, then rows. kTriangle leaves pixels outside the picture out of the sum; on uint8 it rounds
/// half up after each of the two passes, weights in steps of 2^-22: bit-equal to PIL. kBilinear repeats the
/// border and rounds once at the end. float32 is not rounded.
Tensor resize_picture(const Tensor& picture, std::int64_t height, std::int64_t width,
                      Filter filter = Filter::kTriangle);

/// The same for a part of the picture: kTriangle may look at pixels outside the box (PIL's box), kBilinear
/// repeats the border of the pixels that the box touches (as cropping first would). Throws Error unless the
/// box lies inside and is not empty.
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
