#pragma once

#include "autograd/var.h"
#include "tensor/window.h"

namespace clearcut {

/// Resizing with gradients; see tensor/ops/resize.h. align_corners has no default: networks differ.
Var resize_bilinear(const Var& x, Size2 size, bool align_corners);
Var resize_nearest(const Var& x, Size2 size, bool align_corners);

}  // namespace clearcut
