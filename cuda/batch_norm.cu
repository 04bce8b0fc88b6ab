// Batch normalisation, with the residual and the clamp that may follow it.
//
// Statistics and channel sums: a block of 256 threads takes one channel and reads it once; partial sums of
// threads run in double and add up through block_reduce, always in one order. Everything else: a thread takes
// one element. Bytes moved per element: forward in training x twice and y once (and the residual), evaluation
// x and y; backward dy and x twice (y too, if it tells where the clamp was) and dx once.
#include "tensor/ops/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "cuda/block_reduce.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__device__ T normalised(const BatchNormView<T>& p, std::int64_t c, T x) {
  return (x - p.mean[c]) * p.inverse_deviation[c] * p.weight[c] + p.bias[c];
}

// NaN stays NaN.
template <class T>
__device__ T clamped(T v, T low, T high) {
  return v < low ? low : v > high ? high : v;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    normalise_kernel(Channels<const T> x, BatchNormView<T> p, TailView<T> tail, T* y) {
  const std::int64_t i = cuda::thread_number();
  if (i >= x.N * x.C * x.S) return;
  const T v = normalised(p, i / x.S % x.C, x.data[i]);
  y[i] = clamped(tail.residual ? v + tail.residual[i] : v, tail.low, tail.high);
}

/// Value j of the N * S of channel c.
template <class T>
__device__ std::int64_t place_in_channel(const Channels<T>& x, std::int64_t c, std::int64_t j) {
  return (j / x.S * x.C + c) * x.S + j % x.S;
}

// Sums over a channel of x - s and (x - s)^2, where s is its first value: near the mean, so that in double
// nothing is lost in the difference of squares.
struct SumsAboutFirst {
  double shift, sum, squares;
};
template <class T>
__device__ SumsAboutFirst sums_about_first(const Channels<const T>& x, std::int64_t c) {
  const std::int64_t values = x.N * x.S;
  const double shift = x.data[place_in_channel(x, c, 0)];
  double sum = 0, squares = 0;
  for (std::int64_t j = threadIdx.x; j < values; j += kThreads) {
    const double d = x.data[place_in_channel(x, c, j)] - shift;
    sum += d;
    squares += d * d;
  }
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  squares = cuda::block_reduce<cuda::Sum, kThreads>(squares);
  return {shift, sum, squares};
}

template <class T>
__device__ void store_moments(MomentsView<T> m, std::int64_t c, double mean, double variance, double eps) {
  m.mean[c] = static_cast<T>(mean);
  m.variance[c] = static_cast<T>(variance > 0 ? variance : 0.0);
  m.inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(m.variance[c]) + eps));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    moments_kernel(Channels<const T> x, double eps, MomentsView<T> m) {
  const std::int64_t c = blockIdx.x;
  const SumsAboutFirst s = sums_about_first(x, c);
  if (threadIdx.x != 0) return;
  const double values = static_cast<double>(x.N * x.S), mean = s.sum / values;
  store_moments(m, c, s.shift + mean, s.squares / values - mean * mean, eps);
}

