// Masks that cannot be rough, made from a few parameters: one half of extremal perturbations.
// Source: Fong, Patrick & Vedaldi 2019 (1910.08485), section 3.2, with the sizes of its published code.
#pragma once

#include <algorithm>

#include "tensor/views.h"

namespace clearcut {

constexpr std::int64_t kMaskStep = 7;     // pixels between parameters
constexpr std::int64_t kMaskMargin = 21;  // pixels of a mask above and left of its picture: sigma below
constexpr std::int64_t kMaskReach = 35;   // pixels: no parameter reaches so far

/// Parameters along a side of a picture of so many pixels.
constexpr std::int64_t mask_parameters(std::int64_t pixels) { return (pixels + kMaskStep - 1) / kMaskStep; }
/// Pixels along that side of the mask, margins included.
constexpr std::int64_t mask_pixels(std::int64_t parameters) { return kMaskStep * (parameters + 5) + 1; }

namespace ops {

/// A mask, and what its gradient needs of it.
struct SmoothMask {
  Tensor m;    // [N, mask_pixels(h), mask_pixels(w)]
  Tensor sum;  // of the same shape: the denominators of the softmax
};

/// k(sqrt(dy^2 + dx^2) / sigma) for dy, dx = 0 .. kMaskReach - 1, with sigma = 21 pixels and
/// k(z) = exp(-2 max(0, z - 1/2)^2): float64 [kMaskReach, kMaskReach].
Tensor mask_weights(Device device);

/// m(u) = sum over i of v_i softmax_i(20 v_i),   v_i = p_i k(|u - u_i| / sigma)
///
/// i runs over 9 x 9 places around pixel u, kMaskStep pixels apart; those off the grid have p = 0. Parameter
/// (0, 0) lies at pixel (kMaskMargin, kMaskMargin) of the mask, which is pixel (0, 0) of the picture.
///
/// p        float64 [N, h, w], in [0, 1]
/// weights  mask_weights() on the device of p
/// Throws Error if shapes, dtypes or devices differ. Cost: an exponential per pixel and place on the grid.
SmoothMask smooth_mask(const Tensor& p, const Tensor& weights);

/// dL/dm -> dL/dp, for the mask that smooth_mask() made of p:
///
///   dp_i = sum over u of dm(u) k(|u - u_i| / sigma) softmax_i(20 v_i) (1 + 20 (v_i - m(u)))
///
/// Each parameter sums over the pixels around it, in one order. Errors and cost as above.
Tensor smooth_mask_backward(const Tensor& p, const SmoothMask& mask, const Tensor& dm, const Tensor& weights);

}  // namespace ops

}  // namespace clearcut

namespace clearcut::kernels {

constexpr double kMaskColdness = 20;                      // of the softmax
constexpr std::int64_t kMaskPlaces = 9;                   // around a pixel, along one side
constexpr std::int64_t kMaskCells = kMaskPlaces - 2;      // from a pixel's cell back to the first of them
constexpr std::int64_t kMaskBehind = 2;                   // and on to the one behind the last
constexpr double kMaskTerms = kMaskPlaces * kMaskPlaces;  // of the softmax, on the grid or off it

/// [begin, end) along one side.
struct MaskRange {
  std::int64_t begin, end;
  constexpr std::int64_t size() const { return end - begin; }
};

/// N grids of h x w parameters under masks of H x W pixels.
struct MaskView {
  std::int64_t N, h, w, H, W;
  const double *p, *weights;

  /// Of `count` parameters those around pixel y.
  static constexpr MaskRange parameters_around(std::int64_t y, std::int64_t count) {
    const std::int64_t cell = y / kMaskStep;
    return {std::max(cell - kMaskCells, std::int64_t{0}), std::min(cell + kMaskBehind, count)};
  }
  /// Of `count` pixels those that parameter g is around.
  static constexpr MaskRange pixels_around(std::int64_t g, std::int64_t count) {
    return {std::max(kMaskStep * (g - kMaskBehind + 1), std::int64_t{0}),
            std::min(kMaskStep * (g + kMaskCells + 1), count)};
  }
  /// k() of pixel (y, x) and parameter (i, j).
  constexpr double weight(std::int64_t y, std::int64_t x, std::int64_t i, std::int64_t j) const {
    const std::int64_t dy = y - kMaskMargin - kMaskStep * i, dx = x - kMaskMargin - kMaskStep * j;
    return weights[(dy < 0 ? -dy : dy) * kMaskReach + (dx < 0 ? -dx : dx)];
  }
};

/// What smooth_mask_backward() reads, each [N, H, W].
struct MaskGradient {
  const double *m, *sum, *dm;
};

/// The formulas above.
void smooth_mask(Reference, const MaskView& mask, double* m, double* sum);
void smooth_mask(Cuda, const MaskView& mask, double* m, double* sum);
void smooth_mask_backward(Reference, const MaskView& mask, const MaskGradient& at, double* dp);
void smooth_mask_backward(Cuda, const MaskView& mask, const MaskGradient& at, double* dp);

}  // namespace clearcut::kernels
