#pragma once

#include <optional>

#include "autograd/var.h"

namespace clearcut {

/// Dice and Lovasz-Softmax of class probabilities [N, C, H, W], with their gradients; see
/// tensor/ops/region_losses.h.
Var dice_loss(const Var& p, const Tensor& labels, std::optional<std::int64_t> ignore = {}, double smooth = 1);
Var lovasz_softmax(const Var& p, const Tensor& labels, std::optional<std::int64_t> ignore = {});

/// Boundary loss: the mean of p * phi over all pixels that count and all classes, phi the signed distances of
/// the labels (tensor/ops/region_losses.h), which are worked out on the host.
Var boundary_loss(const Var& p, const Tensor& labels, std::optional<std::int64_t> ignore = {});

}  // namespace clearcut
