// A few numbers that the host works out for a kernel: where windows lie, keys of random numbers.
#pragma once

#include <vector>

#include "cuda/gpu.cuh"
#include "tensor/cuda_memory.h"

namespace clearcut::cuda {

/// Device copies of the values; freed after the kernels that were started before. Cost: one copy, behind the
/// kernels that run.
template <class T>
class Table {
 public:
  explicit Table(const std::vector<T>& values) : block_(values.size() * sizeof(T)) {
    cuda_copy(block_.data(), values.data(), values.size() * sizeof(T), CudaCopy::kToDevice);
  }
  const T* data() const { return static_cast<const T*>(block_.data()); }

 private:
  CudaBlock block_;
};

/// Positions [begin, end) along an axis.
struct Run {
  std::int64_t begin, end;
};
inline std::vector<Run> runs(const std::vector<std::int64_t>& begin, const std::vector<std::int64_t>& end) {
  std::vector<Run> all;
  for (std::size_t i = 0; i < begin.size(); ++i) all.push_back({begin[i], end[i]});
  return all;
}

}  // namespace clearcut::cuda
