// How much arithmetic was asked for.
#pragma once

#include <atomic>
#include <cstdint>

namespace clearcut {

/// Multiply-adds that convolutions (each direction) and matrix products of this process have been asked for:
/// those of the formula. Taps that fall on padding count, and a faster algorithm that gets by with fewer
/// counts no less, so that speeds of different algorithms compare. Every operator that multiplies by weights
/// calls count_multiply_adds() once, wherever its numbers are then made.
inline std::atomic<std::int64_t> multiply_adds_asked{0};
inline void count_multiply_adds(std::int64_t n) {
  multiply_adds_asked.fetch_add(n, std::memory_order_relaxed);
}

/// Multiply-adds asked for since its construction.
class WorkMeter {
 public:
  std::int64_t multiply_adds() const { return multiply_adds_asked.load() - start_; }

 private:
  std::int64_t start_ = multiply_adds_asked.load();
};

}  // namespace clearcut
