// The inner loops of 3x3 depthwise convolution, one table per instruction set;
// tensor/cpu/conv/candidates/depthwise.cpp calls them.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// For each of `count` planes p of H x W, P x Q of them at `to`: to[i * Q + j] = min(max(bias[p] + sum over
/// r, c < 3 of w[3 r + c] * x + plus[i * Q + j], low), high), x = plane[stride * i + r - top][stride * j + c
/// - left], or 0 outside; w = weight + 9 p, read backwards where it is turned around. Planes lie one behind
/// the other; behind the last one stride * lanes - W floats more must be there, if that is more than 0.
struct WindowPlanes {
  int64_t count;
  const float* plane;
  int64_t H, W;
  int64_t stride;     // 1 or 2
  int64_t top, left;  // 0 or 1; the last sum's last term lies at most one pixel outside
  const float* weight;
  bool turned;
  const float* bias;  // or null for 0
  float* to;
  const float* plus;  // laid out like `to`, or null for 0
  int64_t P, Q;
  float low, high;
  const float* zeros;  // max(W, stride * lanes) of them
};

struct WindowKernels {
  void (*planes)(const WindowPlanes&);
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
