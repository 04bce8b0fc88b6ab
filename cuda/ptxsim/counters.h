// What kernels did, counted exactly. These are numbers of the PTX, which a GPU's assembler still changes;
// they are no times.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

/// Accesses to global memory: requests of warps, 32-byte sectors that they touch, and how few sectors would
/// hold the bytes. Accesses to shared memory: requests, passes over its 32 banks, and how few the width
/// needs.
struct Traffic {
  std::uint64_t requests = 0, units = 0, least_units = 0;
  void add(const Traffic& other);
};

/// Of one instruction of a kernel.
struct Site {
  std::uint64_t warps = 0, lanes = 0;  // executions by warps, and their active lanes
  Traffic global, shared;
  void add(const Site& other);
};

/// Of all launches of one kernel.
struct Counters {
  std::string name, mangled;  // "softmax_kernel<float>", and as the compiler writes it
  std::uint64_t launches = 0, blocks = 0;
  std::vector<Site> sites;     // per instruction
  std::vector<Counted> kinds;  // of the instructions

  std::uint64_t warps() const;              // instructions executed by warps
  std::uint64_t lanes() const;              // the same, per active lane
  std::uint64_t count(Counted what) const;  // instructions of that kind executed by warps
  Traffic global(Counted what) const;       // of kLoad (asynchronous copies too), kStore or kAtomic
  Traffic shared() const;
  /// The innermost loop: the instructions that ran at least half as often as the one that ran most often.
  Counters main_loop() const;
};

/// By short name, since the last reset_counters(). Kernels of one short name share an entry only if they are
/// one.
const std::map<std::string, Counters>& counters();
void reset_counters();
/// A line per kernel.
void print_counters(std::ostream& out);

/// Adds what a part of a launch did.
void add_counters(const Kernel& kernel, std::uint64_t blocks, const std::vector<Site>& sites);
void add_launch(const Kernel& kernel);

}  // namespace clearcut::ptxsim
