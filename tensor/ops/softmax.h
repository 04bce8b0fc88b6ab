// Softmax and log-softmax over one dimension.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// y[..., c, ...] = exp(x[..., c, ...]) / sum over k of exp(x[..., k, ...]), over dimension `dim`.
///
/// x        any rank >= 1, float32 or float64; negative dim counts from the end
/// returns  the shape of x; the entries along dim sum to 1
///
/// The maximum is subtracted first, so large logits do not overflow. Reference sums in double.
/// Throws Error if dim is out of range or the size along it is 0.
Tensor softmax(const Tensor& x, int dim = 1);
/// dx = y * (dy - sum over dim of dy * y).
Tensor softmax_backward(const Tensor& dy, const Tensor& y, int dim = 1);

/// y = x - log(sum over dim of exp(x)).
Tensor log_softmax(const Tensor& x, int dim = 1);
/// dx = dy - exp(y) * sum over dim of dy.
Tensor log_softmax_backward(const Tensor& dy, const Tensor& y, int dim = 1);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// Values along `dim` stand `inner` elements apart: element (o, c, i) is at (o * size + c) * inner + i.
template <class T>
struct Lanes {
  T* data;
  std::int64_t outer, size, inner;
};

template <class T>
void softmax(Reference, Lanes<const T> x, Lanes<T> y);
void softmax(Cpu, Lanes<const float> x, Lanes<float> y);
template <class T>
void softmax(Cuda, Lanes<const T> x, Lanes<T> y);
template <class T>
void softmax_backward(Reference, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx);
void softmax_backward(Cpu, Lanes<const float> dy, Lanes<const float> y, Lanes<float> dx);
template <class T>
void softmax_backward(Cuda, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx);
template <class T>
void log_softmax(Reference, Lanes<const T> x, Lanes<T> y);
void log_softmax(Cpu, Lanes<const float> x, Lanes<float> y);
template <class T>
void log_softmax(Cuda, Lanes<const T> x, Lanes<T> y);
template <class T>
void log_softmax_backward(Reference, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx);
void log_softmax_backward(Cpu, Lanes<const float> dy, Lanes<const float> y, Lanes<float> dx);
template <class T>
void log_softmax_backward(Cuda, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx);

}  // namespace clearcut::kernels
