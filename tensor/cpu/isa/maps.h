// Loops over rows of feature maps: max pooling, bilinear resizing, and the losses over pixels. One table per
// instruction set.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// A run of max pooling windows that have the same taps: window j looks at x[taps[t] + j * stride] for t <
/// tap_count, which is the index in the plane that x begins. tap_count >= 1.
struct MaxWindowRun {
  const float* x;
  const int32_t* taps;
  int64_t tap_count, stride;
  float* best;
  int32_t* index;
  int64_t n;
};

/// Where column j of an upsampled row reads: (1 - weight[j]) * x[low[j]] + weight[j] * x[high[j]].
struct ColumnTaps {
  const int32_t *low, *high;
  const float* weight;
  int64_t n;
};

/// Floats behind a row that expand_row may read, whatever they are.
constexpr int64_t kRowSlack = 32;

/// Logits of `classes` classes for n pixels; class k of pixel i stands at z[k * stride + i].
struct ClassTile {
  const float* z;
  int64_t classes, stride, n;
};

/// Row of pixels in the backward pass of a loss: g = q (exp(z - log_sum_exp) - [label = class]), q = 0 where
/// the pixel does not count.
struct LossRow {
  const float *log_sum_exp, *q;
  const int32_t* labels;
  int32_t of_class;
  int64_t n;
};

struct MapKernels {
  /// The first largest value of each window and its index; NaN wins over every number.
  void (*max_windows)(const MaxWindowRun&);
  /// y[j] interpolated between columns of x.
  void (*expand_row)(const float* x, const ColumnTaps&, float* y);
  /// y = a + weight (b - a), n values.
  void (*blend_rows)(const float* a, const float* b, float weight, float* y, int64_t n);
  /// y += weight x.
  void (*add_scaled)(const float* x, float weight, float* y, int64_t n);
  /// top = max(top, largest z), sum = sum exp(old top - top) + sum over classes of exp(z - top).
  void (*add_exponentials)(const ClassTile&, float* top, float* sum);
  /// dz = g for the logits z.
  void (*loss_gradient)(const LossRow&, const float* z, float* dz);
  /// For z = upper + weight (lower - upper): d_upper += (1 - weight) g, d_lower += weight g.
  void (*blended_loss_gradient)(const LossRow&, const float* upper, const float* lower, float weight,
                                float* d_upper, float* d_lower);
};

namespace baseline {
extern const MapKernels map_kernels;
}
namespace avx2 {
extern const MapKernels map_kernels;
}
namespace avx512 {
extern const MapKernels map_kernels;
}

}  // namespace clearcut::isa
