// The compiler turns these loops into vector code: their bodies are the lines of the table, over math.h.
#include "tensor/cpu/isa/pointwise.h"

#include "tensor/cpu/isa/math.h"

namespace {

using namespace clearcut::isa;
using T = float;

// ivdep: y may be the very x of a donated tensor, never a shifted copy of it.
#define LOOPS(name, value, gradient, first, second)                                         \
  void name##_forward(const float* from, float* y, int64_t n, [[maybe_unused]] float first, \
                      [[maybe_unused]] float second) {                                      \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) {                                  \
      const float x = from[i];                                                              \
      y[i] = value;                                                                         \
    }                                                                                       \
  }                                                                                         \
  void name##_backward(const float* grad, const float* kept, float* dx, int64_t n,          \
                       [[maybe_unused]] float first, [[maybe_unused]] float second) {       \
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) {                                  \
      const float dy = grad[i];                                                             \
      [[maybe_unused]] const float x = kept[i], y = kept[i];                                \
      dx[i] = gradient;                                                                     \
    }                                                                                       \
  }
#define OP(name, value, gradient, kept, values) LOOPS(name, value, gradient, unused_a, unused_b)
#define OP1(name, a, value, gradient, kept, values) LOOPS(name, value, gradient, a, unused_b)
#define OP2(name, a, b, value, gradient, kept, values) LOOPS(name, value, gradient, a, b)
#include "tensor/elementwise.def"
#undef LOOPS

#define BINARY(name, symbol)                                                              \
  void name##_loop(const float* a, const float* b, float* y, int64_t n, int64_t a_stride, \
                   int64_t b_stride) {                                                    \
    if (a_stride == 1 && b_stride == 1) {                                                 \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) y[i] = a[i] symbol b[i];       \
    } else if (a_stride == 1) {                                                           \
      const float right = *b;                                                             \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) y[i] = a[i] symbol right;      \
    } else if (b_stride == 1) {                                                           \
      const float left = *a;                                                              \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) y[i] = left symbol b[i];       \
    } else {                                                                              \
      const float value = *a symbol * b;                                                  \
      for (int64_t i = 0; i < n; ++i) y[i] = value;                                       \
    }                                                                                     \
  }
BINARY(add, +)
BINARY(sub, -)
BINARY(mul, *)
BINARY(div, /)
#undef BINARY

void sgd(float* w, float* v, const float* g, int64_t n, SgdRule r) {
  if (r.nesterov) {
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) {
      const float d = g[i] + r.decay * w[i];
      v[i] = r.momentum * v[i] + d;
      w[i] -= r.rate * (d + r.momentum * v[i]);
    }
  } else {
    _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) {
      v[i] = r.momentum * v[i] + (g[i] + r.decay * w[i]);
      w[i] -= r.rate * v[i];
    }
  }
}

void clamp_mask(const float* y, unsigned char* mask, int64_t n, float low, float high) {
  for (int64_t i = 0; i < n; ++i) mask[i] = !(y[i] <= low) & !(y[i] >= high);
}

void masked(const float* dy, const unsigned char* mask, float* dx, int64_t n) {
  _Pragma("GCC ivdep") for (int64_t i = 0; i < n; ++i) {
    const float value = dy[i];
    dx[i] = mask[i] != 0 ? value : 0.0f;
  }
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

#define OP(name, ...) {name##_forward, name##_backward},
#define OP1(name, ...) {name##_forward, name##_backward},
#define OP2(name, ...) {name##_forward, name##_backward},
extern const PointwiseKernels pointwise_kernels = {
#include "tensor/elementwise.def"
    {add_loop, sub_loop, mul_loop, div_loop}, sgd, clamp_mask, masked};

}  // namespace clearcut::isa::CLEARCUT_ISA
