// Object proposals: superpixels grouped step by step, most similar neighbours first.
#pragma once

#include <vector>

#include "explain/superpixels.h"

namespace clearcut {

/// Rows [top, bottom), columns [left, right).
struct PixelBox {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  std::int64_t area() const { return (bottom - top) * (right - left); }
  friend bool operator==(const PixelBox&, const PixelBox&) = default;
  friend auto operator<=>(const PixelBox&, const PixelBox&) = default;
};

struct GroupingOptions {
  bool lab = true;  // colours and textures are compared in CIE-Lab; else in RGB
  double colour = 1, texture = 1, size = 1, fill = 1;  // weights of the similarities
};

/// A superpixel, or what two regions before it became.
struct Region {
  PixelBox box;
  std::int64_t size = 0;  // pixels
  int first = -1, second = -1;
  double similarity = 0;  // of the two
};
struct Grouping {
  Tensor superpixels;           // int32 [H, W], 0 .. K-1
  std::vector<Region> regions;  // K superpixels, then K - 1 groups in the order in which they were made
};

/// Joins the two neighbours (4-connected) that are most similar until one region is left:
///
///   s(a, b) = colour s_c + texture s_t + size s_s + fill s_f
///   s_c, s_t  sum over bins of min(h_a, h_b) of histograms of sum 1. Colour: 25 bins in each of 3 channels.
///             Texture: 10 bins of the positive part of the derivative along 8 directions in each channel, of
///             the picture smoothed by a Gaussian of 1 pixel, from 0 to 1 / sqrt(2 pi), a unit step's
///   s_s       1 - (|a| + |b|) / |picture|
///   s_f       1 - (|box around both| - |a| - |b|) / |picture|
///
/// A group's histograms are the means of its parts', weighted by size. Of equal similarities that of the
/// regions with the lowest numbers counts.
///
/// picture      uint8 [H, W, 3] RGB
/// superpixels  int32 [H, W], labels 0 .. K-1; selective search starts from felzenszwalb()
/// Throws Error if sizes differ. One thread; about K log K comparisons of 315 bins.
/// Source: Uijlings 2013, "Selective search for object recognition". It leaves the texture's range open; its
/// random order of proposals, and the union over several starts and colour spaces, are the caller's.
Grouping group_regions(const Tensor& picture, const Tensor& superpixels, const GroupingOptions& options = {});

/// uint8 [H, W], 1 on the region.
Tensor region_mask(const Grouping& grouping, int region);
/// The boxes of all regions, each once, the last groups (the largest) first.
std::vector<PixelBox> proposal_boxes(const Grouping& grouping);

}  // namespace clearcut
