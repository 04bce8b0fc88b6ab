// A block of threads: its warps, its shared memory, and the checks of every access that they make.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "cuda/ptxsim/counters.h"
#include "cuda/ptxsim/device_memory.h"
#include "cuda/ptxsim/race.h"
#include "cuda/ptxsim/warp.h"

namespace clearcut::ptxsim {

struct Size3 {
  unsigned x = 1, y = 1, z = 1;
  std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

struct Launch {
  const Kernel* kernel = nullptr;
  Size3 grid, threads;
  std::size_t dynamic_shared = 0;
  std::vector<std::byte> parameters = {};
  std::uint32_t run = 0;            // number of the launch
  bool blocks_in_parallel = false;  // several threads of the host run blocks of it
};

/// One access of one lane.
struct Access {
  Space space = Space::kGeneric;
  std::uint64_t address = 0;
  unsigned bytes = 0;
  bool write = false, atomic = false;
};
/// The bytes that an access reaches; per byte whether it was ever written (nullptr: always).
struct Bytes {
  std::byte* data;
  std::uint8_t* written;
};

class Block {
 public:
  /// Runs block number `index` of the launch. Throws Defect.
  void run(const Launch& launch, std::uint64_t index);
  /// Executions since the last call of take_sites().
  std::vector<Site> take_sites();

  /// Checks the access of a lane: inside living memory, aligned, ordered with others. Global memory is held
  /// by `lock` then.
  Bytes reach(const Warp& warp, int lane, const Access& access, MemoryLock& lock);
  void check_alignment(const Warp& warp, int lane, const Access& access) const;

  const Launch& launch() const { return *launch_; }
  Site& site(const Instruction& in) { return sites_[in.number]; }
  Size3 index() const { return {x_, y_, z_}; }

 private:
  void prepare(const Launch& launch, std::uint64_t index);
  void meet_at_barrier();
  void check_barrier() const;
  void reduce_at_barrier(const Instruction& in);
  Bytes reach_shared(const Warp& warp, int lane, const Access& access);
  Bytes reach_global(const Warp& warp, int lane, const Access& access);
  Bytes reach_local(const Warp& warp, int lane, const Access& access);
  Bytes reach_parameters(const Warp& warp, int lane, const Access& access);
  Who who(const Warp& warp, int lane, std::uint32_t run) const;

  const Launch* launch_ = nullptr;
  unsigned x_ = 0, y_ = 0, z_ = 0;
  std::uint32_t number_ = 0, barrier_ = 0, shared_run_ = 0;
  std::vector<std::unique_ptr<Warp>> warps_;
  std::size_t warps_used_ = 0;
  std::vector<std::byte> shared_, local_;
  std::vector<std::uint8_t> shared_written_, local_written_;
  RaceLog shared_races_;
  Buffer* last_buffer_ = nullptr;
  std::vector<Site> sites_;
};

}  // namespace clearcut::ptxsim
