// Where a clamp let the gradient through, at a byte per value: all that a frozen layer keeps for backward.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// mask[i] = 0 where y[i] <= low or y[i] >= high, else 1 (also for NaN, as the gradient of clamp in
/// tensor/elementwise.def).
///
/// y        float32 or float64, what min(max(x, low), high) gave
/// returns  uint8 of the shape of y
Tensor clamp_mask(const Tensor& y, double low, double high);

/// dx[i] = dy[i] where mask[i] is not 0, else 0: the gradient of the clamp.
///
/// dy       float32 or float64
/// mask     uint8 of the same shape
/// Throws Error if shapes or devices differ or the mask is not uint8.
Tensor masked(const Tensor& dy, const Tensor& mask);
/// The same in the storage of dy.
void mask_in_place(const Tensor& dy, const Tensor& mask);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// The formulas above.
template <class T>
void clamp_mask(Reference, Flat<const T> y, double low, double high, Flat<std::uint8_t> mask);
void clamp_mask(Cpu, Flat<const float> y, double low, double high, Flat<std::uint8_t> mask);
template <class T>
void clamp_mask(Cuda, Flat<const T> y, double low, double high, Flat<std::uint8_t> mask);
/// dx may be dy.
template <class T>
void masked(Reference, Flat<const T> dy, Flat<const std::uint8_t> mask, Flat<T> dx);
void masked(Cpu, Flat<const float> dy, Flat<const std::uint8_t> mask, Flat<float> dx);
template <class T>
void masked(Cuda, Flat<const T> dy, Flat<const std::uint8_t> mask, Flat<T> dx);

}  // namespace clearcut::kernels
