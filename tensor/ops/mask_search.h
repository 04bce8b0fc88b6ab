// What the search for a mask does between passes of a network: it pulls the mask to an area, and moves
// parameters.
// Source: Fong, Patrick & Vedaldi 2019 (1910.08485), section 3.2, with the sizes of its published code.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// Subtracts a reward from the gradient of a mask's distance from its area: for each mask n of P = H W values
///
///   dm[n, i] <- 2 weight / P (m[n, i] - r[n, i]) - dm[n, i]
///
/// with r = 0 for the `zeros` smallest values of m[n] and 1 for the others: d/dm of weight mean (m - r)^2.
/// Values that round to the same multiple of 1e-9 count as equal, and earlier ones come first.
///
/// m, dm  float64 [N, H, W]; what m has outside [0, 1] ranks as its ends
/// zeros  0 .. P - 1
/// Throws Error if shapes, dtypes or devices differ, zeros is out of range, or P > 2^30. Cost: m is read four
/// to six times on cuda; Reference ranks keys of 8 bytes.
void pull_to_area(const Tensor& m, std::int64_t zeros, double weight, const Tensor& dm);

struct DampedStep {
  double rate = 0.01;
  double momentum = 0.9;  // of the speed; what is new counts 1 - momentum. 0: the speed starts anew
};

/// speed <- momentum speed + (1 - momentum) dp;   p <- p - rate speed, cut to [0, 1]
///
/// all of one shape, float64. Throws Error if shapes, dtypes or devices differ.
void damped_step(const Tensor& dp, const DampedStep& step, const Tensor& speed, const Tensor& p);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// N masks of P values, and how they are ranked.
struct AreaView {
  std::int64_t N, P, zeros;
  double scale;    // 2 weight / P
  int index_bits;  // 10, 20 or 30: P <= 2^index_bits
  const double* m;

  /// Smaller ones come first; no two values of a mask have the same. 30 bits of m over index_bits of i.
  constexpr std::uint64_t key(std::int64_t n, std::int64_t i) const {
    const double value = m[n * P + i], scaled = (value > 0 ? value < 1 ? value : 1 : 0) * 1e9;
    const auto low = static_cast<std::uint64_t>(scaled);
    const std::uint64_t rounded = scaled - static_cast<double>(low) < 0.5 ? low : low + 1;
    return rounded << index_bits | static_cast<std::uint64_t>(i);
  }
};

/// The formulas above.
void pull_to_area(Reference, const AreaView& area, double* dm);
void pull_to_area(Cuda, const AreaView& area, double* dm);
void damped_step(Reference, Flat<const double> dp, const ops::DampedStep& step, double* speed, double* p);
void damped_step(Cuda, Flat<const double> dp, const ops::DampedStep& step, double* speed, double* p);

}  // namespace clearcut::kernels
