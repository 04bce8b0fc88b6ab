// The sum over all pixels with Gaussian weights: the exact filter behind the dense CRF and its energy.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// y[n, c, i] = sum over pixels j of exp(-1/2 sum over d of (f[n, d, i] - f[n, d, j])^2) q[n, c, j]
///
/// features f  [N, D, H, W], 1 <= D <= 6: place, colour, depth ..., each divided by its deviation beforehand
/// q           [N, C, H, W], float32 or float64, of the dtype and device of f
/// returns     [N, C, H, W]
///
/// Not normalised; the pixel itself counts with weight 1. The weights are symmetric, so the gradient for q is
/// gaussian_sum(f, dy). Throws Error if shapes disagree or D is out of range.
/// Cost: N (H W)^2 exponentials and as many multiply-adds per channel; no weights are kept. Sums run in
/// double; Cuda adds up 128 pixels in the dtype first.
/// Source: Kraehenbuehl & Koltun, "Efficient inference in fully connected CRFs", NIPS 2011, equation 2.
Tensor gaussian_sum(const Tensor& features, const Tensor& q);

}  // namespace clearcut::ops

namespace clearcut::kernels {

constexpr int kMostFeatures = 6;

template <class T>
void gaussian_sum(Reference, Nchw<const T> f, Nchw<const T> q, Nchw<T> y);
template <class T>
void gaussian_sum(Cuda, Nchw<const T> f, Nchw<const T> q, Nchw<T> y);

}  // namespace clearcut::kernels
