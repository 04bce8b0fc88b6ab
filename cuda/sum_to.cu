// Sums over dimensions, in two steps and always in one order: partial sums of pieces, then their sum.
//
// If the last dimension is summed, a block of 256 threads makes one partial sum: its threads read neighbours,
// 256 apart in turn, and add up through block_reduce. If the last dimension stays, a thread makes one partial
// sum and its neighbours those of the next columns. Either way x is read once, in whole lines; partial sums
// (8 bytes for some thousand terms) are written and read once. All sums run in double, as in Reference.
#include "tensor/ops/sum_to.h"

#include <algorithm>

#include "cuda/block_reduce.cuh"
#include "cuda/walk.cuh"
#include "tensor/cuda_memory.h"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kTermsOfBlock = 32 * kThreads, kTermsOfThread = 512;  // of one partial sum

/// The dimensions that stay and those that are summed, with strides in x.
struct Sides {
  cuda::Walk kept, summed;
};

// partial[output * pieces + piece]
template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    sum_pieces_kernel(Sides s, const T* x, std::int64_t pieces, double* partial) {
  const std::int64_t output = blockIdx.x / pieces, piece = blockIdx.x % pieces;
  const std::int64_t end = min(s.summed.count, (piece + 1) * kTermsOfBlock);
  const T* from = x + s.kept.at(output).a;
  double sum = 0;
  for (std::int64_t i = piece * kTermsOfBlock + threadIdx.x; i < end; i += kThreads)
    sum += from[s.summed.at(i).a];
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    sum_columns_kernel(Sides s, const T* x, std::int64_t pieces, double* partial) {
  const std::int64_t column = cuda::thread_number(), piece = blockIdx.y;
  if (column >= s.kept.count) return;
  const std::int64_t end = min(s.summed.count, (piece + 1) * kTermsOfThread);
  const T* from = x + s.kept.at(column).a;
  double sum = 0;
  for (std::int64_t i = piece * kTermsOfThread; i < end; ++i) sum += from[s.summed.at(i).a];
  partial[column * pieces + piece] = sum;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    add_pieces_kernel(const double* partial, std::int64_t pieces, T* y, std::int64_t n) {
  const std::int64_t output = cuda::thread_number();
  if (output >= n) return;
  double sum = 0;
  for (std::int64_t i = 0; i < pieces; ++i) sum += partial[output * pieces + i];
  y[output] = static_cast<T>(sum);
}

}  // namespace

template <class T>
void sum_to(Cuda, const BroadcastPlan& plan, const T* x, T* y, std::int64_t y_n) {
  if (plan.numel == 0) return cuda_fill(y, 0, static_cast<std::size_t>(y_n) * sizeof(T));
  Sides sides;
  for (std::size_t d = 0; d < plan.sizes.size(); ++d)
    (plan.b[d] == 0 ? sides.summed : sides.kept).push(plan.sizes[d], plan.a[d]);
  const bool columns = plan.b.back() != 0;
  const std::int64_t terms = columns ? kTermsOfThread : kTermsOfBlock;
  const std::int64_t pieces = (sides.summed.count + terms - 1) / terms;
  const CudaBlock scratch(static_cast<std::size_t>(y_n * pieces) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  if (columns)
    cuda::launch<sum_columns_kernel<T>>(
        {.blocks = dim3(cuda::blocks_for(y_n, kThreads), static_cast<unsigned>(pieces)), .threads = kThreads},
        sides, x, pieces, partial);
  else
    cuda::launch<sum_pieces_kernel<T>>({.blocks = static_cast<unsigned>(y_n * pieces), .threads = kThreads},
                                       sides, x, pieces, partial);
  cuda::launch<add_pieces_kernel<T>>(cuda::one_each(y_n, kThreads), partial, pieces, y, y_n);
}

template void sum_to(Cuda, const BroadcastPlan&, const float*, float*, std::int64_t);
template void sum_to(Cuda, const BroadcastPlan&, const double*, double*, std::int64_t);

}  // namespace clearcut::kernels
