// Loops of batch norm over runs of one channel, one table per instruction set. Sums run in double, in an
// order that depends on the lengths of the runs only.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// Partial sums of two series. Start with zeros, add runs, read total().
constexpr int64_t kNormWays = 16;
struct TwoSums {
  double first[kNormWays] = {}, second[kNormWays] = {};
};

struct NormKernels {
  /// first += x - shift, second += (x - shift)^2.
  void (*moments)(const float* x, int64_t n, float shift, TwoSums& sums);
  /// first += dy, second += dy (x - mean).
  void (*products)(const float* dy, const float* x, int64_t n, float mean, TwoSums& sums);
  /// y = (x - mean) scale + bias.
  void (*normalise)(const float* x, float* y, int64_t n, float mean, float scale, float bias);
  /// dx = a dy + b (x - mean) + c.
  void (*gradient)(const float* dy, const float* x, float* dx, int64_t n, float mean, float a, float b,
                   float c);
};

namespace baseline {
extern const NormKernels norm_kernels;
}
namespace avx2 {
extern const NormKernels norm_kernels;
}
namespace avx512 {
extern const NormKernels norm_kernels;
}

}  // namespace clearcut::isa
