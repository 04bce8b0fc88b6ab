// Copies of short rows, one table per instruction set: padding, strides and their undoing.
#pragma once

#include <stdint.h>

namespace clearcut::isa {

/// to[i * to_row + j * to_step] = from[i * from_row + j * from_step] for i < rows, j < cols. Nothing else is
/// read or changed; elements between those of one row may be written with what they hold.
struct RowCopy {
  const float* from;
  int64_t from_row, from_step;
  float* to;
  int64_t to_row, to_step;
  int64_t rows, cols;
};

/// to[i * row + j] = min(max(base + from[i * from_row + j] + plus[i * row + j], low), high) for i < rows, j <
/// cols; base is what `to` holds, or 0 without `accumulate`. Nothing else is read or changed.
struct RowFinish {
  const float* from;
  int64_t from_row;
  float* to;
  const float* plus;  // or null for 0
  int64_t row;
  int64_t rows, cols;
  bool accumulate;
  float low, high;
};

struct RowKernels {
  void (*copy_rows)(const RowCopy&);
  /// Adds instead of copying; the steps are 1. Up to lanes - 1 floats behind a row are read, and written in
  /// `to` with what they hold.
  void (*add_rows)(const RowCopy&);
  void (*finish_rows)(const RowFinish&);
};

namespace baseline {
extern const RowKernels row_kernels;
}
namespace avx2 {
extern const RowKernels row_kernels;
}
namespace avx512 {
extern const RowKernels row_kernels;
}

}  // namespace clearcut::isa
