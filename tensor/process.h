// What the system knows about this process: processors, waiting, resident memory. Where it does not say, the
// functions return 0 or do nothing: measurements are then less sure, nothing else.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace clearcut {

/// Numbers of the processors that this process may use; {0} if unknown.
std::vector<int> usable_processors();

/// Processors' worth of time that this process may have, as 1.5: the least quota of its control groups (what
/// `docker run --cpus` and Kubernetes' limits set); infinity if there is none. `root` is where /proc and /sys
/// are.
double processor_quota(const std::string& root = "");

/// `threads`, or as many as the quota feeds if those are fewer and OMP_NUM_THREADS does not ask for them:
/// more would all stand still for a part of each period.
int threads_within_quota(int threads);

/// The same as usable_processors(), those first that were idle longest while this call watched them for 50 ms
/// (Linux: /proc/stat).
std::vector<int> idlest_processors();

/// Lets the calling thread run on one processor only.
void pin_this_thread(int processor);

/// While one lives, every thread of this process is pinned to a processor of its own, the idlest first,
/// round-robin where there are more threads: threads that wander lose their caches, and two that meet on one
/// core run at half speed. The threads of parallel_for are started first, so that they count.
class PinnedThreads {
 public:
  PinnedThreads();
  ~PinnedThreads();
  PinnedThreads(const PinnedThreads&) = delete;
  PinnedThreads& operator=(const PinnedThreads&) = delete;

 private:
  std::vector<int> usable_;
};

/// Seconds that threads of this process have stood ready without getting a processor, all together: time that
/// other programs took (Linux: /proc/self/task/*/schedstat).
double seconds_waited_for_processors();

/// Largest resident size of this process in bytes, since its start or the last reset (Linux: VmHWM).
std::size_t resident_peak();
void reset_resident_peak();

}  // namespace clearcut
