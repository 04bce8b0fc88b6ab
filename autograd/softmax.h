#pragma once

#include "autograd/var.h"

namespace clearcut {

/// Softmax and log-softmax with gradients; see tensor/ops/softmax.h.
Var softmax(const Var& x, int dim = 1);
Var log_softmax(const Var& x, int dim = 1);

}  // namespace clearcut
