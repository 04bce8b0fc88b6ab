// Sums of products in double: what explainers add up over hundreds of gradients without leaving the device.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// sum[i] = sum[i] + weight * a[i] * b[i], the products in double; without b, sum[i] + weight * a[i].
///
/// sum      float64
/// a, b     float32 or float64, one dtype; b may be undefined
/// Throws Error if shapes or devices differ, or sum is not float64.
void add_products(const Tensor& sum, const Tensor& a, const Tensor& b, double weight);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// The formula above; b.data is null where there is no b.
template <class T>
void add_products(Reference, Flat<const T> a, Flat<const T> b, double weight, Flat<double> sum);
void add_products(Cpu, Flat<const float> a, Flat<const float> b, double weight, Flat<double> sum);
template <class T>
void add_products(Cuda, Flat<const T> a, Flat<const T> b, double weight, Flat<double> sum);

}  // namespace clearcut::kernels
