#pragma once

#include "autograd/var.h"
#include "tensor/ops/avg_pool2d.h"
#include "tensor/ops/max_pool2d.h"

namespace clearcut {

using ops::AvgPoolOptions;
using ops::MaxPoolOptions;

/// Pooling with gradients; see tensor/ops/max_pool2d.h and tensor/ops/avg_pool2d.h.
Var max_pool2d(const Var& x, const MaxPoolOptions& options);
Var avg_pool2d(const Var& x, const AvgPoolOptions& options);
Var adaptive_avg_pool2d(const Var& x, Size2 size);
/// [N, C, H, W] -> [N, C, 1, 1], the mean of each plane.
Var global_avg_pool(const Var& x);

}  // namespace clearcut
