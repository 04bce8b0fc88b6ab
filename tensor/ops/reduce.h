// Sums, means, maxima and log-sum-exps over dimensions.
#pragma once

#include <vector>

#include "tensor/ops/softmax.h"

namespace clearcut::ops {

/// y = sum of x over `dims`; with `keep` they stay with size 1, else they go.
///
/// x      any rank, float32 or float64; dims: each at most once, negative ones count from the end
/// Sums run in double in Reference. Throws Error if a dim is out of range or comes twice.
Tensor sum(const Tensor& x, const std::vector<int>& dims, bool keep = false);
/// The shape that sum(x, dims, true) has.
Shape kept_shape(const char* op, const Shape& x, const std::vector<int>& dims);

/// The largest element along `dim`, and its index there as int64 (the first one, if several are equal).
/// NaN counts as largest. Throws Error if dim is out of range or the size along it is 0.
struct MaxResult {
  Tensor values, indices;
};
MaxResult max(const Tensor& x, int dim, bool keep = false);
/// dx = dy at the index of each maximum, 0 elsewhere; `shape` is that of x.
Tensor max_backward(const Tensor& dy, const Tensor& indices, const Shape& shape, int dim);

/// y = log(sum over `dim` of exp(x)); the maximum is subtracted first.
Tensor log_sum_exp(const Tensor& x, int dim, bool keep = false);
/// dx = dy * exp(x - y).
Tensor log_sum_exp_backward(const Tensor& dy, const Tensor& x, const Tensor& y, int dim);

/// x [N, C] -> [N]: y[n] = log(sum over c in columns[n] of exp(x[n, c])).
/// Throws Error unless there is one non-empty list of columns in [0, C) per row.
Tensor log_sum_exp(const Tensor& x, const std::vector<std::vector<std::int64_t>>& columns);
/// dx[n, c] = dy[n] * exp(x[n, c] - y[n]) for c in columns[n], 0 elsewhere. A column listed twice counts
/// twice.
Tensor log_sum_exp_backward(const Tensor& dy, const Tensor& x, const Tensor& y,
                            const std::vector<std::vector<std::int64_t>>& columns);

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void max(Reference, Lanes<const T> x, Flat<T> values, Flat<std::int64_t> indices);
template <class T>
void max(Cuda, Lanes<const T> x, Flat<T> values, Flat<std::int64_t> indices);
template <class T>
void max_backward(Reference, Flat<const T> dy, Flat<const std::int64_t> indices, Lanes<T> dx);
template <class T>
void max_backward(Cuda, Flat<const T> dy, Flat<const std::int64_t> indices, Lanes<T> dx);
template <class T>
void log_sum_exp(Reference, Lanes<const T> x, Flat<T> y);
template <class T>
void log_sum_exp(Cuda, Lanes<const T> x, Flat<T> y);
template <class T>
void log_sum_exp_backward(Reference, Flat<const T> dy, Lanes<const T> x, Flat<const T> y, Lanes<T> dx);
template <class T>
void log_sum_exp_backward(Cuda, Flat<const T> dy, Lanes<const T> x, Flat<const T> y, Lanes<T> dx);

using Columns = std::vector<std::vector<std::int64_t>>;
template <class T>
void log_sum_exp(Reference, Rows<const T> x, const Columns& columns, Flat<T> y);
template <class T>
void log_sum_exp(Cuda, Rows<const T> x, const Columns& columns, Flat<T> y);
template <class T>
void log_sum_exp_backward(Reference, Flat<const T> dy, Rows<const T> x, Flat<const T> y,
                          const Columns& columns, Rows<T> dx);
template <class T>
void log_sum_exp_backward(Cuda, Flat<const T> dy, Rows<const T> x, Flat<const T> y, const Columns& columns,
                          Rows<T> dx);

}  // namespace clearcut::kernels
