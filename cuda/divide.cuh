// Division by a number that is known when the kernel starts: a product and a shift in place of some 20
// instructions. Source: Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI
// 1994, figure 4.1.
#pragma once

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

/// n / d for 0 <= n < 2^31 and 1 <= d < 2^31.
class Divisor {
 public:
  explicit Divisor(std::int64_t d) : divisor_(static_cast<int>(d)) {
    while ((std::int64_t{1} << shift_) < d) ++shift_;
    const std::uint64_t excess = (std::uint64_t{1} << shift_) - static_cast<std::uint64_t>(d);
    multiplier_ = static_cast<unsigned>((excess << 32) / static_cast<std::uint64_t>(d) + 1);
  }
  struct Result {
    int quotient, rest;
  };
  __device__ Result divide(int n) const {
    const auto whole = static_cast<unsigned>(n);
    const auto high = static_cast<unsigned>((std::uint64_t{multiplier_} * whole) >> 32);
    const int quotient = static_cast<int>((high + whole) >> shift_);
    return {quotient, n - quotient * divisor_};
  }

 private:
  int divisor_, shift_ = 0;
  unsigned multiplier_ = 0;
};

}  // namespace clearcut::cuda
