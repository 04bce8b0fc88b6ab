// Sums, differences, products and quotients of values, with NumPy's broadcasting.
#pragma once

#include "autograd/elementwise.h"

namespace clearcut {

/// a + b, a - b, a * b, a / b, element by element. Sizes must match or be 1, counted from the last
/// dimension; gradients are summed over broadcast dimensions. One dtype, one device.
Var add(const Var& a, const Var& b);
Var sub(const Var& a, const Var& b);
Var mul(const Var& a, const Var& b);
Var div(const Var& a, const Var& b);

inline Var operator+(const Var& a, const Var& b) { return add(a, b); }
inline Var operator-(const Var& a, const Var& b) { return sub(a, b); }
inline Var operator*(const Var& a, const Var& b) { return mul(a, b); }
inline Var operator/(const Var& a, const Var& b) { return div(a, b); }
inline Var operator-(const Var& x) { return neg(x); }

inline Var operator+(const Var& x, double s) { return add(x, s); }
inline Var operator+(double s, const Var& x) { return add(x, s); }
inline Var operator-(const Var& x, double s) { return add(x, -s); }
inline Var operator-(double s, const Var& x) { return subtract_from(x, s); }
inline Var operator*(const Var& x, double s) { return mul(x, s); }
inline Var operator*(double s, const Var& x) { return mul(x, s); }
inline Var operator/(const Var& x, double s) { return div(x, s); }
inline Var operator/(double s, const Var& x) { return divide_into(x, s); }

}  // namespace clearcut
