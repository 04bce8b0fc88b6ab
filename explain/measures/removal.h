// Curves of the target's score while pixels are taken away or brought in, most salient or least salient
// first. Their rows in the table are removal_measures().
#pragma once

#include <vector>

#include "explain/measures/measure.h"

namespace clearcut {

/// A picture that changes in stages: row r shows `to` where stage <= r, and `from` elsewhere.
struct Removal {
  Tensor from, to;                  // float32 [3, H, W]
  std::vector<std::int32_t> stage;  // H W, each at least 0
  std::int64_t rows = 0;
};

/// The target's probability in each row.
std::vector<double> removal_curve(Subject& subject, const Removal& removal);

/// Stages of RISE's deletion and insertion: with n pixels and k steps, row r changes the first
/// floor(r n / k) pixels in salient_order().
std::vector<std::int32_t> ordered_stages(const Tensor& map, std::int64_t steps);

/// Stages of the authors' library: row r = 1 .. steps changes the pixels above the percentile
/// 100 (1 - r / steps) of the map, or with `least` those below the percentile 100 (r - 1) / steps. Those that
/// are never changed (the least salient, the most salient) get steps + 1.
std::vector<std::int32_t> percentile_stages(const Tensor& map, std::int64_t steps, bool least);

/// Its stages for superpixels: one superpixel a row, in the order of the magnitude of the coefficients, the
/// largest first or with `least` last; equal ones by number.
std::vector<std::int32_t> superpixel_stages(const Tensor& segments, const std::vector<double>& coefficients,
                                            bool least);

/// (sum - (first + last) / 2) / (n - 1): the area under a curve over [0, 1] by trapezoids.
double trapezoid(const std::vector<double>& y);

}  // namespace clearcut
