// The inner loops of 3x3 depthwise convolution, one table per instruction set;
// tensor/cpu/conv/candidates/depthwise.cpp calls them.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// to[i * row + j] = min(max(init + sum over r, c < 3 of weight[3 r + c] * x + plus[i * row + j], low),
/// high), x = line[stride * i + r][stride * j + c - left], or 0 outside of the line's `width` floats, for i <
/// rows, j < cols. Each line must have room for stride * lanes floats, the rest of which is not used.
struct WindowPlane {
  const float* const* line;  // stride * (rows - 1) + 3 of them
  int64_t width;
  int64_t stride;  // 1 or 2
  int64_t left;    // 0 or 1; the last sum's last term lies at most one float behind its line
  const float* weight;
  float init;
  float* to;
  const float* plus;  // or null for 0
  int64_t row;
  int64_t rows, cols;
  float low, high;
  const float* next;  // the next plane, of `next_row` floats an output row: brought to the second cache
  int64_t next_row;
};

struct WindowKernels {
  void (*plane)(const WindowPlane&);
};

namespace baseline {
extern const WindowKernels window_kernels;
}
namespace avx2 {
extern const WindowKernels window_kernels;
}
namespace avx512 {
extern const WindowKernels window_kernels;
}

}  // namespace clearcut::isa
