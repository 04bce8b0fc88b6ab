// One step of Adam with decoupled weight decay, in place.
#pragma once

#include <vector>

#include "tensor/views.h"

namespace clearcut {

struct AdamWUpdate {
  double rate = 1e-3;  // learning rate of this tensor
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  std::int64_t step = 1;  // t, counted from 1
};

}  // namespace clearcut

namespace clearcut::ops {

/// One parameter: weights, mean m and mean square v of its gradients, and the gradient, of one shape; the
/// first three are overwritten.
struct AdamWParameter {
  Tensor w, m, v, g;
  AdamWUpdate update;
};

/// m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2;
/// w <- (1 - rate * weight_decay) w - rate / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) + epsilon)
///
/// for each parameter. All have one dtype (float32 or float64) and one device. With m = v = 0 before step 1
/// this is PyTorch's rule. Throws Error if shapes, dtypes or devices differ, or if step < 1. Cost: 16 bytes
/// read and 12 written for each float.
/// Source: Loshchilov, Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101.
void adamw_update(const std::vector<AdamWParameter>& parameters);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// The factors of one step, worked out in double: rate / (1 - beta1^t) and sqrt(1 - beta2^t) among them.
template <class T>
struct AdamWFactors {
  T keep;                 // of w: 1 - rate * weight_decay
  T beta1, share1;        // share1 = 1 - beta1
  T beta2, share2;        // share2 = 1 - beta2
  T rate, root, epsilon;  // rate / (1 - beta1^t), sqrt(1 - beta2^t)
};

/// n values of one parameter.
template <class T>
struct AdamWPiece {
  T *w, *m, *v;
  const T* g;
  std::int64_t n;
  AdamWFactors<T> factors;
};

/// Each product is rounded before it is added: the same bits on every device.
template <class T>
void adamw_update(Reference, const std::vector<AdamWPiece<T>>& pieces);
template <class T>
void adamw_update(Cuda, const std::vector<AdamWPiece<T>>& pieces);

}  // namespace clearcut::kernels
