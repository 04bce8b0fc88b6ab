// Numbered steps through strided dimensions: what kernels know of a BroadcastPlan.
#pragma once

#include "cuda/gpu.cuh"
#include "tensor/ops/arithmetic.h"

namespace clearcut::cuda {

/// Up to Shape::kMaxRank dimensions, the last one fastest, each with a stride in up to two tensors.
struct Walk {
  int rank = 0;
  std::int64_t count = 1;
  std::int64_t sizes[Shape::kMaxRank] = {}, a[Shape::kMaxRank] = {}, b[Shape::kMaxRank] = {};

  void push(std::int64_t size, std::int64_t stride_a, std::int64_t stride_b = 0) {
    sizes[rank] = size;
    a[rank] = stride_a;
    b[rank] = stride_b;
    ++rank;
    count *= size;
  }
  struct Offsets {
    std::int64_t a, b;
  };
  /// Where step i stands in each tensor.
  __device__ Offsets at(std::int64_t i) const {
    Offsets offsets{0, 0};
    for (int d = rank; d-- > 0; i /= sizes[d]) {
      offsets.a += i % sizes[d] * a[d];
      offsets.b += i % sizes[d] * b[d];
    }
    return offsets;
  }
};

inline Walk walk_of(const kernels::BroadcastPlan& plan) {
  Walk walk;
  for (std::size_t d = 0; d < plan.sizes.size(); ++d) walk.push(plan.sizes[d], plan.a[d], plan.b[d]);
  return walk;
}

}  // namespace clearcut::cuda
