// The loss of segmentation networks with several outputs.
#pragma once

#include <vector>

#include "autograd/cross_entropy.h"

namespace clearcut {

struct SegmentationLossOptions {
  /// One factor per output of the network; {1} counts the main output only.
  std::vector<double> coefficients = {1};
  bool align_corners = false;  // of the upsampling to the labels
  CrossEntropyOptions cross_entropy = {};
  /// What the loss of one output is made of: factors of its terms.
  struct Terms {
    double cross_entropy = 1, dice = 0, lovasz = 0, boundary = 0;
  } terms = {};
};

struct SegmentationLoss {
  Var total;                  // sum over outputs i of coefficients[i] * L_i
  std::vector<double> parts;  // L_i
};

/// L_i is the sum over the terms of factor * loss of output i, upsampled to the labels: the weighted
/// cross-entropy (tensor/ops/cross_entropy.h), and losses of whole regions (tensor/ops/region_losses.h),
/// which see probabilities and the ignore index, but no weights of classes or pixels.
///
/// On several ranks (tensor/collective.h) it is this rank's share; losses of regions, and hard pixels, see
/// its own part of the batch only, and count in the mean over ranks.
///
/// outputs  logits [N, C, h, w] each, sizes may differ;  labels [N, H, W]
///
/// Memory: cross-entropy stores no upsampled logits; the others keep up to four values per class and label
/// pixel.
///
/// Throws Error unless there are as many coefficients as outputs: a missing one would silently train nothing.
SegmentationLoss segmentation_loss(const std::vector<Var>& outputs, const Tensor& labels,
                                   const SegmentationLossOptions& options);

}  // namespace clearcut
