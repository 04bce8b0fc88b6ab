// Superpixels by name: one entry for SLIC, quickshift and Felzenszwalb's segmentation.
#pragma once

#include <string>

#include "explain/felzenszwalb.h"
#include "explain/quickshift.h"
#include "explain/slic.h"

namespace clearcut {

/// A method and its settings. Those of the other methods are not looked at.
struct SuperpixelOptions {
  std::string method = "slic";  // slic, quickshift, felzenszwalb
  SlicOptions slic = {};
  QuickshiftOptions quickshift = {};
  FelzenszwalbOptions felzenszwalb = {};

  friend bool operator==(const SuperpixelOptions&, const SuperpixelOptions&) = default;
};

/// picture uint8 [H, W, 3] RGB -> int32 [H, W], labels 0 .. K-1, every one of which occurs.
Tensor superpixels(const Tensor& picture, const SuperpixelOptions& options = {});

/// "slic", "slic/segments=200/compactness=20", "quickshift/kernel_size=4/max_dist=200/ratio=0.2",
/// "felzenszwalb/scale=100/sigma=0.8/min_size=20". Throws Error that lists the known words.
SuperpixelOptions parse_superpixels(const std::string& text);
/// The inverse, with every setting of the method.
std::string describe(const SuperpixelOptions& options);

}  // namespace clearcut
