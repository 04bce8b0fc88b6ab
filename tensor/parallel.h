// Threads. The only file that knows OpenMP.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <vector>

#include "tensor/process.h"

namespace clearcut {

/// Number of threads that parallel_for uses; set_threads(0) goes back to OMP_NUM_THREADS or, where that is
/// not set, to all cores of this process, at most as many as its container's quota of processor time feeds.
inline int threads() { return omp_get_max_threads(); }
inline void set_threads(int n) {
  static const int all = threads_within_quota(omp_get_max_threads());
  omp_set_num_threads(n > 0 ? n : all);
}

/// Calls body(begin, end) for contiguous chunks of [0, n), `grain` indices each (the last may be
/// shorter). Chunk bounds depend on n and grain only, never on the number of threads: partial sums
/// kept per chunk are the same bits for 1 or 64 threads. Nested calls run on the calling thread. The
/// first exception thrown by a chunk is thrown again here.
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, const Body& body) {
  if (n <= 0) return;
  const std::int64_t step = std::max<std::int64_t>(grain, 1);
  const std::int64_t chunks = (n + step - 1) / step;
  if (chunks == 1 || omp_get_max_threads() == 1 || omp_in_parallel()) {
    for (std::int64_t c = 0; c < chunks; ++c) body(c * step, std::min(n, (c + 1) * step));
    return;
  }
  std::exception_ptr error;
#pragma omp parallel for schedule(dynamic, 1)
  for (std::int64_t c = 0; c < chunks; ++c) {
    try {
      body(c * step, std::min(n, (c + 1) * step));
    } catch (...) {
#pragma omp critical(clearcut_parallel_error)
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

/// Sum over chunks of part(begin, end), added in chunk order: the same bits for any thread count.
template <class T, class Part>
T parallel_sum(std::int64_t n, std::int64_t grain, const Part& part) {
  const std::int64_t step = std::max<std::int64_t>(grain, 1);
  std::vector<T> partial(static_cast<std::size_t>((n + step - 1) / step));
  parallel_for(n, step, [&](std::int64_t begin, std::int64_t end) {
    partial[static_cast<std::size_t>(begin / step)] = part(begin, end);
  });
  T total{};
  for (const T& p : partial) total += p;
  return total;
}

}  // namespace clearcut
