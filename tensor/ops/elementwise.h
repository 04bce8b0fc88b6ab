// Pointwise operators, generated from tensor/elementwise.def.
#pragma once

#include <cmath>

#include "tensor/views.h"

/// One struct per line of the table: f(x), dx(dy, kept), and which value the backward pass keeps. They are
/// constexpr so that CUDA kernels may call them.
namespace clearcut::pointwise {

enum class Kept { NONE, X, Y };

// The using-declaration makes exp(x) the function, also inside struct exp.
#define CLEARCUT_POINTWISE(name, parameters, value, gradient, kept_value) \
  static constexpr const char* kName = #name;                             \
  static constexpr Kept kKept = Kept::kept_value;                         \
  template <class T>                                                      \
  constexpr T f(T x) const {                                              \
    using std::abs, std::erf, std::exp, std::log, std::log1p, std::sqrt;  \
    using std::tanh;                                                      \
    parameters;                                                           \
    return value;                                                         \
  }                                                                       \
  template <class T>                                                      \
  constexpr T dx(T dy, [[maybe_unused]] T kept) const {                   \
    using std::abs, std::erf, std::exp, std::log, std::log1p, std::sqrt;  \
    using std::tanh;                                                      \
    [[maybe_unused]] const T x = kept, y = kept;                          \
    parameters;                                                           \
    return gradient;                                                      \
  }
#define CLEARCUT_PARAMETER(a) [[maybe_unused]] const T a = static_cast<T>(parameter_##a)
#define OP(name, value, gradient, kept, values)                           \
  struct name {                                                           \
    CLEARCUT_POINTWISE(name, static_cast<void>(0), value, gradient, kept) \
  };
#define OP1(name, a, value, gradient, kept, values)                        \
  struct name {                                                            \
    double parameter_##a;                                                  \
    CLEARCUT_POINTWISE(name, CLEARCUT_PARAMETER(a), value, gradient, kept) \
  };
#define OP2(name, a, b, value, gradient, kept, values)                                            \
  struct name {                                                                                   \
    double parameter_##a, parameter_##b;                                                          \
    CLEARCUT_POINTWISE(name, CLEARCUT_PARAMETER(a); CLEARCUT_PARAMETER(b), value, gradient, kept) \
  };
#include "tensor/elementwise.def"
#undef CLEARCUT_PARAMETER
#undef CLEARCUT_POINTWISE

}  // namespace clearcut::pointwise

namespace clearcut::ops {

/// y[i] = op.f(x[i]), for float32 and float64 of any shape.
template <class Op>
Tensor pointwise(const Op& op, const Tensor& x);
/// x[i] = op.f(x[i]).
template <class Op>
void pointwise_in_place(const Op& op, const Tensor& x);
/// dx[i] = op.dx(dy[i], kept[i]); kept is x, y, or (Kept::NONE) anything of that shape.
/// Throws Error if shapes, dtypes or devices differ.
template <class Op>
Tensor pointwise_backward(const Op& op, const Tensor& dy, const Tensor& kept);
/// dy[i] = op.dx(dy[i], kept[i]).
template <class Op>
void pointwise_backward_in_place(const Op& op, const Tensor& dy, const Tensor& kept);

// relu(x), exp(x), leaky_relu(x, slope), clamp(x, low, high), ... by name.
#define OP(name, ...) \
  inline Tensor name(const Tensor& x) { return pointwise(clearcut::pointwise::name{}, x); }
#define OP1(name, a, ...) \
  inline Tensor name(const Tensor& x, double a) { return pointwise(clearcut::pointwise::name{a}, x); }
#define OP2(name, a, b, ...)                                \
  inline Tensor name(const Tensor& x, double a, double b) { \
    return pointwise(clearcut::pointwise::name{a, b}, x);   \
  }
#include "tensor/elementwise.def"

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class Op, class T>
void pointwise(Reference, const Op& op, Flat<const T> x, Flat<T> y);
template <class Op, class T>
void pointwise_backward(Reference, const Op& op, Flat<const T> dy, Flat<const T> kept, Flat<T> dx);
template <class Op, class T>
void pointwise(Cuda, const Op& op, Flat<const T> x, Flat<T> y);
template <class Op, class T>
void pointwise_backward(Cuda, const Op& op, Flat<const T> dy, Flat<const T> kept, Flat<T> dx);
#define OP(name, ...)                                                                           \
  void pointwise(Cpu, const clearcut::pointwise::name& op, Flat<const float> x, Flat<float> y); \
  void pointwise_backward(Cpu, const clearcut::pointwise::name& op, Flat<const float> dy,       \
                          Flat<const float> kept, Flat<float> dx);
#define OP1(name, ...) OP(name)
#define OP2(name, ...) OP(name)
#include "tensor/elementwise.def"

}  // namespace clearcut::kernels
