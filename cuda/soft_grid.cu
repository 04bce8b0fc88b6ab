// A part of a grid brought up bilinearly.
//
// A thread makes one pixel; a block has 256, neighbours in a row. Bytes moved per pixel: those of the mask;
// the grid, some dozens of numbers, comes from the cache.
#include "tensor/ops/soft_grid.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4) soft_grid_kernel(SoftGridView<T> g, T* mask) {
  const std::int64_t i = cuda::thread_number();
  if (i >= g.size.h * g.size.w) return;
  const SoftGridPlace row = g.row(i / g.size.w), column = g.column(i % g.size.w);
  const T *low = g.grid + row.low * g.k, *high = g.grid + row.high * g.k;
  const double left = (1 - row.share) * low[column.low] + row.share * high[column.low];
  const double right = (1 - row.share) * low[column.high] + row.share * high[column.high];
  mask[i] = static_cast<T>((1 - column.share) * left + column.share * right);
}

}  // namespace

template <class T>
void soft_grid(Cuda, const SoftGridView<T>& g, T* mask) {
  const cuda::Grid grid = cuda::one_each(g.size.h * g.size.w, kThreads);
  cuda::launch<soft_grid_kernel<T>>(grid, g, mask);
}

template void soft_grid(Cuda, const SoftGridView<float>&, float*);
template void soft_grid(Cuda, const SoftGridView<double>&, double*);

}  // namespace clearcut::kernels
