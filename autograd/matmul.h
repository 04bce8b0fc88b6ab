#pragma once

#include "autograd/var.h"
#include "tensor/ops/matmul.h"

namespace clearcut {

/// Matrix product and linear layer with gradients; see tensor/ops/matmul.h.
Var matmul(const Var& a, const Var& b, const MatmulOptions& options = {});
Var linear(const Var& x, const Var& w, const Var& bias = {});

}  // namespace clearcut
