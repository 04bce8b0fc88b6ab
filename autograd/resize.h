#pragma once

#include "autograd/var.h"
#include "tensor/window.h"

namespace clearcut {

/// Resizing with gradients; see tensor/ops/resize.h. align_corners has no default: networks differ.
Var resize_bilinear(const Var& x, Size2 size, bool align_corners);
Var resize_nearest(const Var& x, Size2 size, bool align_corners);
/// To the height and width of `like`, whatever they are: what is written down of a network follows them.
Var resize_bilinear(const Var& x, const Var& like, bool align_corners);
Var resize_nearest(const Var& x, const Var& like, bool align_corners);

/// What a trace says of both.
struct ResizeCall {
  bool align_corners = false;
  Tensor like = {};  // undefined where the size was given as numbers
};

}  // namespace clearcut
