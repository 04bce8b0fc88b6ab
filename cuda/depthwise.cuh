// Depthwise convolutions, where each output channel reads one channel of x: sums of a few taps, too short for
// a product of tiles.
//
// Forward and input gradient: a thread makes one value, and its neighbours the ones beside it; the taps that
// they share come from the cache, and so do the weights. Weight gradient: a block of 256 threads makes one
// tap of one channel, reading a map of dy and of x; partial sums of threads run in double and add up through
// block_reduce. Sums of taps run in the order of k, r, s.
#pragma once

#include "cuda/block_reduce.cuh"
#include "cuda/conv_operands.cuh"

namespace clearcut::cuda {

constexpr int kDepthwiseThreads = 256;

/// Where value i of a batch of maps lies.
struct Spot {
  std::int64_t n, c, h, w;
};
template <class T>
__device__ Spot spot(const Nchw<T>& x, std::int64_t i) {
  const std::int64_t plane = i / (x.H * x.W);
  return {plane / x.C, plane % x.C, i / x.W % x.H, i % x.W};
}
template <class T>
std::int64_t values(const Nchw<T>& x) {
  return x.N * x.C * x.H * x.W;
}

template <class T>
__global__ void __launch_bounds__(kDepthwiseThreads, 2)
    depthwise_kernel(Nchw<const T> x, Nchw<const T> w, Finish<T> finish, ConvOptions o, Nchw<T> y,
                     std::int64_t n_values) {
  const std::int64_t i = thread_number();
  if (i >= n_values) return;
  const auto [n, k, p, q] = spot(y, i);
  const T* map = x.plane(n, k / (y.C / x.C));
  T sum = 0;
  for (std::int64_t r = 0; r < w.H; ++r)
    for (std::int64_t s = 0; s < w.W; ++s) {
      const std::int64_t h = p * o.stride.h + r * o.dilation.h - o.padding.top,
                         v = q * o.stride.w + s * o.dilation.w - o.padding.left;
      if (h >= 0 && h < x.H && v >= 0 && v < x.W) sum += w(k, 0, r, s) * map[h * x.W + v];
    }
  y.data[i] = finished(finish, k, i, sum);
}

template <class T>
__global__ void __launch_bounds__(kDepthwiseThreads, 2)
    depthwise_backward_input_kernel(Nchw<const T> dy, Nchw<const T> w, ConvOptions o, Nchw<T> dx,
                                    std::int64_t n_values) {
  const std::int64_t i = thread_number();
  if (i >= n_values) return;
  const auto [n, c, h, v] = spot(dx, i);
  const std::int64_t each = dy.C / dx.C;
  T sum = 0;
  for (std::int64_t k = c * each; k < (c + 1) * each; ++k)
    for (std::int64_t r = 0; r < w.H; ++r)
      for (std::int64_t s = 0; s < w.W; ++s) {
        const std::int64_t down = h + o.padding.top - r * o.dilation.h,
                           across = v + o.padding.left - s * o.dilation.w;
        if (down < 0 || across < 0 || down % o.stride.h != 0 || across % o.stride.w != 0) continue;
        const std::int64_t p = down / o.stride.h, q = across / o.stride.w;
        if (p < dy.H && q < dy.W) sum += dy(n, k, p, q) * w(k, 0, r, s);
      }
  dx.data[i] = sum;
}

template <class T>
__global__ void __launch_bounds__(kDepthwiseThreads, 2)
    depthwise_backward_weight_kernel(Nchw<const T> dy, Nchw<const T> x, ConvOptions o, Nchw<T> dw) {
  const auto [k, unused, r, s] = spot(dw, blockIdx.x);
  const std::int64_t plane = dy.H * dy.W, channel = k / (dy.C / x.C);
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < dy.N * plane; i += kDepthwiseThreads) {
    const std::int64_t n = i / plane, at = i % plane;
    const std::int64_t h = at / dy.W * o.stride.h + r * o.dilation.h - o.padding.top,
                       v = at % dy.W * o.stride.w + s * o.dilation.w - o.padding.left;
    if (h >= 0 && h < x.H && v >= 0 && v < x.W)
      sum += static_cast<double>(dy.plane(n, k)[at]) * x(n, channel, h, v);
  }
  sum = block_reduce<Sum, kDepthwiseThreads>(sum);
  if (threadIdx.x == 0) dw.data[blockIdx.x] = static_cast<T>(sum);
}

}  // namespace clearcut::cuda
