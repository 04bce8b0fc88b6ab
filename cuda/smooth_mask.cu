// Masks that cannot be rough, from parameters on a grid, and their gradients.
//
// Forward: a thread takes a pixel and goes through the 9 x 9 parameters around it, row by row; threads of a
// warp lie beside each other and read the same parameters and neighbouring weights, from the cache. Bytes
// moved per pixel: 16 written. Backward: a block of 128 threads takes a parameter and goes through the up to
// 63 x 63 pixels around it: each thread adds up every 128th, and block_reduce adds up the threads. Bytes
// moved per pixel: 24, from the second-level cache for all but the first of the 81 parameters around it.
#include "tensor/ops/smooth_mask.h"

#include <cmath>

#include "cuda/block_reduce.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256, kGradientThreads = 128;

// Three blocks, not four, on a processor: 64 registers are too few for nvcc 13 on sm_90 and later.
__global__ void __launch_bounds__(kThreads, 3) smooth_mask_kernel(MaskView mask, double* m, double* sums) {
  const std::int64_t u = cuda::thread_number();
  if (u >= mask.N * mask.H * mask.W) return;
  const std::int64_t n = u / (mask.H * mask.W), y = u / mask.W % mask.H, x = u % mask.W;
  const MaskRange rows = MaskView::parameters_around(y, mask.h),
                  columns = MaskView::parameters_around(x, mask.w);
  double sum = 0, total = kMaskTerms;
  for (std::int64_t i = rows.begin; i < rows.end; ++i)
    for (std::int64_t j = columns.begin; j < columns.end; ++j) {
      const double v = mask.weight(y, x, i, j) * mask.p[(n * mask.h + i) * mask.w + j];
      const double e = std::exp(kMaskColdness * v);
      sum += v * e;
      total += e - 1;
    }
  m[u] = sum / total;
  sums[u] = total;
}

__global__ void __launch_bounds__(kGradientThreads, 8)
    smooth_mask_backward_kernel(MaskView mask, MaskGradient at, double* dp) {
  const std::int64_t parameter = blockIdx.x, n = parameter / (mask.h * mask.w);
  const std::int64_t i = parameter / mask.w % mask.h, j = parameter % mask.w;
  const MaskRange rows = MaskView::pixels_around(i, mask.H), columns = MaskView::pixels_around(j, mask.W);
  const double p = mask.p[parameter];
  double sum = 0;
  const auto height = static_cast<unsigned>(rows.size()), width = static_cast<unsigned>(columns.size());
  for (unsigned k = threadIdx.x; k < height * width; k += kGradientThreads) {
    const std::int64_t y = rows.begin + k / width, x = columns.begin + k % width;
    const std::int64_t u = (n * mask.H + y) * mask.W + x;
    const double weight = mask.weight(y, x, i, j), v = weight * p;
    const double share = std::exp(kMaskColdness * v) / at.sum[u];
    sum += at.dm[u] * weight * share * (1 + kMaskColdness * (v - at.m[u]));
  }
  sum = cuda::block_reduce<cuda::Sum, kGradientThreads>(sum);
  if (threadIdx.x == 0) dp[parameter] = sum;
}

}  // namespace

void smooth_mask(Cuda, const MaskView& mask, double* m, double* sum) {
  const cuda::Grid grid = cuda::one_each(mask.N * mask.H * mask.W, kThreads);
  cuda::launch<smooth_mask_kernel>(grid, mask, m, sum);
}

void smooth_mask_backward(Cuda, const MaskView& mask, const MaskGradient& at, double* dp) {
  const cuda::Grid grid{.blocks = static_cast<unsigned>(mask.N * mask.h * mask.w),
                        .threads = kGradientThreads};
  cuda::launch<smooth_mask_backward_kernel>(grid, mask, at, dp);
}

}  // namespace clearcut::kernels
