// What Tensor::to(dtype) and Tensor::full do with the numbers.
#pragma once

#include "tensor/views.h"

namespace clearcut::kernels {

/// y[i] = x[i] as static_cast converts it. For all pairs of Numbers.
template <class From, class To>
void convert(Reference, Flat<const From> x, Flat<To> y);
template <class From, class To>
void convert(Cuda, Flat<const From> x, Flat<To> y);

/// y[i] = value.
template <class T>
void fill(Reference, T value, Flat<T> y);
template <class T>
void fill(Cuda, T value, Flat<T> y);

}  // namespace clearcut::kernels
