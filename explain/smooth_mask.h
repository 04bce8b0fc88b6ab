// Masks that cannot be rough, and pictures blurred by them: the two halves of extremal perturbations.
// Source: Fong, Patrick & Vedaldi 2019 (1910.08485), sections 3.1 and 3.2, with the sizes of its published
// code.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// From a few parameters p in [0, 1] on a grid, `step` pixels apart, to a mask over the picture and a margin
/// of `sigma` pixels around it:
///
///   m(u) = sum over i of v_i softmax_i(20 v_i),  v_i = p_i k(|u - u_i| / sigma),  k(z) = exp(-2 max(0, z -
///   1/2)^2)
///
/// i runs over the (2 ceil(sigma / step) + 3)^2 grid points around u; those outside the grid have p = 0.
class SmoothMask {
 public:
  SmoothMask(std::int64_t H, std::int64_t W, std::int64_t step, std::int64_t sigma);

  std::int64_t parameters() const { return in_[0] * in_[1]; }  // ceil(H / step) * ceil(W / step)
  std::int64_t pixels() const { return out_[0] * out_[1]; }    // with the margin
  /// Index of pixel (y, x) of the picture among pixels().
  std::int64_t at(std::int64_t y, std::int64_t x) const { return (y + sigma_) * out_[1] + x + sigma_; }

  /// p [parameters()] -> m [pixels()].
  void forward(const std::vector<double>& p, std::vector<double>& m) const;
  /// dL/dm -> dL/dp, for the m that forward() made of p.
  std::vector<double> backward(const std::vector<double>& p, const std::vector<double>& m,
                               const std::vector<double>& dm) const;

 private:
  // Calls body(index of parameter, weight) for the grid points around pixel (y, x) that lie on the grid.
  template <class Body>
  void each_near(std::int64_t y, std::int64_t x, const Body& body) const;

  std::int64_t step_, sigma_, padding_, around_;  // around_: grid points per side
  std::int64_t in_[2], out_[2];
  std::vector<double> weight_;  // [step, step, around, around]: k() by place within a cell
};

/// x [3, H, W] under Gaussians of deviation 20 (1 - l / 7), l = 0 .. 7 (zeros beyond the border, cut at four
/// deviations): float32 [8, 3, H, W]; the last one is x.
Tensor blur_levels(const Tensor& x);

/// Pixel by pixel between two levels: y = (1 - f) levels[l] + f levels[l + 1], 7 mask = l + f. The mask has
/// values in [0, 1]: 1 shows x, 0 its strongest blur.
void blur_by(const Tensor& levels, const std::vector<double>& mask, const Tensor& y);
/// dL/dy [3, H, W] -> dL/dmask [H, W]. At mask = 1 it is 0, as in the published code.
std::vector<double> blur_by_backward(const Tensor& levels, const std::vector<double>& mask, const float* dy);

}  // namespace clearcut
