#include "cuda/ptxsim/block.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "cuda/ptxsim/lanes.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

void Block::prepare(const Launch& launch, std::uint64_t index) {
  const Kernel& kernel = *launch.kernel;
  if (launch_ != &launch || sites_.size() != kernel.code.size()) sites_.assign(kernel.code.size(), {});
  launch_ = &launch;
  last_buffer_ = nullptr;
  number_ = static_cast<std::uint32_t>(index);
  x_ = static_cast<unsigned>(index % launch.grid.x);
  y_ = static_cast<unsigned>(index / launch.grid.x % launch.grid.y);
  z_ = static_cast<unsigned>(index / launch.grid.x / launch.grid.y);
  ++shared_run_;
  const std::size_t shared =
      launch.dynamic_shared > 0 ? kernel.dynamic_shared_at() + launch.dynamic_shared : kernel.static_shared;
  shared_.assign(shared, std::byte{0xff});
  shared_written_.assign(shared, 0);
  shared_races_.prepare(shared, kernel.narrowest);
  const auto threads = static_cast<unsigned>(launch.threads.count());
  local_.assign(threads * kernel.local_bytes, std::byte{0xff});
  local_written_.assign(local_.size(), 0);
  warps_used_ = (threads + kLanes - 1) / kLanes;
  while (warps_.size() < warps_used_) warps_.push_back(std::make_unique<Warp>(*this));
  for (unsigned i = 0; i < warps_used_; ++i) {
    const unsigned first = i * kLanes, lanes = std::min<unsigned>(kLanes, threads - first);
    warps_[i]->start(kernel, first, static_cast<LaneMask>(low_bits(static_cast<int>(lanes))));
  }
}

void Block::run(const Launch& launch, std::uint64_t index) {
  prepare(launch, index);
  const auto done = [this] {
    return std::all_of(warps_.begin(), warps_.begin() + static_cast<long>(warps_used_),
                       [](const auto& w) { return w->exited() == w->present(); });
  };
  for (;;) {
    for (std::size_t i = 0; i < warps_used_; ++i) warps_[i]->run();
    if (done()) return;
    meet_at_barrier();
  }
}

std::vector<Site> Block::take_sites() {
  std::vector<Site> taken(sites_.size());
  taken.swap(sites_);
  return taken;
}

// No warp can go on: all threads must stand at one barrier.
void Block::check_barrier() const {
  const Warp* first = nullptr;
  int first_lane = 0;
  for (std::size_t i = 0; i < warps_used_ && first == nullptr; ++i)
    if (warps_[i]->at_barrier() != 0) {
      first = warps_[i].get();
      first_lane = std::countr_zero(first->at_barrier());
    }
  const auto where = [](const Warp& w, int lane) {
    const Instruction& in = w.kernel().code[static_cast<std::size_t>(w.position(lane))];
    return cat("thread ", w.thread(lane), " waits at ", w.kernel().module->place(in.location));
  };
  const Instruction& here = first->kernel().code[static_cast<std::size_t>(first->position(first_lane))];
  for (std::size_t i = 0; i < warps_used_; ++i) {
    const Warp& w = *warps_[i];
    if (w.exited() != 0)
      first->fail_at(here, first_lane,
                     cat("divergent barrier: ", where(*first, first_lane), ", but thread ",
                         w.thread(std::countr_zero(w.exited())), " has exited"));
    for_lanes(w.at_barrier(), [&](int lane) {
      if (w.position(lane) != first->position(first_lane))
        first->fail_at(here, first_lane,
                       cat("divergent barrier: ", where(*first, first_lane), ", ", where(w, lane)));
    });
  }
}

void Block::meet_at_barrier() {
  check_barrier();
  const Warp& first = *warps_[0];
  const Instruction& in = first.kernel().code[static_cast<std::size_t>(first.position(0))];
  if (in.d != kNoPlace) reduce_at_barrier(in);
  for (std::size_t i = 0; i < warps_used_; ++i) warps_[i]->pass_barrier();
  ++barrier_;
}

// bar.red: d = how many, any or all of the threads' predicates s[0] (variant: p, o or a).
void Block::reduce_at_barrier(const Instruction& in) {
  std::uint64_t count = 0;
  bool unset = false;
  const unsigned negated = in.operands.back().negated ? 1 : 0;
  for (std::size_t i = 0; i < warps_used_; ++i) {
    const Warp& w = *warps_[i];
    unset = unset || (w.unset(in.s[0]) & w.present()) != 0;
    for_lanes(w.present(),
              [&](int lane) { count += (w.read(in.s[0])[static_cast<std::size_t>(lane)] & 1) != negated; });
  }
  const std::uint64_t all = launch_->threads.count();
  const std::uint64_t value = in.variant == 'p'   ? count
                              : in.variant == 'a' ? static_cast<std::uint64_t>(count == all)
                                                  : static_cast<std::uint64_t>(count > 0);
  for (std::size_t i = 0; i < warps_used_; ++i)
    warps_[i]->write(in.d, kAllLanes, unset ? kAllLanes : 0).fill(value);
}

}  // namespace clearcut::ptxsim
