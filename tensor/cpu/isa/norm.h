// Loops of batch norm, one table per instruction set. Sums run in float over a few dozen values and in double
// beyond, in an order that depends on n only.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// Partial sums of two series, one for each of kNormWays neighbours.
constexpr int64_t kNormWays = 16;
struct TwoSums {
  double first[kNormWays] = {}, second[kNormWays] = {};
};

/// v = (x - mean) scale + bias, y = min(max(v + residual, low), high).
struct NormLine {
  float mean, scale, bias, low, high;
};

/// g = dy where low < y < high, else 0, with y from memory if that is not null, else worked out from x.
struct NormMask {
  const float *dy, *y;
  bool clamps;
  NormLine line;
};

/// dx = a g + (b (x - mean) + c).
struct NormSlope {
  float a, b, c;
};

/// All loops go over n neighbours of one channel.
struct NormKernels {
  /// first += x - shift, second += (x - shift)^2.
  void (*moments)(const float* x, int64_t n, float shift, TwoSums& sums);
  /// residual is null for none.
  void (*normalise)(const float* x, const float* residual, float* y, int64_t n, NormLine line);
  /// first += g, second += g (x - mean); g goes to `masked` too unless that is null.
  void (*products)(const NormMask& g, const float* x, float* masked, int64_t n, TwoSums& sums);
  void (*gradient)(const NormMask& g, const float* x, float* dx, int64_t n, NormSlope slope);
  /// g goes to `masked`, then scale g to dx; either may be null.
  void (*scaled)(const NormMask& g, float* masked, float* dx, int64_t n, float scale);
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
