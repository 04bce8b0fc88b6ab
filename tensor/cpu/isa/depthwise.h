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

/// to[i * row + j] = min(max(init + sum over taps of weight[t] * plane[offset[t] + i * plane_row + j] +
/// plus[i * row + j], low), high) for i < rows, j < cols; cols >= lanes. Nothing else is read or written.
struct TapRows {
  const float* plane;
  int64_t plane_row;
  const int64_t* offset;
  const float* weight;
  int64_t taps;
  float init;
  float* to;
  const float* plus;  // or null for 0
  int64_t row;
  int64_t rows, cols;
  float low, high;
  const float* next;  // the next plane's source of `next_row` floats a row: brought to the second cache
  int64_t next_row;
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
  void (*tap_rows)(const TapRows&);
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
