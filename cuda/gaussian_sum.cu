// Sums over all pixels with Gaussian weights.
//
// A thread owns one pixel i and four channels of its sum; a block of 128 threads walks over all pixels j, 128
// at a time: each thread brings one pixel's features and channels to shared memory, then all read them in
// turn, the same address at once. Bytes read per pair of pixels: (D + 4) / 128 values. Sums of 128 pixels run
// in the dtype, the sum of those in double, always in the order of j. More than four channels take more
// blocks, which work out the weights again.
#include "tensor/ops/gaussian_sum.h"

#include <algorithm>
#include <cmath>

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 128, kChannels = 4;

template <class T, int D>
__global__ void __launch_bounds__(kThreads, 4)
    gaussian_sum_kernel(Nchw<const T> f, Nchw<const T> q, Nchw<T> y) {
  SHARED(T, features, [D][kThreads]);
  SHARED(T, values, [kChannels][kThreads]);
  const std::int64_t pixels = f.H * f.W, i = cuda::thread_number(), n = blockIdx.z;
  const std::int64_t first = std::int64_t{blockIdx.y} * kChannels;
  T mine[D];
  double sum[kChannels] = {};
  UNROLL
  for (int d = 0; d < D; ++d) mine[d] = i < pixels ? f.plane(n, d)[i] : T(0);
  for (std::int64_t start = 0; start < pixels; start += kThreads) {
    const std::int64_t j = start + threadIdx.x;
    UNROLL
    for (int d = 0; d < D; ++d) features[d][threadIdx.x] = j < pixels ? f.plane(n, d)[j] : T(0);
    UNROLL
    for (int c = 0; c < kChannels; ++c)
      values[c][threadIdx.x] = j < pixels && first + c < q.C ? q.plane(n, first + c)[j] : T(0);
    __syncthreads();
    const int there = static_cast<int>(pixels - start < kThreads ? pixels - start : kThreads);
    T part[kChannels] = {};
    for (int k = 0; k < there; ++k) {
      T distance = 0;
      UNROLL
      for (int d = 0; d < D; ++d) {
        const T step = mine[d] - features[d][k];
        distance += step * step;
      }
      const T weight = std::exp(T(-0.5) * distance);
      UNROLL
      for (int c = 0; c < kChannels; ++c) part[c] += weight * values[c][k];
    }
    UNROLL
    for (int c = 0; c < kChannels; ++c) sum[c] += part[c];
    __syncthreads();
  }
  if (i >= pixels) return;
  UNROLL
  for (int c = 0; c < kChannels; ++c)
    if (first + c < y.C) y.plane(n, first + c)[i] = static_cast<T>(sum[c]);
}

// Features stand in registers: their number is a constant of the kernel.
template <class T, int D = 1>
void launch_for_features(Nchw<const T> f, Nchw<const T> q, Nchw<T> y) {
  if (f.C == D) {
    const cuda::Grid grid{.blocks = dim3(cuda::blocks_for(f.H * f.W, kThreads),
                                         cuda::blocks_for(q.C, kChannels), static_cast<unsigned>(f.N)),
                          .threads = kThreads};
    cuda::launch<gaussian_sum_kernel<T, D>>(grid, f, q, y);
  } else if constexpr (D < kMostFeatures) {
    launch_for_features<T, D + 1>(f, q, y);
  }
}

}  // namespace

template <class T>
void gaussian_sum(Cuda, Nchw<const T> f, Nchw<const T> q, Nchw<T> y) {
  launch_for_features(f, q, y);
}

template void gaussian_sum(Cuda, Nchw<const float>, Nchw<const float>, Nchw<float>);
template void gaussian_sum(Cuda, Nchw<const double>, Nchw<const double>, Nchw<double>);

}  // namespace clearcut::kernels
