// What softmax and log-sum-exp need of a row.
#pragma once

#include <cmath>
#include <limits>

#include "cuda/block_reduce.cuh"

namespace clearcut::cuda {

template <class T>
struct RowExpSum {
  T top;       // the largest of x
  double sum;  // of exp(x - top)
};

/// Of the `size` values at x, read twice. All threads of the block take part and get the result; partial sums
/// of the threads go through block_reduce.
template <int kThreads, class T>
__device__ RowExpSum<T> row_exp_sum(const T* x, std::int64_t size) {
  T top = -std::numeric_limits<T>::infinity();
  double sum = 0;
  for (std::int64_t c = threadIdx.x; c < size; c += kThreads) top = Largest::join(top, x[c]);
  top = block_reduce<Largest, kThreads>(top);
  for (std::int64_t c = threadIdx.x; c < size; c += kThreads) sum += std::exp(x[c] - top);
  return {top, block_reduce<Sum, kThreads>(sum)};
}

}  // namespace clearcut::cuda
