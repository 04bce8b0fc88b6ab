// Quotients whose denominator may be near 0: what relevance and differences are shared out by.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// y[i] = a[i] / (b[i] + epsilon sign(b[i])), sign(0) = 1; 0 where that denominator is 0.
///
/// a, b     float32 or float64, one shape; computed in double, rounded once
/// Throws Error if shapes, dtypes or devices differ.
Tensor stable_quotient(const Tensor& a, const Tensor& b, double epsilon);

/// y[i] = a[i] / b[i], or otherwise[i] where |b[i]| < limit. Shapes and errors as above.
Tensor quotient_or(const Tensor& a, const Tensor& b, const Tensor& otherwise, double limit);

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
constexpr T stable_quotient_of(T a, T b, double epsilon) {
  const double below = b < 0 ? b - epsilon : b + epsilon;
  return below == 0 ? T(0) : static_cast<T>(a / below);
}
template <class T>
constexpr T quotient_or_of(T a, T b, T otherwise, double limit) {
  const double below = b;
  return below < limit && below > -limit ? otherwise : static_cast<T>(a / below);
}

template <class T>
void stable_quotient(Reference, Flat<const T> a, Flat<const T> b, double epsilon, Flat<T> y);
template <class T>
void stable_quotient(Cuda, Flat<const T> a, Flat<const T> b, double epsilon, Flat<T> y);
template <class T>
void quotient_or(Reference, Flat<const T> a, Flat<const T> b, Flat<const T> otherwise, double limit,
                 Flat<T> y);
template <class T>
void quotient_or(Cuda, Flat<const T> a, Flat<const T> b, Flat<const T> otherwise, double limit, Flat<T> y);

}  // namespace clearcut::kernels
