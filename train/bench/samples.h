// Repeated timing of one piece of work, and what its samples say.
#pragma once

#include <functional>
#include <vector>

namespace clearcut {

struct Sample {
  double seconds = 0;  // wall time
  double cpu = 0;      // processor time of all threads together: says something on a busy machine too
  bool clean = true;   // threads waited for a processor for 2 % of it at most: no other program in the way
};

/// Seconds of processor time that this process has used.
double processor_seconds();

/// Whether threads that waited so many seconds for a processor, all together, leave a sample clean.
bool is_clean(double seconds, double waited);

struct SampleOptions {
  int warm_up = 2;      // runs before the first sample: memory is asked of the system, caches fill
  int repetitions = 5;  // clean samples wanted
  int at_most = 0;      // samples taken at most while some are not clean; 0: three times the repetitions
};

std::vector<Sample> take_samples(const SampleOptions& options, const std::function<void()>& work);

/// Least, quartiles and median, linearly interpolated between neighbours in order of size.
struct Timing {
  int samples = 0, clean = 0;
  /// Only the clean samples count below, if there are at least three of them or all are clean; otherwise all.
  bool clean_only = true;
  double min = 0, lower_quartile = 0, median = 0, upper_quartile = 0;  // seconds
  double least_cpu = 0;                                                // of all samples
};
Timing timing_of(const std::vector<Sample>& samples);

}  // namespace clearcut
