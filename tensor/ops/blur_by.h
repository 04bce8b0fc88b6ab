// Pictures blurred by a mask: one half of extremal perturbations.
// Source: Fong, Patrick & Vedaldi 2019 (1910.08485), section 3.1, with the sizes of its published code.
#pragma once

#include <vector>

#include "tensor/views.h"

namespace clearcut::ops {

/// x under Gaussians of deviation 20 (1 - l / 7), l = 0 .. 7 (zeros beyond the border, cut at four
/// deviations); level 7 is x.
///
/// x        [C, H, W], float32 or float64
/// returns  [8, C, H, W]
/// Throws Error if x is not of rank 3. Sums run in double, along columns first. Cost: up to 161 multiply-adds
/// per value, level and axis, and 64 C H W bytes of scratch on cuda.
Tensor blur_levels(const Tensor& x);

/// Where a picture lies in its mask, and which way round it is shown.
struct BlurPlace {
  std::int64_t margin = 0;  // pixels of the mask above and left of the picture; there may be more below
  bool mirrored = false;    // y has the columns of the picture in reverse
};

/// Pixel by pixel between two levels, all channels alike:
///
///   y = (1 - f) levels[l] + f levels[l + 1],   7 mask = l + f,   mask cut to [0, 1]
///
/// mask 1 shows the picture, 0 its strongest blur.
///
/// levels  of blur_levels()
/// mask    float64 [Hm, Wm], at least margin pixels larger than the picture
/// y       [C, H, W], of the dtype of the levels
/// Throws Error if shapes, dtypes or devices differ.
void blur_by(const Tensor& levels, const Tensor& mask, const BlurPlace& place, const Tensor& y);

/// dL/dy -> dL/dmask: 7 sum over c of dy[c] (levels[l + 1, c] - levels[l, c]), and 0 in the margins. At mask
/// = 1 it is 0, as in the published code.
///
/// dy     [C, H, W], mirrored if y was
/// dmask  float64 [Hm, Wm], overwritten
void blur_by_backward(const Tensor& levels, const Tensor& mask, const Tensor& dy, const BlurPlace& place,
                      const Tensor& dmask);

}  // namespace clearcut::ops

namespace clearcut::kernels {

constexpr std::int64_t kBlurLevels = 8;
constexpr std::int64_t kMostBlur = 20;                   // deviation in pixels
constexpr std::int64_t kMostBlurRadius = 4 * kMostBlur;  // of level 0

/// Halves of the filters, from their middles outwards: [kBlurLevels][kMostBlurRadius + 1].
using BlurTaps = std::vector<double>;
/// Pixels to each side that filter l reaches: ceil(80 (1 - l / 7)).
constexpr std::int64_t blur_radius(std::int64_t l) {
  constexpr std::int64_t kSteps = kBlurLevels - 1;
  return (kMostBlurRadius * (kSteps - l) + kSteps - 1) / kSteps;
}

/// A picture of C planes of H x W pixels, in a mask of mask_H x mask_W.
template <class T>
struct BlurView {
  std::int64_t C, H, W, mask_H, mask_W, margin;
  bool mirrored;
  const T* levels;
  const double* mask;

  /// The column of y that shows column x.
  constexpr std::int64_t shown(std::int64_t x) const { return mirrored ? W - 1 - x : x; }
  constexpr double level(std::int64_t l, std::int64_t c, std::int64_t pixel) const {
    return levels[(l * C + c) * H * W + pixel];
  }
};

/// Where a value of the mask falls among the levels.
struct BetweenLevels {
  std::int64_t low, high;
  double share;  // of high
};
constexpr BetweenLevels between_levels(double mask) {
  const double level = (mask > 0 ? mask < 1 ? mask : 1 : 0) * (kBlurLevels - 1);
  const auto low = static_cast<std::int64_t>(level);
  return {low, low < kBlurLevels - 1 ? low + 1 : low, level - static_cast<double>(low)};
}

/// The formulas above.
template <class T>
void blur_levels(Reference, const BlurTaps& taps, Nchw<const T> x, T* levels);
template <class T>
void blur_levels(Cuda, const BlurTaps& taps, Nchw<const T> x, T* levels);
template <class T>
void blur_by(Reference, const BlurView<T>& view, T* y);
template <class T>
void blur_by(Cuda, const BlurView<T>& view, T* y);
template <class T>
void blur_by_backward(Reference, const BlurView<T>& view, const T* dy, double* dmask);
template <class T>
void blur_by_backward(Cuda, const BlurView<T>& view, const T* dy, double* dmask);

}  // namespace clearcut::kernels
