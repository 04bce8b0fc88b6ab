// Softmax and log-softmax.
//
// Along the last dimension a block of 128 threads takes one row: it reads the row three times, the second and
// third time from the cache. Along another dimension a thread takes one lane, and its neighbours the lanes
// beside it, so that they read whole lines. Bytes moved per element: those of x and y forward, of dy, y and
// dx backward. Sums run in double: in a row over the threads' partial sums through block_reduce, in a lane
// one by one.
#include "tensor/ops/softmax.h"

#include <cmath>

#include "cuda/row_exp_sum.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 128;

// ---- forward: y = exp(x - top) / sum, or its logarithm

// What each value needs of its lane's sum, worked out once: in double, so that the largest probability is
// rounded but once.
template <bool logarithm>
__device__ double factor_of(double sum) {
  return logarithm ? std::log(sum) : 1.0 / sum;
}
template <bool logarithm, class T>
__device__ T softmax_of(T x, T top, double factor) {
  return static_cast<T>(logarithm ? x - top - factor : std::exp(x - top) * factor);
}

template <bool logarithm, class T>
__global__ void __launch_bounds__(kThreads, 8) softmax_row_kernel(Lanes<const T> x, Lanes<T> y) {
  const std::int64_t first = blockIdx.x * x.size;
  const auto [top, sum] = cuda::row_exp_sum<kThreads>(x.data + first, x.size);
  const double factor = factor_of<logarithm>(sum);
  for (std::int64_t c = threadIdx.x; c < x.size; c += kThreads)
    y.data[first + c] = softmax_of<logarithm>(x.data[first + c], top, factor);
}

// The first element of lane `lane`.
template <class T>
__device__ std::int64_t lane_start(const Lanes<T>& x, std::int64_t lane) {
  return lane / x.inner * x.size * x.inner + lane % x.inner;
}

template <bool logarithm, class T>
__global__ void __launch_bounds__(kThreads, 8) softmax_lane_kernel(Lanes<const T> x, Lanes<T> y) {
  const std::int64_t lane = cuda::thread_number();
  if (lane >= x.outer * x.inner) return;
  const std::int64_t first = lane_start(x, lane), end = first + x.size * x.inner;
  T top = x.data[first];
  double sum = 0;
  for (std::int64_t at = first; at < end; at += x.inner) top = cuda::Largest::join(top, x.data[at]);
  for (std::int64_t at = first; at < end; at += x.inner) sum += std::exp(x.data[at] - top);
  const double factor = factor_of<logarithm>(sum);
  for (std::int64_t at = first; at < end; at += x.inner)
    y.data[at] = softmax_of<logarithm>(x.data[at], top, factor);
}

// ---- backward: softmax        dx = y (dy - sum of dy y)
//                log-softmax    dx = dy - exp(y) sum of dy

template <bool logarithm, class T>
__device__ double term_of(T dy, T y) {
  return logarithm ? dy : static_cast<double>(dy) * y;
}
// The difference is taken in double: dy and the sum are nearly equal where one class has all the probability.
template <bool logarithm, class T>
__device__ T gradient_of(T dy, T y, double sum) {
  return logarithm ? static_cast<T>(dy - std::exp(y) * sum) : static_cast<T>(y * (dy - sum));
}

template <bool logarithm, class T>
__global__ void __launch_bounds__(kThreads, 8)
    softmax_row_backward_kernel(Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  const std::int64_t first = blockIdx.x * y.size;
  double sum = 0;
  for (std::int64_t c = threadIdx.x; c < y.size; c += kThreads)
    sum += term_of<logarithm>(dy.data[first + c], y.data[first + c]);
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  for (std::int64_t c = threadIdx.x; c < y.size; c += kThreads)
    dx.data[first + c] = gradient_of<logarithm>(dy.data[first + c], y.data[first + c], sum);
}

template <bool logarithm, class T>
__global__ void __launch_bounds__(kThreads, 8)
    softmax_lane_backward_kernel(Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  const std::int64_t lane = cuda::thread_number();
  if (lane >= y.outer * y.inner) return;
  const std::int64_t first = lane_start(y, lane), end = first + y.size * y.inner;
  double sum = 0;
  for (std::int64_t at = first; at < end; at += y.inner) sum += term_of<logarithm>(dy.data[at], y.data[at]);
  for (std::int64_t at = first; at < end; at += y.inner)
    dx.data[at] = gradient_of<logarithm>(dy.data[at], y.data[at], sum);
}

template <class T>
cuda::Grid rows_of(const Lanes<T>& x) {
  return {.blocks = static_cast<unsigned>(x.outer), .threads = kThreads};
}
template <class T>
cuda::Grid lanes_of(const Lanes<T>& x) {
  return cuda::one_each(x.outer * x.inner, kThreads);
}

template <bool logarithm, class T>
void forward(Lanes<const T> x, Lanes<T> y) {
  if (x.inner == 1)
    cuda::launch<softmax_row_kernel<logarithm, T>>(rows_of(x), x, y);
  else
    cuda::launch<softmax_lane_kernel<logarithm, T>>(lanes_of(x), x, y);
}

template <bool logarithm, class T>
void backward(Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  if (y.inner == 1)
    cuda::launch<softmax_row_backward_kernel<logarithm, T>>(rows_of(y), dy, y, dx);
  else
    cuda::launch<softmax_lane_backward_kernel<logarithm, T>>(lanes_of(y), dy, y, dx);
}

}  // namespace

template <class T>
void softmax(Cuda, Lanes<const T> x, Lanes<T> y) {
  forward<false>(x, y);
}
template <class T>
void log_softmax(Cuda, Lanes<const T> x, Lanes<T> y) {
  forward<true>(x, y);
}
template <class T>
void softmax_backward(Cuda, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  backward<false>(dy, y, dx);
}
template <class T>
void log_softmax_backward(Cuda, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  backward<true>(dy, y, dx);
}

#define INSTANTIATE(T)                                                            \
  template void softmax(Cuda, Lanes<const T>, Lanes<T>);                          \
  template void log_softmax(Cuda, Lanes<const T>, Lanes<T>);                      \
  template void softmax_backward(Cuda, Lanes<const T>, Lanes<const T>, Lanes<T>); \
  template void log_softmax_backward(Cuda, Lanes<const T>, Lanes<const T>, Lanes<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
