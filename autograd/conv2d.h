#pragma once

#include "autograd/after.h"
#include "tensor/ops/conv2d.h"

namespace clearcut {

/// Convolution with gradients; see tensor/ops/conv2d.h. Only gradients that are needed are computed. `bias`
/// may be an undefined Var for none. `kept` (see tensor/ops/prepared.h) is used
/// while the weights stay, that is, need no gradient or there is no tape, and emptied otherwise.
Var conv2d(const Var& x, const Var& w, const ConvOptions& options = {});
Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {},
           const std::shared_ptr<PreparedWeights>& kept = nullptr, const After& after = {});

}  // namespace clearcut
