// Sums and maxima over the threads of a warp and of a block, always in one order: the same bits in every run.
#pragma once

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

struct Sum {
  template <class T>
  __device__ static T join(T a, T b) {
    return a + b;
  }
};
struct Largest {
  template <class T>
  __device__ static T join(T a, T b) {
    return a < b ? b : a;
  }
};

/// All lanes get the result. All 32 lanes of the warp take part.
template <class Op, class T>
__device__ T warp_reduce(T value) {
  for (int offset = 16; offset > 0; offset /= 2)
    value = Op::join(value, __shfl_xor_sync(0xffffffffu, value, offset));
  return value;
}

/// All threads get the result. All kThreads threads of the (one-dimensional) block take part: it waits at
/// barriers, the last of them behind the last read, so that it may be called again at once.
template <class Op, int kThreads, class T>
__device__ T block_reduce(T value) {
  static_assert(kThreads % 32 == 0 && kThreads <= 1024);
  SHARED(T, part, [kThreads / 32]);
  value = warp_reduce<Op>(value);
  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = value;
  __syncthreads();
  value = part[0];
  for (int warp = 1; warp < kThreads / 32; ++warp) value = Op::join(value, T(part[warp]));
  __syncthreads();
  return value;
}

}  // namespace clearcut::cuda
