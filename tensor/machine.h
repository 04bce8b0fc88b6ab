// The limits of the machine, measured: what the best loop that does nothing else reaches.
#pragma once

#include <cstddef>
#include <string>

namespace clearcut {

/// Bytes per second of all threads together. A copy counts what it reads and what it writes, a triad
/// c = a + f b two reads and a write; that a plain store fetches its line first is not counted.
struct Bandwidth {
  std::size_t bytes = 0;  // working set of one thread
  double read = 0, copy = 0, triad = 0;
};

struct MachineLimits {
  std::string isa;  // instruction set of the loops: that of isa_table()
  int threads = 1;
  double flops = 0;  // float32 operations per second of all threads; a multiply-add is two
  Bandwidth l2, l3, memory;
};

/// Runs each loop several times, a few milliseconds each, and keeps the best: on threads of its own, pinned
/// to the first processors that this process may use. A working set is half of the second-level cache; a
/// quarter of one thread's share of the third, which other programs use too; four times the third level, 64
/// to 512 MiB, for the memory behind it. The system says how large the caches are, or else they count as 1
/// MiB and 32 MiB. Cost: about half a second. Throws Error if threads < 1.
MachineLimits measure_machine(int threads);

/// `flops` alone, in some 50 milliseconds.
double measure_flops(int threads);

}  // namespace clearcut
