// a + b, a - b, a * b, a / b with broadcasting, and broadcasting itself.
#pragma once

#include <vector>

#include "tensor/views.h"

namespace clearcut::ops {

/// y = a op b, element by element; sizes must match or be 1, counted from the last dimension (NumPy).
///
/// a, b     float32 or float64, one dtype, one device
/// returns  the broadcast shape
///
/// Throws Error if the shapes do not broadcast, or dtypes or devices differ.
Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
/// a = a + b, both of one shape.
void add_in_place(const Tensor& a, const Tensor& b);

/// x repeated along its dimensions of size 1 (and new leading ones); x itself if it has that shape.
/// Throws Error if x.shape() does not broadcast to `shape`.
Tensor broadcast_to(const Tensor& x, const Shape& shape);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// How a result walks through two operands: element (i0, i1, ...) of the result reads
/// a[i0 * a[0] + i1 * a[1] + ...]; a stride is 0 along broadcast dimensions. Neighbouring dimensions that
/// both operands walk through in one stride are merged, so equal shapes become one dimension.
struct BroadcastPlan {
  std::vector<std::int64_t> sizes, a, b;
  std::int64_t numel = 1;
};
BroadcastPlan plan_broadcast(const Shape& y, const Shape& a, const Shape& b);

struct Add {
  static constexpr const char* kName = "add";
  template <class T>
  static constexpr T f(T a, T b) {
    return a + b;
  }
};
struct Sub {
  static constexpr const char* kName = "sub";
  template <class T>
  static constexpr T f(T a, T b) {
    return a - b;
  }
};
struct Mul {
  static constexpr const char* kName = "mul";
  template <class T>
  static constexpr T f(T a, T b) {
    return a * b;
  }
};
struct Div {
  static constexpr const char* kName = "div";
  template <class T>
  static constexpr T f(T a, T b) {
    return a / b;
  }
};

template <class Op, class T>
void binary(Reference, Op, const BroadcastPlan& plan, const T* a, const T* b, T* y);
template <class Op>
void binary(Cpu, Op, const BroadcastPlan& plan, const float* a, const float* b, float* y);
template <class Op, class T>
void binary(Cuda, Op, const BroadcastPlan& plan, const T* a, const T* b, T* y);
template <class T>
void broadcast_to(Reference, const BroadcastPlan& plan, const T* x, T* y);
template <class T>
void broadcast_to(Cuda, const BroadcastPlan& plan, const T* x, T* y);

}  // namespace clearcut::kernels
