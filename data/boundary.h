// Pixels on the edges of regions, and how well predicted edges meet true ones.
#pragma once

#include "data/metrics.h"

namespace clearcut {

/// uint8 [H, W]: 1 where a pixel lies within `width` pixels of another label or of the picture's frame, else
/// 0. The distance is max(|dy|, |dx|): each region minus itself eroded `width` times by a 3 x 3 square.
///
/// labels int32 [H, W]; width >= 1. Cost O(H W) for any width. Source: Cheng et al. 2021, arXiv:2103.16562.
Tensor edge_pixels(const Tensor& labels, int width);

/// max(1, round(share * sqrt(H^2 + W^2))); the paper takes a share of 0.02.
int edge_width(std::int64_t height, std::int64_t width, double share);

/// The counts of boundary IoU of one picture, per class c:
///
///   truth = |{p on an edge of the truth, truth_p = c}|   predicted = the same of the prediction
///   hit = |both|                                          boundary IoU = hit / (truth + predicted - hit)
///
/// Ignored pixels count for nothing. They are made ignored in the prediction too before edges are drawn, and
/// are a region of their own: where they touch an object there is an edge in both, so a prediction that is
/// right everywhere has the boundary IoU 1. Undecided pixels are a region without class.
/// Both maps have passed ConfusionMatrix::add().
std::vector<ClassCounts> edge_counts(const Tensor& prediction, const Tensor& truth, int classes, double share,
                                     int truth_ignore = 255, int undecided = 255);

}  // namespace clearcut
