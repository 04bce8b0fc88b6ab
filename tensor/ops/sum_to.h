// The two sums that the autograd engine itself needs.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// Sums x over the dimensions along which `shape` was broadcast to x.shape(): the gradient of broadcasting.
/// Returns x itself if the shapes are equal. float32 or float64; sums run in double.
/// Throws Error if `shape` does not broadcast to x.shape().
Tensor sum_to(const Tensor& x, const Shape& shape);

/// a + b for tensors of one shape, dtype and device.
Tensor add_same(const Tensor& a, const Tensor& b);

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void add_same(Reference, Flat<const T> a, Flat<const T> b, Flat<T> y);
/// y[strides applied] = sum of x over broadcast dimensions; `y_strides[d]` is 0 where d is summed.
template <class T>
void sum_to(Reference, Flat<const T> x, const Shape& x_shape, const Shape& y_strides, Flat<T> y);

}  // namespace clearcut::kernels
