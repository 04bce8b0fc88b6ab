// Matrix products through cuBLASLt: what the hand-written ones are measured against.
#pragma once

#include "tensor/ops/matmul.h"

namespace clearcut::cuda {

/// c = a b on the GPU, with tensor/cuda_device.h's cuda_products(); the matrices as kernels::matmul() has
/// them. The library chooses an algorithm once for each shape. Throws Error if it has none, or is not there.
void vendor_multiply(kernels::Matrices<const float> a, kernels::Matrices<const float> b,
                     kernels::Matrices<float> c);

/// A matrix as cuBLAS wants it: rows x cols, column-major with `ld` values from one column to the next, and
/// whether it has to be transposed to be the matrix that is meant.
struct ColumnMajor {
  std::int64_t rows, cols, ld;
  bool transposed;
};
/// Of a matrix with row_stride or col_stride 1.
ColumnMajor column_major(const kernels::Matrices<const float>& m);

}  // namespace clearcut::cuda
