// Dropout of a Var.
#pragma once

#include "autograd/var.h"
#include "tensor/ops/dropout.h"

namespace clearcut {

/// See tensor/ops/dropout.h. With p = 0 it returns x.
Var dropout(const Var& x, const DropoutOptions& options);

}  // namespace clearcut
