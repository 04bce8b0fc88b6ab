// Felzenszwalb's graph segmentation: neighbours merge while the step between them is small inside both.
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

struct FelzenszwalbOptions {
  double scale = 100;          // larger: larger regions; scikit-image's default is 1
  double sigma = 0.8;          // Gaussian smoothing in pixels before
  std::int64_t min_size = 20;  // smaller regions merge into a neighbour

  friend bool operator==(const FelzenszwalbOptions&, const FelzenszwalbOptions&) = default;
};

/// Edges join 8-neighbours; their cost is the Euclidean distance of the smoothed colours (RGB in [0, 1]). In
/// the order of their costs, an edge joins its two regions A and B if
///
///   cost < min(inner(A) + k / |A|, inner(B) + k / |B|),   k = scale / 255,
///
/// where inner(A) is the largest cost by which A grew, 0 for a pixel. Then edges of regions below min_size
/// join, in the same order. Edges of one cost come as: to the right, down, down right, up right, each in
/// raster order.
///
/// picture  uint8 [H, W, 3] RGB
/// returns  int32 [H, W], labels 0 .. K-1 in raster order of their first pixels
///
/// Cost: a sort of 4 edges per pixel, one thread.
/// Source: Felzenszwalb & Huttenlocher, IJCV 2004, and scikit-image 0.19, whose labels come out where no two
/// edges cost the same (it leaves their order to an unstable sort).
Tensor felzenszwalb(const Tensor& picture, const FelzenszwalbOptions& options = {});

}  // namespace clearcut
