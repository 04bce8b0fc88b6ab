#include "autograd/resize.h"

#include "autograd/trace.h"
#include "tensor/ops/resize.h"

namespace clearcut {

Var resize_bilinear(const Var& x, Size2 size, bool align_corners) {
  return described(record("resize_bilinear", ops::resize_bilinear(x.value(), size, align_corners), {x},
                          [shape = x.shape(), align_corners](const Tensor& dy, const Need&) {
                            return Grads{ops::resize_bilinear_backward(dy, shape, align_corners)};
                          }),
                   ResizeCall{align_corners});
}

Var resize_nearest(const Var& x, Size2 size, bool align_corners) {
  return described(record("resize_nearest", ops::resize_nearest(x.value(), size, align_corners), {x},
                          [shape = x.shape(), align_corners](const Tensor& dy, const Need&) {
                            return Grads{ops::resize_nearest_backward(dy, shape, align_corners)};
                          }),
                   ResizeCall{align_corners});
}

Var resize_bilinear(const Var& x, const Var& like, bool align_corners) {
  return described(resize_bilinear(x, Size2(like.dim(2), like.dim(3)), align_corners),
                   ResizeCall{align_corners, like.value()});
}

Var resize_nearest(const Var& x, const Var& like, bool align_corners) {
  return described(resize_nearest(x, Size2(like.dim(2), like.dim(3)), align_corners),
                   ResizeCall{align_corners, like.value()});
}

}  // namespace clearcut
