// Maxima and log-sum-exps along a dimension. (Sums are in cuda/sum_to.cu.)
//
// A block of 128 threads takes one lane of values; with a stride between them (any dimension but the last) a
// thread takes one lane and its neighbours those beside it. Bytes moved: x once (log-sum-exp twice, the
// second time from the cache); backward, x and dx. Sums run in double. Of equal maxima the first counts, and
// NaN is the largest.
#include "tensor/ops/reduce.h"

#include <cmath>

#include "cuda/row_exp_sum.cuh"
#include "tensor/cuda_memory.h"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 128;

// ---- maxima

template <class T>
struct Place {
  T value;
  std::int64_t index;
};

// True if p comes before q in the order: NaN, then the larger, then the earlier. Index -1 is none.
template <class T>
__device__ bool before(const Place<T>& p, const Place<T>& q) {
  if (p.index < 0 || q.index < 0) return q.index < 0;
  const bool p_nan = p.value != p.value, q_nan = q.value != q.value;
  if (p_nan != q_nan) return p_nan;
  if (p_nan || p.value == q.value) return p.index < q.index;
  return p.value > q.value;
}

// The first element of lane `lane`; its values stand x.inner apart.
template <class T>
__device__ std::int64_t lane_start(const Lanes<T>& x, std::int64_t lane) {
  return lane / x.inner * x.size * x.inner + lane % x.inner;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    max_row_kernel(Lanes<const T> x, Flat<T> values, Flat<std::int64_t> indices) {
  SHARED(Place<T>, part, [kThreads / 32]);
  const std::int64_t first = blockIdx.x * x.size;
  Place<T> best{T(0), -1};
  for (std::int64_t c = threadIdx.x; c < x.size; c += kThreads) {
    const Place<T> here{x.data[first + c], c};
    if (before(here, best)) best = here;
  }
  for (int offset = 16; offset > 0; offset /= 2) {
    const Place<T> other{__shfl_xor_sync(0xffffffffu, best.value, offset),
                         __shfl_xor_sync(0xffffffffu, best.index, offset)};
    if (before(other, best)) best = other;
  }
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < kThreads / 32; ++warp)
    if (before(part[warp], best)) best = part[warp];
  values[blockIdx.x] = best.value;
  indices[blockIdx.x] = best.index;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    max_lane_kernel(Lanes<const T> x, Flat<T> values, Flat<std::int64_t> indices) {
  const std::int64_t lane = cuda::thread_number();
  if (lane >= values.n) return;
  const std::int64_t first = lane_start(x, lane);
  Place<T> best{x.data[first], 0};
  for (std::int64_t c = 1; c < x.size; ++c) {
    const Place<T> here{x.data[first + c * x.inner], c};
    if (before(here, best)) best = here;
  }
  values[lane] = best.value;
  indices[lane] = best.index;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    max_backward_kernel(Flat<const T> dy, Flat<const std::int64_t> indices, Lanes<T> dx) {
  const std::int64_t lane = cuda::thread_number();
  if (lane < dy.n) dx.data[lane_start(dx, lane) + indices[lane] * dx.inner] = dy[lane];
}

// ---- log-sum-exp

template <class T>
__global__ void __launch_bounds__(kThreads, 8) log_sum_exp_row_kernel(Lanes<const T> x, Flat<T> y) {
  const auto [top, sum] = cuda::row_exp_sum<kThreads>(x.data + blockIdx.x * x.size, x.size);
  if (threadIdx.x == 0) y[blockIdx.x] = static_cast<T>(top + std::log(sum));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8) log_sum_exp_lane_kernel(Lanes<const T> x, Flat<T> y) {
  const std::int64_t lane = cuda::thread_number();
  if (lane >= y.n) return;
  const std::int64_t first = lane_start(x, lane), end = first + x.size * x.inner;
  T top = x.data[first];
  double sum = 0;
  for (std::int64_t at = first; at < end; at += x.inner) top = cuda::Largest::join(top, x.data[at]);
  for (std::int64_t at = first; at < end; at += x.inner) sum += std::exp(x.data[at] - top);
  y[lane] = static_cast<T>(top + std::log(sum));
}

// A thread makes one element of dx.
template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    log_sum_exp_backward_kernel(Flat<const T> dy, Lanes<const T> x, Flat<const T> y, Lanes<T> dx) {
  const std::int64_t i = cuda::thread_number();
  if (i >= x.outer * x.size * x.inner) return;
  const std::int64_t lane = i / (x.size * x.inner) * x.inner + i % x.inner;
  dx.data[i] = dy[lane] * std::exp(x.data[i] - y[lane]);
}

// ---- log-sum-exp of chosen columns: a thread takes one row, which has few of them

/// Row n has the columns list[starts[n]] to list[starts[n + 1] - 1].
struct ColumnLists {
  const std::int64_t *starts, *list;
};

template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    log_sum_exp_columns_kernel(Rows<const T> x, ColumnLists columns, Flat<T> y) {
  const std::int64_t n = cuda::thread_number();
  if (n >= x.rows) return;
  const std::int64_t begin = columns.starts[n], end = columns.starts[n + 1];
  T top = x[n][columns.list[begin]];
  double sum = 0;
  for (std::int64_t i = begin; i < end; ++i) top = cuda::Largest::join(top, x[n][columns.list[i]]);
  for (std::int64_t i = begin; i < end; ++i) sum += std::exp(x[n][columns.list[i]] - top);
  y[n] = static_cast<T>(top + std::log(sum));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 8)
    log_sum_exp_columns_backward_kernel(Flat<const T> dy, Rows<const T> x, Flat<const T> y,
                                        ColumnLists columns, Rows<T> dx) {
  const std::int64_t n = cuda::thread_number();
  if (n >= x.rows) return;
  for (std::int64_t i = columns.starts[n]; i < columns.starts[n + 1]; ++i) {
    const std::int64_t c = columns.list[i];
    dx[n][c] += dy[n] * std::exp(x[n][c] - y[n]);
  }
}

/// The lists in device memory.
class DeviceColumns {
 public:
  explicit DeviceColumns(const Columns& columns) : DeviceColumns(flatten(columns), columns.size() + 1) {}
  ColumnLists lists() const {
    const auto* starts = static_cast<const std::int64_t*>(block_.data());
    return {starts, starts + rows_};
  }

 private:
  DeviceColumns(const std::vector<std::int64_t>& numbers, std::size_t rows)
      : block_(numbers.size() * sizeof(std::int64_t)), rows_(rows) {
    cuda_copy(block_.data(), numbers.data(), numbers.size() * sizeof(std::int64_t), CudaCopy::kToDevice);
  }
  // All starts, then all columns.
  static std::vector<std::int64_t> flatten(const Columns& columns) {
    std::vector<std::int64_t> numbers{0};
    for (const auto& row : columns) numbers.push_back(numbers.back() + static_cast<std::int64_t>(row.size()));
    for (const auto& row : columns) numbers.insert(numbers.end(), row.begin(), row.end());
    return numbers;
  }
  CudaBlock block_;
  std::size_t rows_;
};

cuda::Grid rows(std::int64_t n) { return {.blocks = static_cast<unsigned>(n), .threads = kThreads}; }
}  // namespace

template <class T>
void max(Cuda, Lanes<const T> x, Flat<T> values, Flat<std::int64_t> indices) {
  if (x.inner == 1)
    cuda::launch<max_row_kernel<T>>(rows(values.n), x, values, indices);
  else
    cuda::launch<max_lane_kernel<T>>(cuda::one_each(values.n, kThreads), x, values, indices);
}

template <class T>
void max_backward(Cuda, Flat<const T> dy, Flat<const std::int64_t> indices, Lanes<T> dx) {
  cuda::launch<max_backward_kernel<T>>(cuda::one_each(dy.n, kThreads), dy, indices, dx);
}

template <class T>
void log_sum_exp(Cuda, Lanes<const T> x, Flat<T> y) {
  if (x.inner == 1)
    cuda::launch<log_sum_exp_row_kernel<T>>(rows(y.n), x, y);
  else
    cuda::launch<log_sum_exp_lane_kernel<T>>(cuda::one_each(y.n, kThreads), x, y);
}

template <class T>
void log_sum_exp_backward(Cuda, Flat<const T> dy, Lanes<const T> x, Flat<const T> y, Lanes<T> dx) {
  cuda::launch<log_sum_exp_backward_kernel<T>>(cuda::one_each(x.outer * x.size * x.inner, kThreads), dy, x, y,
                                               dx);
}

template <class T>
void log_sum_exp(Cuda, Rows<const T> x, const Columns& columns, Flat<T> y) {
  const DeviceColumns chosen(columns);
  cuda::launch<log_sum_exp_columns_kernel<T>>(cuda::one_each(x.rows, kThreads), x, chosen.lists(), y);
}

template <class T>
void log_sum_exp_backward(Cuda, Flat<const T> dy, Rows<const T> x, Flat<const T> y, const Columns& columns,
                          Rows<T> dx) {
  const DeviceColumns chosen(columns);
  cuda::launch<log_sum_exp_columns_backward_kernel<T>>(cuda::one_each(x.rows, kThreads), dy, x, y,
                                                       chosen.lists(), dx);
}

#define INSTANTIATE(T)                                                                                  \
  template void max(Cuda, Lanes<const T>, Flat<T>, Flat<std::int64_t>);                                 \
  template void max_backward(Cuda, Flat<const T>, Flat<const std::int64_t>, Lanes<T>);                  \
  template void log_sum_exp(Cuda, Lanes<const T>, Flat<T>);                                             \
  template void log_sum_exp_backward(Cuda, Flat<const T>, Lanes<const T>, Flat<const T>, Lanes<T>);     \
  template void log_sum_exp(Cuda, Rows<const T>, const Columns&, Flat<T>);                              \
  template void log_sum_exp_backward(Cuda, Flat<const T>, Rows<const T>, Flat<const T>, const Columns&, \
                                     Rows<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
