// The inner loops of depthwise convolution, one table per instruction set;
// tensor/cpu/conv/candidates/depthwise.cpp calls them.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// to[j] = init + sum over taps of weight[t] * plane[offset[t] + j] for j < n. Whole vectors are read and
/// written: up to lanes - 1 floats behind both ends must be there.
struct TapSum {
  const float* plane;
  const int64_t* offset;
  const float* weight;
  int64_t taps;
  float init;
  float* to;
  int64_t n;
};

/// sum[t] += sum over j < n of dy[j] * plane[offset[t] + j]. Whole vectors are read: behind n, dy must hold
/// zeros and plane finite numbers for up to lanes - 1 floats.
struct TapDots {
  const float* plane;
  const int64_t* offset;
  int64_t taps;
  const float* dy;
  int64_t n;
  double* sum;
};

struct DepthwiseKernels {
  void (*tap_sum)(const TapSum&);
  void (*tap_dots)(const TapDots&);
};

namespace baseline {
extern const DepthwiseKernels depthwise_kernels;
}
namespace avx2 {
extern const DepthwiseKernels depthwise_kernels;
}
namespace avx512 {
extern const DepthwiseKernels depthwise_kernels;
}

}  // namespace clearcut::isa
