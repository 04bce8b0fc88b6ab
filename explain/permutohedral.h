// The permutohedral lattice: sums with Gaussian weights over all pixels, in time that grows with their
// number.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Approximates ops::gaussian_sum() for one set of features, up to a factor that is the same for all pixels
/// but for noise: made for filters that are normalised afterwards, as those of explain/dense_crf.h are.
///
/// Pixels lie in D dimensions, cut into simplices with corners on a lattice. Each pixel gives its values to
/// the D + 1 corners of its simplex by barycentric weights, corners are blurred with (1/2 1 1/2) along D + 1
/// directions, and each pixel reads back from its corners.
///
/// Build: (D + 1) look-ups per pixel. A filter call: about 2 (D + 1) multiply-adds per pixel and channel, and
/// 2 (D + 1) per corner and channel. The same bits for any number of threads.
/// Source: Adams, Baek & Davis, "Fast high-dimensional filtering using the permutohedral lattice", 2010.
class Permutohedral {
 public:
  /// features float32 or float64 [1, D, H, W] in host memory, each divided by its deviation.
  explicit Permutohedral(const Tensor& features);

  /// q float32 [1, C, H, W] -> the same shape.
  Tensor filter(const Tensor& q) const;
  std::int64_t corners() const { return corners_; }

 private:
  void find_corners(const std::vector<std::int32_t>& keys);
  void sort_by_corner();
  std::vector<float> splat(const Tensor& q) const;
  void blur(std::vector<float>& value, std::int64_t C) const;

  std::int64_t D_, pixels_, corners_ = 0;
  std::vector<std::int32_t> corner_;  // [pixels, D + 1]
  std::vector<float> weight_;         // [pixels, D + 1], sum 1 for each pixel
  // The same, sorted by corner: what corner k gets is [start_[k], start_[k + 1]).
  std::vector<std::int64_t> start_;
  std::vector<std::int32_t> from_;
  std::vector<float> share_;
  std::vector<std::int32_t> beside_;  // [D + 1, corners, 2]; `corners` where there is none
};

}  // namespace clearcut
