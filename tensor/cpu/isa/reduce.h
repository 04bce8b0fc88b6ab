// Loops of sums and of softmax, one table per instruction set. Sums run in double, in an order that depends
// on n only.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// Up to this many columns are worked on side by side by the `_columns` loops.
constexpr int64_t kMaxColumns = 64;

/// `size` values in each of `width` columns; value c of column j is at c * stride + j. width <= kMaxColumns.
struct ColumnBlock {
  int64_t size, stride, width;
};

struct ReduceKernels {
  /// sum over i of x[i].
  double (*sum)(const float* x, int64_t n);
  /// total[i] += x[i].
  void (*add_to)(double* total, const float* x, int64_t n);

  /// y = exp(x - max) / sum, or x - max - log(sum), of one row of n values; of each column of a block.
  void (*softmax_row)(const float* x, float* y, int64_t n);
  void (*log_softmax_row)(const float* x, float* y, int64_t n);
  void (*softmax_columns)(const float* x, float* y, const ColumnBlock& block);
  void (*log_softmax_columns)(const float* x, float* y, const ColumnBlock& block);

  /// dx = y (dy - sum dy y), or dy - exp(y) sum dy.
  void (*softmax_row_backward)(const float* dy, const float* y, float* dx, int64_t n);
  void (*log_softmax_row_backward)(const float* dy, const float* y, float* dx, int64_t n);
  void (*softmax_columns_backward)(const float* dy, const float* y, float* dx, const ColumnBlock& block);
  void (*log_softmax_columns_backward)(const float* dy, const float* y, float* dx, const ColumnBlock& block);
};

namespace baseline {
extern const ReduceKernels reduce_kernels;
}
namespace avx2 {
extern const ReduceKernels reduce_kernels;
}
namespace avx512 {
extern const ReduceKernels reduce_kernels;
}

}  // namespace clearcut::isa