// With x = s + d: sum of x = M s + sum of d, sum of x^2 = M s^2 + 2 s (sum of d) + sum of d^2.
template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    sums_kernel(Channels<const T> x, double* sums, double* squares) {
  const std::int64_t c = blockIdx.x;
  const SumsAboutFirst s = sums_about_first(x, c);
  if (threadIdx.x != 0) return;
  const double values = static_cast<double>(x.N * x.S);
  sums[c] = values * s.shift + s.sum;
  squares[c] = s.shift * (values * s.shift + 2 * s.sum) + s.squares;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    statistics_kernel(Rows<const double> sums, double M, double eps, MomentsView<T> m) {
  const std::int64_t c = cuda::thread_number();
  if (c >= sums.cols) return;
  const double mean = sums[0][c] / M;
  store_moments(m, c, mean, sums[1][c] / M - mean * mean, eps);
}

// dy where low < y < high, else 0.
template <class T>
__device__ T masked_gradient(const MaskedView<T>& g, const Channels<const T>& x, const BatchNormView<T>& p,
                             std::int64_t c, std::int64_t i) {
  if (!g.clamps) return g.dy[i];
  const T y = g.y ? g.y[i] : normalised(p, c, x.data[i]);
  return y <= g.low || y >= g.high ? T(0) : g.dy[i];
}

template <class T>
__device__ double x_hat(const BatchNormView<T>& p, std::int64_t c, T x) {
  return (static_cast<double>(x) - p.mean[c]) * p.inverse_deviation[c];
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    channel_sums_kernel(MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, Flat<T> dweight,
                        Flat<T> dbias) {
  const std::int64_t c = blockIdx.x, values = x.N * x.S;
  double sum = 0, product = 0;
  for (std::int64_t j = threadIdx.x; j < values; j += kThreads) {
    const std::int64_t i = place_in_channel(x, c, j);
    const double v = masked_gradient(g, x, p, c, i);
    sum += v;
    product += v * x_hat(p, c, x.data[i]);
  }
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  product = cuda::block_reduce<cuda::Sum, kThreads>(product);
  if (threadIdx.x != 0) return;
  dbias[c] = static_cast<T>(sum);
  dweight[c] = static_cast<T>(product);
}

// dx and g.masked may each be g.dy: an element is read before it is written, by one thread.
template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    gradient_kernel(MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, bool batch_statistics, double M,
                    Flat<const T> dweight, Flat<const T> dbias, T* dx) {
  const std::int64_t i = cuda::thread_number();
  if (i >= x.N * x.C * x.S) return;
  const std::int64_t c = i / x.S % x.C;
  const T v = masked_gradient(g, x, p, c, i);
  if (g.masked) g.masked[i] = v;
  if (dx == nullptr) return;
  const double mean_g = batch_statistics ? dbias[c] / M : 0;
  const double mean_product = batch_statistics ? dweight[c] / M : 0;
  const double scale = static_cast<double>(p.weight[c]) * p.inverse_deviation[c];
  dx[i] = static_cast<T>(scale * (v - mean_g - x_hat(p, c, x.data[i]) * mean_product));
}

// `x` carries sizes only: y is given wherever there was a clamp.
template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    frozen_gradient_kernel(MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, T* dx) {
  const std::int64_t i = cuda::thread_number();
  if (i >= x.N * x.C * x.S) return;
  const std::int64_t c = i / x.S % x.C;
  const T v = masked_gradient(g, x, p, c, i);
  if (g.masked) g.masked[i] = v;
  if (dx) dx[i] = p.weight[c] * p.inverse_deviation[c] * v;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    inverse_deviation_kernel(Flat<const T> variance, double eps, Flat<T> y) {
  const std::int64_t c = cuda::thread_number();
  if (c < y.n) y[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[c]) + eps));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    update_running_kernel(Flat<const T> batch, double momentum, double factor, Flat<T> running) {
  const std::int64_t c = cuda::thread_number();
  if (c < running.n) running[c] = static_cast<T>((1 - momentum) * running[c] + momentum * factor * batch[c]);
}

template <class T>
cuda::Grid elements(const Channels<T>& x) {
  return cuda::one_each(x.N * x.C * x.S, kThreads);
}
template <class T>
cuda::Grid channels(const Channels<T>& x) {
  return {.blocks = static_cast<unsigned>(x.C), .threads = kThreads};
}
}  // namespace

template <class T>
void batch_norm(Cuda, Channels<const T> x, BatchNormView<T> p, TailView<T> tail, T* y) {
  cuda::launch<normalise_kernel<T>>(elements(x), x, p, tail, y);
}

template <class T>
void batch_norm_training(Cuda on, Channels<const T> x, double eps, MomentsView<T> m, BatchNormView<T> p,
                         TailView<T> tail, T* y) {
  cuda::launch<moments_kernel<T>>(channels(x), x, eps, m);
  batch_norm(on, x, p, tail, y);
}

template <class T>
void batch_norm_backward(Cuda, MaskedView<T> g, Channels<const T> x, BatchNormView<T> p,
                         bool batch_statistics, Flat<T> dweight, Flat<T> dbias, T* dx) {
  cuda::launch<channel_sums_kernel<T>>(channels(x), g, x, p, dweight, dbias);
  if (dx == nullptr && g.masked == nullptr) return;
  cuda::launch<gradient_kernel<T>>(elements(x), g, x, p, batch_statistics, static_cast<double>(x.N * x.S),
                                   Flat<const T>{dweight.data, dweight.n}, Flat<const T>{dbias.data, dbias.n},
                                   dx);
}

template <class T>
void batch_norm_sums(Cuda, Channels<const T> x, double* sums, double* squares) {
  cuda::launch<sums_kernel<T>>(channels(x), x, sums, squares);
}

template <class T>
void statistics_of(Cuda, Rows<const double> sums, double M, double eps, MomentsView<T> m) {
  cuda::launch<statistics_kernel<T>>(cuda::one_each(sums.cols, kThreads), sums, M, eps, m);
}

template <class T>
void batch_norm_dx(Cuda, MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, double M,
                   Flat<const T> dweight, Flat<const T> dbias, T* dx) {
  cuda::launch<gradient_kernel<T>>(elements(x), g, x, p, true, M, dweight, dbias, dx);
}

template <class T>
void batch_norm_frozen_backward(Cuda, MaskedView<T> g, Channels<const T> shape, BatchNormView<T> p, T* dx) {
  cuda::launch<frozen_gradient_kernel<T>>(elements(shape), g, shape, p, dx);
}

template <class T>
void inverse_deviation(Cuda, Flat<const T> variance, double eps, Flat<T> y) {
  cuda::launch<inverse_deviation_kernel<T>>(cuda::one_each(y.n, kThreads), variance, eps, y);
}

template <class T>
void update_running(Cuda, Flat<const T> batch, double momentum, double factor, Flat<T> running) {
  cuda::launch<update_running_kernel<T>>(cuda::one_each(running.n, kThreads), batch, momentum, factor,
                                         running);
}

#define INSTANTIATE(T)                                                                                       \
  template void batch_norm(Cuda, Channels<const T>, BatchNormView<T>, TailView<T>, T*);                      \
  template void batch_norm_training(Cuda, Channels<const T>, double, MomentsView<T>, BatchNormView<T>,       \
                                    TailView<T>, T*);                                                        \
  template void batch_norm_backward(Cuda, MaskedView<T>, Channels<const T>, BatchNormView<T>, bool, Flat<T>, \
                                    Flat<T>, T*);                                                            \
  template void batch_norm_sums(Cuda, Channels<const T>, double*, double*);                                  \
  template void statistics_of(Cuda, Rows<const double>, double, double, MomentsView<T>);                     \
  template void batch_norm_dx(Cuda, MaskedView<T>, Channels<const T>, BatchNormView<T>, double,              \
                              Flat<const T>, Flat<const T>, T*);                                             \
  template void batch_norm_frozen_backward(Cuda, MaskedView<T>, Channels<const T>, BatchNormView<T>, T*);    \
  template void inverse_deviation(Cuda, Flat<const T>, double, Flat<T>);                                     \
  template void update_running(Cuda, Flat<const T>, double, double, Flat<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
