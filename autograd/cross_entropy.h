#pragma once

#include "autograd/var.h"
#include "tensor/ops/cross_entropy.h"

namespace clearcut {

using ops::CrossEntropyOptions;

/// Weighted cross-entropy, a scalar, with the gradient for the logits; see tensor/ops/cross_entropy.h. While
/// a OneOfRanks lives (tensor/collective.h), it is this rank's share.
Var cross_entropy(const Var& logits, const Tensor& labels, const CrossEntropyOptions& options = {});
/// The same for low-resolution logits [N, C, h, w] and labels [N, H, W], fused with the bilinear upsampling.
Var upsampled_cross_entropy(const Var& logits, const Tensor& labels, bool align_corners,
                            const CrossEntropyOptions& options = {});

}  // namespace clearcut
