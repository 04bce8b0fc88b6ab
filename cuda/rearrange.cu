// Copies of blocks and of strided tensors: slice, concat, pad and permute.
//
// A thread moves one element; a block has 256 threads, which write neighbours. Blocks are read in runs, whole
// lines at a time. A permutation that moves the last dimension reads one element per line, up to 32 bytes for
// one of 4: tiles through shared memory would read each line once.
#include "tensor/ops/rearrange.h"

#include "cuda/walk.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4) copy_block_kernel(BlockCopy block, const T* from, T* to) {
  const std::int64_t i = cuda::thread_number();
  if (i >= block.planes * block.rows * block.run) return;
  const std::int64_t row = i / block.run % block.rows, plane = i / block.run / block.rows, at = i % block.run;
  to[block.to + plane * block.to_plane + row * block.to_row + at] =
      from[block.from + plane * block.from_plane + row * block.from_row + at];
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4) copy_strided_kernel(cuda::Walk walk, const T* x, T* y) {
  const std::int64_t i = cuda::thread_number();
  if (i < walk.count) y[i] = x[walk.at(i).a];
}

}  // namespace

template <class T>
void copy_block(Cuda, const BlockCopy& block, const T* from, T* to) {
  cuda::launch<copy_block_kernel<T>>(cuda::one_each(block.planes * block.rows * block.run, kThreads), block,
                                     from, to);
}

template <class T>
void copy_strided(Cuda, const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                  const T* x, T* y) {
  cuda::Walk walk;
  for (std::size_t d = 0; d < sizes.size(); ++d) walk.push(sizes[d], strides[d]);
  cuda::launch<copy_strided_kernel<T>>(cuda::one_each(walk.count, kThreads), walk, x, y);
}

#define INSTANTIATE(T)                                                                                 \
  template void copy_block(Cuda, const BlockCopy&, const T*, T*);                                      \
  template void copy_strided(Cuda, const std::vector<std::int64_t>&, const std::vector<std::int64_t>&, \
                             const T*, T*);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(std::int32_t)
INSTANTIATE(std::int64_t)
INSTANTIATE(std::uint8_t)
#undef INSTANTIATE

}  // namespace clearcut::kernels
