// Rows add into kWays partial sums side by side; columns keep one sum each. The inner loops have a fixed
// length or run along a block of columns, so that the compiler turns them into vector code.
#include "tensor/cpu/isa/reduce.h"

#include "tensor/cpu/isa/math.h"

namespace {

using namespace clearcut::isa;

constexpr int64_t kWays = 32;

// sum over i < n of term(i), by kWays partial sums.
template <class Term>
inline double sum_of(int64_t n, const Term& term) {
  double part[kWays] = {};
  int64_t i = 0;
  for (; i + kWays <= n; i += kWays)
    for (int64_t k = 0; k < kWays; ++k) part[k] += static_cast<double>(term(i + k));
  for (int64_t k = 0; i < n; ++i, ++k) part[k] += static_cast<double>(term(i));
  for (int64_t half = kWays / 2; half > 0; half /= 2)
    for (int64_t k = 0; k < half; ++k) part[k] += part[k + half];
  return part[0];
}

double sum(const float* x, int64_t n) {
  return sum_of(n, [=](int64_t i) { return x[i]; });
}

void add_to(double* total, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) total[i] += static_cast<double>(x[i]);
}

// NaN wins: exp(x - NaN) then makes the whole row NaN.
inline float larger(float a, float b) { return a > b || a != a ? a : b; }

float max_of(const float* x, int64_t n) {
  float part[kWays];
  for (int64_t k = 0; k < kWays; ++k) part[k] = x[0];
  int64_t i = 0;
  for (; i + kWays <= n; i += kWays)
    for (int64_t k = 0; k < kWays; ++k) part[k] = larger(part[k], x[i + k]);
  for (int64_t k = 0; i < n; ++i, ++k) part[k] = larger(part[k], x[i]);
  for (int64_t k = 1; k < kWays; ++k) part[0] = larger(part[0], part[k]);
  return part[0];
}

void softmax_row(const float* x, float* y, int64_t n) {
  const float top = max_of(x, n);
  for (int64_t i = 0; i < n; ++i) y[i] = exp(x[i] - top);
  const float scale = static_cast<float>(1 / sum(y, n));
  for (int64_t i = 0; i < n; ++i) y[i] *= scale;
}

void log_softmax_row(const float* x, float* y, int64_t n) {
  const float top = max_of(x, n);
  for (int64_t i = 0; i < n; ++i) y[i] = exp(x[i] - top);
  const float log_sum = static_cast<float>(__builtin_log(sum(y, n)));
  for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - top) - log_sum;
}

void softmax_row_backward(const float* dy, const float* y, float* dx, int64_t n) {
  const auto dot = static_cast<float>(
      sum_of(n, [=](int64_t i) { return static_cast<double>(dy[i]) * static_cast<double>(y[i]); }));
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (dy[i] - dot);
}

void log_softmax_row_backward(const float* dy, const float* y, float* dx, int64_t n) {
  const auto total = static_cast<float>(sum(dy, n));
  for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] - exp(y[i]) * total;
}

// Calls body(c, j) for all values of the block, column j innermost; c is the offset of row c.
template <class Body>
inline void over(const ColumnBlock& b, const Body& body) {
  for (int64_t c = 0; c < b.size; ++c)
    for (int64_t j = 0; j < b.width; ++j) body(c * b.stride + j, j);
}

// y = exp(x - top), its column sums, and the column maxima.
inline void exp_columns(const float* x, float* y, const ColumnBlock& b, float* top, double* total) {
  for (int64_t j = 0; j < b.width; ++j) top[j] = x[j], total[j] = 0;
  over(b, [=](int64_t at, int64_t j) { top[j] = larger(top[j], x[at]); });
  over(b, [=](int64_t at, int64_t j) { y[at] = exp(x[at] - top[j]); });
  over(b, [=](int64_t at, int64_t j) { total[j] += static_cast<double>(y[at]); });
}

void softmax_columns(const float* x, float* y, const ColumnBlock& b) {
  float top[kMaxColumns], scale[kMaxColumns];
  double total[kMaxColumns];
  exp_columns(x, y, b, top, total);
  for (int64_t j = 0; j < b.width; ++j) scale[j] = static_cast<float>(1 / total[j]);
  over(b, [&](int64_t at, int64_t j) { y[at] *= scale[j]; });
}

void log_softmax_columns(const float* x, float* y, const ColumnBlock& b) {
  float top[kMaxColumns], log_sum[kMaxColumns];
  double total[kMaxColumns];
  exp_columns(x, y, b, top, total);
  for (int64_t j = 0; j < b.width; ++j) log_sum[j] = static_cast<float>(__builtin_log(total[j]));
  over(b, [&](int64_t at, int64_t j) { y[at] = (x[at] - top[j]) - log_sum[j]; });
}

void softmax_columns_backward(const float* dy, const float* y, float* dx, const ColumnBlock& b) {
  double dot[kMaxColumns] = {};
  over(b, [&](int64_t at, int64_t j) { dot[j] += static_cast<double>(dy[at]) * static_cast<double>(y[at]); });
  over(b, [&](int64_t at, int64_t j) { dx[at] = y[at] * (dy[at] - static_cast<float>(dot[j])); });
}

void log_softmax_columns_backward(const float* dy, const float* y, float* dx, const ColumnBlock& b) {
  double total[kMaxColumns] = {};
  over(b, [&](int64_t at, int64_t j) { total[j] += static_cast<double>(dy[at]); });
  over(b, [&](int64_t at, int64_t j) { dx[at] = dy[at] - exp(y[at]) * static_cast<float>(total[j]); });
}

}  // namespace

namespace clearcut::isa::CLEARCUT_ISA {

extern const ReduceKernels reduce_kernels = {sum,
                                             add_to,
                                             softmax_row,
                                             log_softmax_row,
                                             softmax_columns,
                                             log_softmax_columns,
                                             softmax_row_backward,
                                             log_softmax_row_backward,
                                             softmax_columns_backward,
                                             log_softmax_columns_backward};

}  // namespace clearcut::isa::CLEARCUT_ISA
