// Quickshift superpixels: each pixel climbs to the nearest denser one, hill tops are regions.
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

struct QuickshiftOptions {
  double ratio = 1;        // weight of colour against place
  double kernel_size = 5;  // deviation of the density's Gaussian, >= 1; larger: fewer regions
  double max_dist = 10;    // longer links are cut; larger: fewer regions
  double sigma =
      1;  // Gaussian smoothing in pixels before; scikit-image's default is 0, LIME of InterpretDL takes 1

  friend bool operator==(const QuickshiftOptions&, const QuickshiftOptions&) = default;
};

/// With c = ratio * Lab, smoothed, D(p, q)^2 = |c_p - c_q|^2 + dr^2 + dc^2 and a square window of
/// ceil(3 kernel_size) pixels to each side:
///
///   density(p) = noise(p) + sum over q in the window of exp(-D(p, q)^2 / (2 kernel_size^2))
///   parent(p)  = the nearest q in the window with larger density, the first of several;
///                p itself if there is none within max_dist
///
/// Pixels with one root are one region, not always connected.
///
/// picture  uint8 [H, W, 3] RGB
/// returns  int32 [H, W], labels 0 .. K-1 in raster order of their roots
///
/// The noise, of deviation 1e-5, decides on flat areas, where many pixels are as dense as each other. It is
/// RandomStream(0, "quickshift"): one picture has one answer, on any number of threads.
/// Cost: (2 ceil(3 kernel_size) + 1)^2 exponentials per pixel.
/// Source: Vedaldi & Soatto, "Quick shift and kernel methods for mode seeking", ECCV 2008, and scikit-image
/// 0.19, whose labels come out where the noise does not decide.
Tensor quickshift(const Tensor& picture, const QuickshiftOptions& options = {});
/// With other noise, float64 [H, W].
Tensor quickshift(const Tensor& picture, const QuickshiftOptions& options, const Tensor& noise);

}  // namespace clearcut
