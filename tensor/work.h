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

/// While one lives on this thread, convolutions and matrix products count what they are asked for and leave
/// their results zero, and initial weights get no values: shapes and costs of a network in the time that the
/// rest of it takes.
class DryRun {
 public:
  DryRun() : outer_(active_) { active_ = true; }
  ~DryRun() { active_ = outer_; }
  DryRun(const DryRun&) = delete;
  DryRun& operator=(const DryRun&) = delete;
  static bool active() { return active_; }

 private:
  inline static thread_local bool active_ = false;
  bool outer_;
};

}  // namespace clearcut
