// What the threads of a warp do together. The last lane to arrive works out all results and goes on.
#include <bit>
#include <ostream>

#include "cuda/emulator/block.h"
#include "tensor/error.h"

namespace clearcut::emulator {

namespace {

// "0xffff at cuda/x.cu:12"; owns nothing, see Block::stop.
struct LanesAt {
  unsigned mask;
  Place at;
};
std::ostream& operator<<(std::ostream& out, const LanesAt& lanes) {
  return out << "0x" << std::hex << lanes.mask << std::dec << " at " << lanes.at.file << ":" << lanes.at.line;
}

template <class Body>
void for_each_lane(unsigned lanes, const Body& body) {
  for (; lanes != 0; lanes &= lanes - 1) body(static_cast<unsigned>(std::countr_zero(lanes)));
}

}  // namespace

// A block of 40 threads has a warp of 8.
unsigned Block::lanes_of(unsigned warp) const {
  const std::size_t left = threads_.size() - std::size_t{warp} * 32;
  return left >= 32 ? ~0u : (1u << left) - 1;
}

void Block::check_lanes(const Warp& warp, unsigned mask, unsigned wanted, Place at) {
  const unsigned lane = current_->linear % 32;
  if ((mask >> lane & 1u) == 0)
    stop(cat("thread ", current_->linear, ": lane ", lane, " is not in the mask ", LanesAt{mask, at}));
  if ((wanted & warp.done) != 0)
    stop(cat("thread ", current_->linear, ": the mask ", LanesAt{mask, at}, " names lane ",
             std::countr_zero(wanted & warp.done), ", which has exited"));
}

WarpOperation& Block::join(Warp& warp, WarpKind kind, unsigned mask, unsigned wanted, Place at) {
  WarpOperation* unused = nullptr;
  for (WarpOperation& open : warp.open) {
    if (open.arrived == 0) {
      if (unused == nullptr) unused = &open;
      continue;
    }
    if ((open.mask & wanted) == 0) continue;
    if (open.mask != mask || open.kind != kind)
      stop(cat("lanes of one warp wait for each other in different places: mask ",
               LanesAt{open.mask, open.at}, " and mask ", LanesAt{mask, at}));
    return open;
  }
  *unused = {mask, 0, kind, at};
  return *unused;
}

void Block::complete(Warp& warp, WarpOperation& operation, unsigned wanted) {
  operation.arrived = 0;
  std::uint64_t ballot = 0;
  for_each_lane(wanted, [&](unsigned lane) { ballot |= (warp.value[lane] & 1u) << lane; });
  const auto first = static_cast<unsigned>(&warp - warps_.data()) * 32;
  for_each_lane(wanted, [&](unsigned lane) {
    CudaThread& thread = threads_[first + lane];
    thread.state = State::kReady;
    if (operation.kind == WarpKind::kBallot) thread.result = ballot;
    if (operation.kind != WarpKind::kShuffle) return;
    const unsigned from = warp.source[lane];
    if ((operation.mask >> from & 1u) == 0)
      stop(cat("thread ", thread.linear, " reads lane ", from, ", which is not in the mask ",
               LanesAt{operation.mask, operation.at}));
    // A lane that a short warp does not have gives no value.
    thread.result = (wanted >> from & 1u) != 0 ? warp.value[from] : ~std::uint64_t{0};
  });
  if (operation.kind == WarpKind::kExchange) ++warp.exchanges;
}

std::uint64_t Block::warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, unsigned source,
                                    Place at) {
  CudaThread& self = *current_;
  const unsigned number = self.linear / 32, lane = self.linear % 32, wanted = mask & lanes_of(number);
  Warp& warp = warps_[number];
  check_lanes(warp, mask, wanted, at);
  WarpOperation& operation = join(warp, kind, mask, wanted, at);
  operation.arrived |= 1u << lane;
  warp.value[lane] = value;
  warp.source[lane] = source % 32;
  self.at = at;
  self.mask = mask;
  self.kind = kind;
  char* key = sanitizer::kThread ? barrier_key_ + 1 + number : nullptr;
  if (kind == WarpKind::kSync) sanitizer::release(key);
  if (operation.arrived == wanted) {
    complete(warp, operation, wanted);
  } else {
    self.state = State::kInWarp;
    to_scheduler();
  }
  if (kind == WarpKind::kSync) sanitizer::acquire(key);
  return self.result;
}

const std::byte* Block::exchange(const void* mine, std::size_t bytes, Place at) {
  Warp& warp = warps_[current_->linear / 32];
  std::byte* table = warp.slot(0);
  sanitizer::copy(warp.slot(current_->linear % 32), mine, bytes);
  warp_operation(WarpKind::kExchange, ~0u, 0, 0, at);
  return table;
}

}  // namespace clearcut::emulator
