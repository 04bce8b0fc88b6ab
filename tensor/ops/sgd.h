// One step of stochastic gradient descent with momentum, in place.
#pragma once

#include "tensor/views.h"

namespace clearcut {

struct SgdUpdate {
  double rate = 0.01;  // learning rate of this tensor
  double momentum = 0.9;
  double weight_decay = 0;
  bool nesterov = false;
};

}  // namespace clearcut

namespace clearcut::ops {

/// v <- momentum * v + (g + weight_decay * w);   w <- w - rate * v,
/// or with nesterov  w <- w - rate * (g + weight_decay * w + momentum * v).
///
/// w, v, g  one shape, one dtype (float32 or float64), one device; w and v are overwritten, g is not
///
/// With v = 0 before the first step this is PyTorch's and Paddle's rule. The factor of the gradient is 1, not
/// 1 - momentum. Throws Error if shapes, dtypes or devices differ.
/// Source: Sutskever et al., "On the importance of initialization and momentum", ICML 2013.
void sgd_update(const Tensor& w, const Tensor& v, const Tensor& g, const SgdUpdate& update);

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void sgd_update(Reference, Flat<T> w, Flat<T> v, Flat<const T> g, const SgdUpdate& update);

}  // namespace clearcut::kernels
