// A picture with some of its regions painted over, or replaced by those of another one: what explainers that
// switch superpixels off ask about.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// y[c, p] = x[c, p] where shown[labels[p]] is not 0, else off[c, labels[p]], or off[c, p] if off is a
/// picture.
///
/// x, y     float32 or float64 [C, H, W]
/// labels   int32 [H, W], values 0 .. K-1, which are not looked at again here
/// shown    uint8 [K]
/// off      [C, K] colours or a picture [C, H, W], what a region shows that is off, of the dtype of x
/// Throws Error if shapes, dtypes or devices differ.
void show_regions(const Tensor& x, const Tensor& labels, const Tensor& shown, const Tensor& off,
                  const Tensor& y);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// Regions of a picture of C planes of n pixels.
template <class T>
struct RegionsView {
  std::int64_t C, n, K;
  const T *x, *off;
  const std::int32_t* labels;
  const std::uint8_t* shown;
  bool picture;  // off is [C, n], else [C, K]

  /// What plane c shows at pixel p, which lies in region `label`.
  constexpr T at(std::int64_t c, std::int64_t p, std::int64_t label) const {
    if (shown[label] != 0) return x[c * n + p];
    return picture ? off[c * n + p] : off[c * K + label];
  }
};

/// The formula above.
template <class T>
void show_regions(Reference, const RegionsView<T>& regions, T* y);
template <class T>
void show_regions(Cuda, const RegionsView<T>& regions, T* y);

}  // namespace clearcut::kernels
