// Loops over tensor/elementwise.def, the four arithmetic operators, the step of an optimiser and masks, one
// table per instruction set.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// y[i] = f(x[i]) for i < n; a and b are the parameters of OP1 and OP2.
using PointwiseLoop = void (*)(const float* x, float* y, int64_t n, float a, float b);
/// dx[i] = dx(dy[i], kept[i]).
using PointwiseBackwardLoop = void (*)(const float* dy, const float* kept, float* dx, int64_t n, float a,
                                       float b);
/// y[i] = f(a[i * a_stride], b[i * b_stride]); strides are 0 or 1. y may be a or b.
using BinaryLoop = void (*)(const float* a, const float* b, float* y, int64_t n, int64_t a_stride,
                            int64_t b_stride);

struct PointwisePair {
  PointwiseLoop forward;
  PointwiseBackwardLoop backward;
};

/// The rule of tensor/ops/sgd.h.
struct SgdRule {
  float rate, momentum, decay;
  bool nesterov;
};
using SgdLoop = void (*)(float* w, float* v, const float* g, int64_t n, SgdRule rule);

/// Of tensor/ops/clamp_mask.h. dx may be dy.
using ClampMaskLoop = void (*)(const float* y, unsigned char* mask, int64_t n, float low, float high);
using MaskedLoop = void (*)(const float* dy, const unsigned char* mask, float* dx, int64_t n);

struct PointwiseKernels {
#define OP(name, ...) PointwisePair name;
#define OP1(name, ...) PointwisePair name;
#define OP2(name, ...) PointwisePair name;
#include "tensor/elementwise.def"
  struct {
    BinaryLoop add, sub, mul, div;
  } binary;
  SgdLoop sgd;
  ClampMaskLoop clamp_mask;
  MaskedLoop masked;
};

namespace baseline {
extern const PointwiseKernels pointwise_kernels;
}
namespace avx2 {
extern const PointwiseKernels pointwise_kernels;
}
namespace avx512 {
extern const PointwiseKernels pointwise_kernels;
}

}  // namespace clearcut::isa
