// Matrix products: batched, transposed by option, and the linear layer.
#pragma once

#include "tensor/views.h"

namespace clearcut {

struct MatmulOptions {
  bool transpose_a = false;  // a is stored [..., K, M]
  bool transpose_b = false;  // b is stored [..., N, K]
};

namespace ops {

/// c[m, n] = sum over k of a[m, k] * b[k, n], for each matrix of a batch.
///
/// a        [M, K] or [B, M, K]; with transpose_a [K, M] or [B, K, M]; float32 or float64
/// b        [K, N] or [B, K, N]; with transpose_b [N, K] or [B, N, K]; same dtype and device
/// returns  [M, N], or [B, M, N] if a or b has a batch; a matrix without batch serves all of them
///
/// K = 0 gives zeros. Throws Error if the inner sizes K or the batches differ.
/// Cost: 2 B M N K operations. Transposition costs nothing: it only changes strides.
/// Reference sums in double, in the order of k. Cpu (float32) is the packed, blocked product of
/// tensor/cpu/gemm.h; Cuda sums in the dtype, in the order of k.
Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options = {});

/// y[..., n] = sum over k of x[..., k] * w[n, k] + bias[n]: a fully connected layer.
///
/// x        [..., K], any rank >= 1; float32 or float64
/// w        [N, K], as torch stores it
/// bias     [N], or an undefined tensor for none
/// returns  [..., N]
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {});
/// dx = dy w, of shape [..., K].
Tensor linear_backward_input(const Tensor& dy, const Tensor& w);
/// dw = dy^T x over all leading dimensions, [N, K].
Tensor linear_backward_weight(const Tensor& dy, const Tensor& x);

}  // namespace ops

namespace kernels {

/// A batch of matrices with any strides, in elements: (i, row, col) is at i * batch_stride + row * row_stride
/// + col * col_stride. A batch_stride of 0 repeats one matrix.
template <class T>
struct Matrices {
  T* data;
  std::int64_t batch, rows, cols;
  std::int64_t batch_stride, row_stride, col_stride;
  constexpr T& operator()(std::int64_t i, std::int64_t row, std::int64_t col) const {
    return data[i * batch_stride + row * row_stride + col * col_stride];
  }
};

/// c = a b; in each of a, b and c the row_stride or the col_stride is 1.
template <class T>
void matmul(Reference, Matrices<const T> a, Matrices<const T> b, Matrices<T> c);
void matmul(Cpu, Matrices<const float> a, Matrices<const float> b, Matrices<float> c);
template <class T>
void matmul(Cuda, Matrices<const T> a, Matrices<const T> b, Matrices<T> c);

/// y[row, :] += bias.
template <class T>
void add_to_rows(Reference, Flat<const T> bias, Rows<T> y);
template <class T>
void add_to_rows(Cuda, Flat<const T> bias, Rows<T> y);

}  // namespace kernels
}  // namespace clearcut
