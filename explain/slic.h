// SLIC superpixels: small regions of one colour that follow the edges of a picture.
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

struct SlicOptions {
  int segments = 100;       // wanted number; the result has about as many
  double compactness = 10;  // weight of distance against colour: larger gives squarer regions
  int iterations = 10;      // fewer when nothing changes any more
  double sigma = 0;         // Gaussian smoothing in pixels before the clustering; 0: none
  double min_size = 0.5;    // of the mean size: smaller regions merge into a neighbour
  double max_size = 3;      // of the mean size: larger regions are cut

  friend bool operator==(const SlicOptions&, const SlicOptions&) = default;
};

/// Clusters the pixels by colour and place, then makes each cluster connected: connect_regions().
///
///   d(p, k)^2 = (dr^2 + dc^2) / S^2 + |Lab(p) - Lab(k)|^2 / compactness^2,   S = sqrt(H W / segments),
///   rounded
///
/// picture  uint8 [H, W, 3] RGB; its values are stretched to [0, 1] by their minimum and maximum, then turned
///          into CIE-Lab (sRGB, D65)
/// returns  int32 [H, W], labels 0 .. K-1 in raster order of their first pixels; every label occurs
///
/// Seeds stand on a regular grid; each looks at most 2 S away. Deterministic, the same for any number of
/// threads. Pictures with sides of 1 pixel work; a picture of one colour gives the grid.
/// Cost: up to 16 distances per pixel and iteration; 5 doubles of memory per pixel.
/// Source: Achanta 2012, and scikit-image 0.19, whose labels come out but for exact ties.
Tensor slic(const Tensor& picture, const SlicOptions& options = {});

}  // namespace clearcut
