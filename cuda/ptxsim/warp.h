// A warp: 32 threads, their registers, and where each of them is.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "cuda/ptxsim/program.h"

namespace clearcut::ptxsim {

class Block;

/// What a kernel did wrong; ends its launch.
struct Defect {
  std::string text;
};

/// A copy to shared memory under way (cp.async).
struct AsyncCopy {
  std::uint64_t to, from;
  unsigned bytes, valid;  // zeros behind the valid ones
  unsigned group;
  const Instruction* at;
};

class Warp {
 public:
  explicit Warp(Block& block) : block_(&block) {}
  /// Fresh registers for the threads from `first_thread` on.
  void start(const Kernel& kernel, unsigned first_thread, LaneMask present);
  /// Runs until no lane can go on: each has exited or waits at a barrier of the block.
  void run();

  const Lanes& read(Place place) const {
    return place >= 0 ? registers_[static_cast<std::size_t>(place)]
                      : kernel_->constants[static_cast<std::size_t>(~place)];
  }
  /// Lanes whose value depends on memory that nobody wrote, or that has no value at all.
  LaneMask unset(Place place) const { return place >= 0 ? unset_[static_cast<std::size_t>(place)] : 0; }
  Lanes& write(Place place, LaneMask lanes, LaneMask unset) {
    LaneMask& now = unset_[static_cast<std::size_t>(place)];
    now = (now & ~lanes) | (unset & lanes);
    return registers_[static_cast<std::size_t>(place)];
  }
  int register_bits(Place place) const { return kernel_->register_bits[static_cast<std::size_t>(place)]; }
  /// The address operand of a lane; an error if it depends on memory that nobody wrote.
  std::uint64_t address(const Operand& operand, int lane);

  /// Runs body(); what fails there is reported as if `in` did it.
  template <class Body>
  void at(const Instruction& in, const Body& body) {
    const Instruction* now = now_;
    now_ = &in;
    body();
    now_ = now;
  }

  [[noreturn]] void fail(int lane, const std::string& what) const;
  /// Like fail(), at an instruction that came before.
  [[noreturn]] void fail_at(const Instruction& in, int lane, const std::string& what) const;

  Block& block() const { return *block_; }
  const Kernel& kernel() const { return *kernel_; }
  unsigned thread(int lane) const { return first_thread_ + static_cast<unsigned>(lane); }
  LaneMask present() const { return present_; }
  LaneMask exited() const { return exited_; }
  LaneMask at_barrier() const { return at_barrier_; }
  LaneMask waiting() const { return waiting_; }
  int position(int lane) const { return pc_[static_cast<std::size_t>(lane)]; }
  void pass_barrier();

  std::uint32_t sync_epoch = 0;  // __syncwarps passed
  std::array<std::deque<AsyncCopy>, kLanes> copies;
  std::array<unsigned, kLanes> copy_groups = {};

 private:
  LaneMask running() const { return present_ & ~exited_ & ~at_barrier_ & ~waiting_; }
  void set_pc(LaneMask lanes, int pc);
  LaneMask active(const Instruction& in, LaneMask group) const;
  void run_group(int pc, LaneMask group, int stop);
  bool control(const Instruction& in, int& pc, LaneMask group, LaneMask active);
  void exit(LaneMask lanes);
  void jump(const Instruction& in, LaneMask lanes);
  void wait_at_barrier(int pc, LaneMask group, LaneMask active);
  void together(const Instruction& in, int pc, LaneMask lanes);
  LaneMask lanes_of_mask(const Instruction& in, LaneMask lanes) const;
  void fill_specials();

  Block* block_;
  const Kernel* kernel_ = nullptr;
  const Instruction* now_ = nullptr;
  unsigned first_thread_ = 0;
  LaneMask present_ = 0, exited_ = 0, at_barrier_ = 0, waiting_ = 0;
  std::array<int, kLanes> pc_ = {};
  std::vector<Lanes> registers_;
  std::vector<LaneMask> unset_;
};

}  // namespace clearcut::ptxsim
