// Lanes may stand at different instructions. Those at the lowest one run first, until they branch or reach
// the next group: so lanes meet again where their paths join, as nvcc lays its code out in the order of the
// paths.
#include "cuda/ptxsim/warp.h"

#include <algorithm>
#include <climits>

#include "cuda/ptxsim/block.h"
#include "cuda/ptxsim/lanes.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

void Warp::start(const Kernel& kernel, unsigned first_thread, LaneMask present) {
  kernel_ = &kernel;
  first_thread_ = first_thread;
  present_ = present;
  exited_ = at_barrier_ = waiting_ = 0;
  sync_epoch = 0;
  pc_.fill(0);
  if (registers_.size() < kernel.register_bits.size()) registers_.resize(kernel.register_bits.size());
  unset_.assign(kernel.register_bits.size(), kAllLanes);
  for (auto& lane : copies) lane.clear();
  copy_groups.fill(0);
  fill_specials();
}

void Warp::fill_specials() {
  const Launch& l = block_->launch();
  const Size3 block = block_->index(), n = l.threads, grid = l.grid;
  for (int lane = 0; lane < kLanes; ++lane) {
    const unsigned t = thread(lane), bit = 1u << lane;
    // In the order of Special.
    const std::array<std::uint64_t, 20> values = {t % n.x,
                                                  t / n.x % n.y,
                                                  t / n.x / n.y,
                                                  n.x,
                                                  n.y,
                                                  n.z,
                                                  block.x,
                                                  block.y,
                                                  block.z,
                                                  grid.x,
                                                  grid.y,
                                                  grid.z,
                                                  static_cast<unsigned>(lane),
                                                  first_thread_ / kLanes,
                                                  bit,
                                                  bit - 1,
                                                  bit | (bit - 1),
                                                  ~(bit | (bit - 1)),
                                                  ~(bit - 1),
                                                  l.dynamic_shared};
    for (const auto& [special, place] : kernel_->specials)
      write(place, kAllLanes, 0)[static_cast<std::size_t>(lane)] = values[static_cast<std::size_t>(special)];
  }
}

void Warp::fail(int lane, const std::string& what) const { fail_at(*now_, lane, what); }

void Warp::fail_at(const Instruction& in, int lane, const std::string& what) const {
  const Size3 b = block_->index();
  const std::string place = kernel_->module->place(in.location);
  throw Defect{cat("block (", b.x, ", ", b.y, ", ", b.z, "), thread ", thread(lane), ": ", what,
                   place.empty() ? "" : " at ", place, " (PTX line ", in.ptx_line, ": ", in.text, ")")};
}

std::uint64_t Warp::address(const Operand& operand, int lane) {
  const Place base = operand.place();
  if ((unset(base) >> lane & 1) != 0) fail(lane, "the address depends on memory that nobody wrote");
  return read(base)[static_cast<std::size_t>(lane)] + static_cast<std::uint64_t>(operand.offset);
}

void Warp::set_pc(LaneMask lanes, int pc) {
  for_lanes(lanes, [&](int lane) { pc_[static_cast<std::size_t>(lane)] = pc; });
}

void Warp::pass_barrier() {
  for_lanes(at_barrier_, [&](int lane) { ++pc_[static_cast<std::size_t>(lane)]; });
  at_barrier_ = 0;
  ++sync_epoch;
}

// The lanes of `group` whose guard lets them take part.
LaneMask Warp::active(const Instruction& in, LaneMask group) const {
  if (in.guard == kNoPlace) return group;
  if ((unset(in.guard) & group) != 0)
    fail(std::countr_zero(unset(in.guard) & group),
         "a branch or condition depends on memory that nobody wrote");
  const Lanes& guard = read(in.guard);
  LaneMask lanes = 0;
  for_lanes(group, [&](int lane) {
    lanes |= static_cast<LaneMask>(guard[static_cast<std::size_t>(lane)] & 1) << lane;
  });
  return group & (in.guard_negated ? ~lanes : lanes);
}

void Warp::run() {
  while (const LaneMask ready = running()) {
    int pc = INT_MAX, stop = INT_MAX;
    for_lanes(ready, [&](int lane) { pc = std::min(pc, position(lane)); });
    LaneMask group = 0;
    for_lanes(ready, [&](int lane) {
      if (position(lane) == pc)
        group |= 1u << lane;
      else
        stop = std::min(stop, position(lane));
    });
    run_group(pc, group, stop);
  }
  if (waiting_ == 0) return;
  const int lane = std::countr_zero(waiting_);
  fail_at(kernel_->code[static_cast<std::size_t>(position(lane))], lane,
          cat("deadlock: lanes ", std::hex, waiting_,
              " wait for lanes that never come; at a barrier of the block: ", at_barrier_,
              ", exited: ", exited_));
}

