#pragma once

#include "autograd/var.h"
#include "tensor/ops/conv2d.h"

namespace clearcut {

/// Convolution with gradients; see tensor/ops/conv2d.h. Only gradients that are needed are computed. `bias`
/// may be an undefined Var for none. `prepared` is for weights that stay, see tensor/ops/prepared.h.
Var conv2d(const Var& x, const Var& w, const ConvOptions& options = {});
Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {},
           const std::shared_ptr<PreparedWeights>& prepared = nullptr);

}  // namespace clearcut
