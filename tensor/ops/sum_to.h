// The sum over broadcast dimensions: the gradient of broadcasting, and every sum over dimensions.
#pragma once

#include "tensor/ops/arithmetic.h"

namespace clearcut::ops {

/// Sums x over the dimensions along which `shape` was broadcast to x.shape().
/// Returns x itself if the shapes are equal. float32 or float64; sums run in double.
/// Throws Error if `shape` does not broadcast to x.shape().
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// y[i0 * b[0] + i1 * b[1] + ...] = sum of x over the dimensions of the plan where its stride b is 0; a are
/// the strides of x. y has y_n elements.
template <class T>
void sum_to(Reference, const BroadcastPlan& plan, const T* x, T* y, std::int64_t y_n);
void sum_to(Cpu, const BroadcastPlan& plan, const float* x, float* y, std::int64_t y_n);
template <class T>
void sum_to(Cuda, const BroadcastPlan& plan, const T* x, T* y, std::int64_t y_n);

}  // namespace clearcut::kernels
