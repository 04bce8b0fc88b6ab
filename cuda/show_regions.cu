// A picture with some of its regions painted over, or replaced by those of another one.
//
// A thread takes one value; a block has 256. Bytes moved per value: those of x and y and a third of a label;
// what is shown and the colours come from the cache.
#include "tensor/ops/show_regions.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4) show_regions_kernel(RegionsView<T> regions, T* y) {
  const std::int64_t i = cuda::thread_number();
  if (i >= regions.C * regions.n) return;
  const std::int64_t c = i / regions.n, p = i % regions.n;
  y[i] = regions.at(c, p, regions.labels[p]);
}

}  // namespace

template <class T>
void show_regions(Cuda, const RegionsView<T>& regions, T* y) {
  const cuda::Grid grid = cuda::one_each(regions.C * regions.n, kThreads);
  cuda::launch<show_regions_kernel<T>>(grid, regions, y);
}

template void show_regions(Cuda, const RegionsView<float>&, float*);
template void show_regions(Cuda, const RegionsView<double>&, double*);

}  // namespace clearcut::kernels
