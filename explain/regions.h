// Regions: label maps int32 [H, W] whose labels 0 .. K-1 name pieces of a picture.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

struct RegionSizes {
  std::int64_t min_size = 0;                      // smaller pieces become part of a region beside them
  std::int64_t max_size = std::int64_t{1} << 40;  // larger ones are cut, breadth first
};

/// Splits every label into its connected pieces (4 neighbours), cuts large ones, merges small ones, and
/// numbers the result in raster order of first pixels. A small piece becomes part of the region seen last
/// beside it among those that come before it; the first pieces of a picture have none and join the next one.
/// Merging can make a region larger than max_size. A picture with one region keeps it, however small.
/// Source: the connectivity rule of scikit-image's SLIC, in its order of search.
Tensor connect_regions(const Tensor& labels, const RegionSizes& sizes = {});

/// Number of labels: the largest value + 1. Throws Error on a negative label.
std::int64_t region_count(const Tensor& regions);

/// Replaces each value by the mean over its region: values float32 [H, W], regions int32 [H, W].
Tensor region_means(const Tensor& values, const Tensor& regions);
/// The mean of each region.
std::vector<double> region_averages(const Tensor& values, const Tensor& regions);
/// values[k] painted on region k: float32 [H, W].
Tensor paint_regions(const Tensor& regions, const std::vector<double>& values);

}  // namespace clearcut
