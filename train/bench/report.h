// Measuring a piece of work, and what is said about it.
#pragma once

#include <string>

#include "data/json.h"
#include "tensor/machine.h"
#include "train/bench/samples.h"
#include "train/bench/work.h"

namespace clearcut {

struct BenchResult {
  Workload work;
  Timing timing;
  MachineLimits machine;                // measured in the same run
  std::size_t peak_bytes = 0;           // of tensors, parameters included, in the allocator's blocks
  std::size_t resident_bytes = 0;       // of the process; 0 if the system does not say
  std::int64_t system_allocations = 0;  // blocks asked of the system by the last run

  double items_per_second() const { return static_cast<double>(work.items) / timing.median; }
  double flops() const { return work.operations / timing.median; }
  /// Of the multiply-add peak. Above 1 where an algorithm gets by with fewer multiply-adds than the formula.
  double share_of_peak() const { return flops() / machine.flops; }
};

/// Runs the work with pinned threads. The multiply-add peak is taken before and after, the better one counts:
/// the clock of a processor moves.
BenchResult measure(const Workload& work, const SampleOptions& options);

/// One object with all that is known; seconds, bytes, operations per second.
JsonObject to_json(const BenchResult& result);
/// A few lines for people.
std::string to_text(const BenchResult& result);

JsonObject to_json(const MachineLimits& machine);
std::string to_text(const MachineLimits& machine);

}  // namespace clearcut