// Runs the lanes of `group`, all at `pc`, until they part, wait, or come to `stop`, where others stand.
void Warp::run_group(int pc, LaneMask group, int stop) {
  const int end = static_cast<int>(kernel_->code.size());
  while (pc < stop && pc < end) {
    const Instruction& in = kernel_->code[static_cast<std::size_t>(pc)];
    now_ = &in;
    const LaneMask lanes = active(in, group);
    Site& site = block_->site(in);
    ++site.warps;
    site.lanes += static_cast<unsigned>(std::popcount(lanes));
    if (in.flow != Flow::kNext) {
      if (control(in, pc, group, lanes)) continue;
      return;
    }
    if (lanes != 0) in.run(*this, in, lanes);
    ++pc;
  }
  if (pc >= end)
    exit(group);
  else
    set_pc(group, pc);
}

// True if the whole group goes on at pc; else the place of every lane has been noted.
bool Warp::control(const Instruction& in, int& pc, LaneMask group, LaneMask lanes) {
  const LaneMask others = group & ~lanes;
  if (in.flow == Flow::kBranch && (lanes == 0 || others == 0)) {
    const bool forwards = lanes == 0 || in.target > pc;
    pc = lanes == 0 ? pc + 1 : in.target;
    if (forwards) return true;
    set_pc(group, pc);  // lanes that stand further up may be passed by: choose anew
    return false;
  }
  set_pc(others, pc + 1);
  if (in.flow == Flow::kBranch)
    set_pc(lanes, in.target);
  else if (in.flow == Flow::kTable)
    jump(in, lanes);
  else if (in.flow == Flow::kExit)
    exit(lanes);
  else if (in.flow == Flow::kBarrier)
    wait_at_barrier(pc, group, lanes);
  else if (lanes != 0)
    together(in, pc, lanes);
  return false;
}

void Warp::exit(LaneMask lanes) {
  for_lanes(lanes, [&](int lane) {
    if (!copies[static_cast<std::size_t>(lane)].empty())
      fail_at(*copies[static_cast<std::size_t>(lane)].front().at, lane,
              "the thread exits with cp.async copies that it never waited for");
  });
  exited_ |= lanes;
}

void Warp::jump(const Instruction& in, LaneMask lanes) {
  const Lanes& index = read(in.operands[0].place());
  for_lanes(lanes, [&](int lane) {
    const std::uint64_t i = index[static_cast<std::size_t>(lane)];
    if (i >= in.targets.size())
      fail(lane, cat("entry ", i, " of a table of ", in.targets.size(), " branches"));
    pc_[static_cast<std::size_t>(lane)] = in.targets[i];
  });
}

void Warp::wait_at_barrier(int pc, LaneMask group, LaneMask lanes) {
  if (lanes != group)
    fail(std::countr_zero(group & ~lanes), "a barrier under a condition that some lanes miss");
  set_pc(lanes, pc);
  at_barrier_ |= lanes;
}

// Lanes that pass the same mask as the first of `lanes` (s[3]); instructions without one take the whole warp.
LaneMask Warp::lanes_of_mask(const Instruction& in, LaneMask lanes) const {
  const Lanes& masks = read(in.s[3]);
  const std::uint64_t mask = masks[static_cast<std::size_t>(std::countr_zero(lanes))];
  LaneMask same = 0;
  for_lanes(lanes, [&](int lane) {
    if (masks[static_cast<std::size_t>(lane)] == mask) same |= 1u << lane;
  });
  return same;
}

// An instruction that the lanes named in a mask execute together: it runs once all of them have come.
void Warp::together(const Instruction& in, int pc, LaneMask lanes) {
  set_pc(lanes, pc);
  const LaneMask same = lanes_of_mask(in, lanes);
  const int first = std::countr_zero(same);
  const auto mask = static_cast<LaneMask>(read(in.s[3])[static_cast<std::size_t>(first)]);
  if ((same & ~mask) != 0)
    fail(std::countr_zero(same & ~mask), cat("the lane is not in the mask 0x", std::hex, mask));
  const LaneMask wanted = mask & present_;
  if ((wanted & exited_) != 0)
    fail(first, cat("the mask 0x", std::hex, mask, " names lanes ", wanted & exited_, " that have exited"));
  LaneMask here = same;
  for_lanes(waiting_, [&](int lane) {
    if (position(lane) == pc) here |= 1u << lane;
  });
  if ((here & wanted) != wanted) {
    waiting_ |= same;
    return;
  }
  waiting_ &= ~wanted;
  in.run(*this, in, wanted);
  set_pc(wanted, pc + 1);
}

}  // namespace clearcut::ptxsim
