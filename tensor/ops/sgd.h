// One step of stochastic gradient descent with momentum, in place.
#pragma once

#include <vector>

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

/// One parameter: weights, velocity and gradient of one shape; the first two are overwritten.
struct SgdParameter {
  Tensor w, v, g;
  SgdUpdate update;
};

/// v <- momentum * v + (g + weight_decay * w);   w <- w - rate * v,
/// or with nesterov  w <- w - rate * (g + weight_decay * w + momentum * v).
///
/// for each parameter, all in one pass: small ones do not wait for each other. All have one dtype (float32 or
/// float64) and one device.
///
/// With v = 0 before the first step this is PyTorch's and Paddle's rule. The factor of the gradient is 1, not
/// 1 - momentum. Throws Error if shapes, dtypes or devices differ. Cost: 12 bytes read and 8 written for each
/// float.
/// Source: Sutskever et al., "On the importance of initialization and momentum", ICML 2013.
void sgd_update(const std::vector<SgdParameter>& parameters);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// n values of one parameter.
template <class T>
struct SgdPiece {
  T *w, *v;
  const T* g;
  std::int64_t n;
  SgdUpdate update;
};

template <class T>
void sgd_update(Reference, const std::vector<SgdPiece<T>>& pieces);
void sgd_update(Cpu, const std::vector<SgdPiece<float>>& pieces);
template <class T>
void sgd_update(Cuda, const std::vector<SgdPiece<T>>& pieces);

}  // namespace clearcut::kernels
