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
};

struct SegmentationLoss {
  Var total;                  // sum over outputs i of coefficients[i] * L_i
  std::vector<double> parts;  // L_i
};

/// L_i is the weighted cross-entropy of output i, upsampled to the labels; see tensor/ops/cross_entropy.h.
///
/// outputs  logits [N, C, h, w] each, sizes may differ;  labels [N, H, W]
///
/// Throws Error unless there are as many coefficients as outputs: a missing one would silently train nothing.
SegmentationLoss segmentation_loss(const std::vector<Var>& outputs, const Tensor& labels,
                                   const SegmentationLossOptions& options);

}  // namespace clearcut
