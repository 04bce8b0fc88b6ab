// Sums over a whole tensor: each block adds up what its threads found, the host adds up the blocks.
#pragma once

#include <algorithm>
#include <vector>

#include "cuda/block_reduce.cuh"
#include "tensor/cuda_memory.h"

namespace clearcut::cuda {

/// What blocks hand to the host, added up in their order.
class BlockSums {
 public:
  explicit BlockSums(std::int64_t blocks) : values_(static_cast<std::size_t>(blocks)), block_(bytes()) {}
  double* data() const { return static_cast<double*>(block_.data()); }
  const std::vector<double>& values() {
    cuda_copy(values_.data(), block_.data(), bytes(), CudaCopy::kToHost);
    return values_;
  }
  double sum() {
    double total = 0;
    for (const double v : values()) total += v;
    return total;
  }

 private:
  std::size_t bytes() const { return values_.size() * sizeof(double); }
  std::vector<double> values_;
  CudaBlock block_;
};

/// At most 1024 blocks, whose threads take n values in strides of the grid: the sums that the host adds up.
inline std::int64_t pieces_of(std::int64_t n, std::int64_t threads) {
  return std::min<std::int64_t>(1024, (n + threads - 1) / threads);
}
inline Grid pieces_grid(std::int64_t n, unsigned threads) {
  return {.blocks = static_cast<unsigned>(pieces_of(n, threads)), .threads = threads};
}

}  // namespace clearcut::cuda
