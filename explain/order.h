// The order of a map's pixels, and its percentiles.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Pixel indices from the smallest value to the largest; equal ones (0 and -0 among them) in raster order.
/// Maps are float32 of any shape, below 2^31 pixels. Cost: three passes of counting over 8 bytes a pixel,
/// about a tenth of a sort by comparison.
std::vector<std::int32_t> ascending_order(const Tensor& map);
/// From the largest to the smallest; equal ones in raster order.
std::vector<std::int32_t> salient_order(const Tensor& map);

/// The q-th percentile, q in 0 .. 100, of values in ascending order: linear between the two ranks around
/// q / 100 (n - 1), as numpy.percentile does by default.
double percentile(const std::vector<double>& ascending, double q);
std::vector<double> ascending_values(const Tensor& map);

/// Share of the pixels with smaller values, float32 of the map's shape.
Tensor rank_shares(const Tensor& map);
/// Ranks from 1 to n in the input's order; equal values share the mean of their ranks.
std::vector<double> mean_ranks(const Tensor& map);

}  // namespace clearcut
