#include "tensor/ops/matmul.h"

#include <algorithm>

#include "tensor/parallel.h"
#include "tensor/work.h"

namespace clearcut {
namespace ops {

namespace {

// x as a batch of matrices, transposed by swapping strides.
template <class T>
kernels::Matrices<T> matrices(const Tensor& x, bool transpose, std::int64_t batch) {
  const std::int64_t rows = x.dim(-2), cols = x.dim(-1);
  const std::int64_t batch_stride = x.rank() == 3 ? rows * cols : 0;
  if (transpose) return {x.data<T>(), batch, cols, rows, batch_stride, 1, cols};
  return {x.data<T>(), batch, rows, cols, batch_stride, cols, 1};
}

void check_matrix(const char* name, const Tensor& x) {
  check(x.defined() && (x.rank() == 2 || x.rank() == 3), "matmul", name,
        " must be [rows, cols] or [batch, rows, cols]; got ", x.defined() ? x.shape() : Shape());
}

Shape matmul_shape(const Tensor& a, const Tensor& b, const MatmulOptions& o) {
  check_matrix("a", a);
  check_matrix("b", b);
  check_same_kind("matmul", a, b);
  const std::int64_t M = a.dim(o.transpose_a ? -1 : -2), K = a.dim(o.transpose_a ? -2 : -1);
  const std::int64_t N = b.dim(o.transpose_b ? -2 : -1), rows_of_b = b.dim(o.transpose_b ? -1 : -2);
  check(K == rows_of_b, "matmul", "a has ", K, " columns", o.transpose_a ? " (transposed)" : "", " and b ",
        rows_of_b, " rows", o.transpose_b ? " (transposed)" : "", ", which must be equal; a ", a.shape(),
        ", b ", b.shape());
  if (a.rank() == 2 && b.rank() == 2) return {M, N};
  const std::int64_t batch = a.rank() == 3 ? a.dim(0) : b.dim(0);
  check(a.rank() == 2 || b.rank() == 2 || b.dim(0) == batch, "matmul", "batches must be equal; a ", a.shape(),
        ", b ", b.shape());
  return {batch, M, N};
}

// Leading dimensions flattened: [..., K] -> [rows, K]. The row count is worked out: K may be 0.
Tensor as_rows(const Tensor& x) {
  std::int64_t rows = 1;
  for (int i = 0; i + 1 < x.rank(); ++i) rows *= x.dim(i);
  return x.reshape(Shape{rows, x.dim(-1)});
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  Tensor c(matmul_shape(a, b, options), a.dtype(), a.device());
  const std::int64_t batch = c.rank() == 3 ? c.dim(0) : 1;
  count_multiply_adds(c.numel() * a.dim(options.transpose_a ? -2 : -1));
  if (DryRun::active()) return zeros_like(c);
  on<Floats>("matmul", a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::matmul(tag, matrices<const T>(a, options.transpose_a, batch),
                    matrices<const T>(b, options.transpose_b, batch), matrices<T>(c, false, batch));
  });
  return c;
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check_rank("linear", "w", w, 2, "[N, K]");
  check(x.defined() && x.rank() >= 1 && x.dim(-1) == w.dim(1), "linear",
        "x must be [..., K] with K = ", w.dim(1), " for w ", w.shape(), "; got ",
        x.defined() ? x.shape() : Shape());
  const Tensor y = matmul(as_rows(x), w, {.transpose_b = true});
  if (bias.defined()) {
    check_same_kind("linear", x, bias);
    check(bias.shape() == Shape{w.dim(0)}, "linear", "bias must be [", w.dim(0), "] for w ", w.shape(),
          "; got ", bias.shape());
    on<Floats>("linear", y.device(), y.dtype(),
               [&]<class T>(auto tag) { kernels::add_to_rows(tag, flat<const T>(bias), rows<T>(y)); });
  }
  return y.reshape(x.shape().with(-1, w.dim(0)));
}

Tensor linear_backward_input(const Tensor& dy, const Tensor& w) {
  return matmul(as_rows(dy), w).reshape(dy.shape().with(-1, w.dim(1)));
}

Tensor linear_backward_weight(const Tensor& dy, const Tensor& x) {
  return matmul(as_rows(dy), as_rows(x), {.transpose_a = true});
}

}  // namespace ops

namespace kernels {

template <class T>
void matmul(Reference, Matrices<const T> a, Matrices<const T> b, Matrices<T> c) {
  const std::int64_t grain =
      std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(1, c.cols * a.cols));
  parallel_for(c.batch * c.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t i = row / c.rows, m = row % c.rows;
      for (std::int64_t n = 0; n < c.cols; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < a.cols; ++k) sum += static_cast<double>(a(i, m, k)) * b(i, k, n);
        c(i, m, n) = static_cast<T>(sum);
      }
    }
  });
}

template <class T>
void add_to_rows(Reference, Flat<const T> bias, Rows<T> y) {
  parallel_for(y.rows, std::max<std::int64_t>(1, (1 << 15) / std::max<std::int64_t>(1, y.cols)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row)
                   for (std::int64_t n = 0; n < y.cols; ++n) y[row][n] += bias[n];
               });
}

template void matmul(Reference, Matrices<const float>, Matrices<const float>, Matrices<float>);
template void matmul(Reference, Matrices<const double>, Matrices<const double>, Matrices<double>);
template void add_to_rows(Reference, Flat<const float>, Rows<float>);
template void add_to_rows(Reference, Flat<const double>, Rows<double>);

}  // namespace kernels
}  // namespace clearcut
