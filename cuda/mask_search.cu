// The gradient of a mask's distance from its area, and steps of its parameters.
//
// Area: a block of 1024 threads takes a mask and looks for the key of the smallest value that should be 1,
// ten bits at a time from the top: threads count, in shared memory, the keys that begin as those before and
// go on with each of 1024 digits; 32 threads add up 32 digits each, and one walks over these sums and then
// over the digits of one of them, until the rank is reached. Counts are integers, so their order does not
// matter. All threads then write the gradient. Bytes moved per value: 8 for each ten bits of a key (40 bits
// of a mask of up to 1024 values, 50 up to 2^20), then 16 read and 8 written. Step: a thread takes a
// parameter.
#include "tensor/ops/mask_search.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kDigitBits = 10, kDigits = 1 << kDigitBits, kLanes = 32, kThreads = 256;
constexpr int kValueBits = 30;  // of a key: 1e9 < 2^30

__global__ void __launch_bounds__(kDigits, 1) pull_to_area_kernel(AreaView area, double* dm) {
  SHARED(unsigned, counts, [kDigits]);
  SHARED(unsigned, sums, [kLanes]);
  SHARED(unsigned, found, [2]);  // a digit, and the rank among the keys that have it
  const std::int64_t n = blockIdx.x;
  auto rank = static_cast<unsigned>(area.zeros);
  std::uint64_t first_one = 0;
  for (int shift = area.index_bits + kValueBits - kDigitBits; shift >= 0; shift -= kDigitBits) {
    counts[threadIdx.x] = 0;
    __syncthreads();
    for (std::int64_t i = threadIdx.x; i < area.P; i += kDigits) {
      const std::uint64_t key = area.key(n, i);
      if (key >> (shift + kDigitBits) == first_one) atomicAdd(&counts[(key >> shift) % kDigits], 1u);
    }
    __syncthreads();
    if (threadIdx.x < kLanes) {
      unsigned sum = 0;
      for (unsigned k = 0; k < kLanes; ++k) sum += counts[threadIdx.x * kLanes + k];
      sums[threadIdx.x] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      unsigned group = 0;
      while (rank >= sums[group]) rank -= sums[group++];
      unsigned digit = group * kLanes;
      while (rank >= counts[digit]) rank -= counts[digit++];
      found[0] = digit;
      found[1] = rank;
    }
    __syncthreads();
    first_one = first_one << kDigitBits | found[0];
    rank = found[1];
  }
  for (std::int64_t i = threadIdx.x; i < area.P; i += kDigits) {
    const double r = area.key(n, i) < first_one ? 0 : 1;
    double& d = dm[n * area.P + i];
    d = area.scale * (area.m[n * area.P + i] - r) - d;
  }
}

__global__ void __launch_bounds__(kThreads, 4)
    damped_step_kernel(Flat<const double> dp, ops::DampedStep step, double* speed, double* p) {
  const std::int64_t i = cuda::thread_number();
  if (i >= dp.n) return;
  speed[i] = step.momentum * speed[i] + (1 - step.momentum) * dp[i];
  const double moved = p[i] - step.rate * speed[i];
  p[i] = moved < 0 ? 0 : moved > 1 ? 1 : moved;
}

}  // namespace

void pull_to_area(Cuda, const AreaView& area, double* dm) {
  cuda::launch<pull_to_area_kernel>({.blocks = static_cast<unsigned>(area.N), .threads = kDigits}, area, dm);
}

void damped_step(Cuda, Flat<const double> dp, const ops::DampedStep& step, double* speed, double* p) {
  cuda::launch<damped_step_kernel>(cuda::one_each(dp.n, kThreads), dp, step, speed, p);
}

}  // namespace clearcut::kernels
