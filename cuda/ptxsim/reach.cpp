// The checks of every access: bounds, alignment, numbers that nobody wrote, races.
#include <bit>

#include "cuda/ptxsim/block.h"
#include "tensor/error.h"

namespace clearcut::ptxsim {

namespace {

const char* verb(const Access& a) {
  return a.atomic && a.write ? "atomic access" : a.write ? "write" : "read";
}

std::string outside(const Access& a) {
  const Buffer* near = device_memory().before(a.address);
  const std::string what = cat(a.bytes, "-byte ", verb(a), " of global memory ");
  if (near == nullptr) return cat(what, "at 0x", std::hex, a.address, ", which is in no buffer");
  const std::uint64_t offset = a.address - reinterpret_cast<std::uint64_t>(near->data);
  if (offset >= near->bytes + 4096) return cat(what, "at 0x", std::hex, a.address, ", which is in no buffer");
  return cat(what, "at byte ", offset, " of a buffer of ", near->bytes, " bytes");
}

}  // namespace

void Block::check_alignment(const Warp& warp, int lane, const Access& a) const {
  if (a.address % a.bytes != 0)
    warp.fail(lane, cat("a ", a.bytes, "-byte ", verb(a), " at 0x", std::hex, a.address & ~kTagMask,
                        ", which is no multiple of its size"));
}

Who Block::who(const Warp& warp, int lane, std::uint32_t run) const {
  return {run, number_, barrier_, warp.sync_epoch, static_cast<std::uint16_t>(warp.thread(lane))};
}

Bytes Block::reach(const Warp& warp, int lane, const Access& access, MemoryLock& lock) {
  check_alignment(warp, lane, access);
  switch (space_of(access.space == Space::kParam ? Space::kGeneric : access.space, access.address)) {
    case Space::kShared:
      return reach_shared(warp, lane, access);
    case Space::kLocal:
      return reach_local(warp, lane, access);
    case Space::kParam:
      return reach_parameters(warp, lane, access);
    default:
      lock.hold(access.address);
      return reach_global(warp, lane, access);
  }
}

Bytes Block::reach_shared(const Warp& warp, int lane, const Access& a) {
  const std::uint64_t offset = a.address & ~kTagMask & 0xffffffff;
  if (offset + a.bytes > shared_.size())
    warp.fail(lane, cat("a ", a.bytes, "-byte ", verb(a), " at byte ", offset, " of ", shared_.size(),
                        " bytes of shared memory"));
  const std::string other =
      shared_races_.note(who(warp, lane, shared_run_), offset, a.bytes, a.write, a.atomic);
  if (!other.empty())
    warp.fail(lane, cat("race in shared memory: a ", verb(a), " of byte ", offset, " after ", other,
                        ", and no barrier between them"));
  return {&shared_[offset], &shared_written_[offset]};
}

Bytes Block::reach_global(const Warp& warp, int lane, const Access& a) {
  const auto inside = [&](const Buffer* b) {
    return b != nullptr && a.address >= reinterpret_cast<std::uint64_t>(b->data) &&
           a.address + a.bytes <= reinterpret_cast<std::uint64_t>(b->data) + b->bytes;
  };
  if (!inside(last_buffer_)) last_buffer_ = device_memory().find(a.address);
  if (!inside(last_buffer_)) warp.fail(lane, outside(a));
  if (a.space == Space::kConst && a.write) warp.fail(lane, "a write to constant memory");
  const std::size_t offset = a.address - reinterpret_cast<std::uint64_t>(last_buffer_->data);
  const std::string other =
      last_buffer_->races.note(who(warp, lane, launch_->run), offset, a.bytes, a.write, a.atomic);
  if (!other.empty())
    warp.fail(lane, cat("race in global memory: a ", verb(a), " of byte ", offset, " of a buffer of ",
                        last_buffer_->bytes, " bytes after ", other, ", and no barrier between them"));
  return {last_buffer_->data + offset, &last_buffer_->written[offset]};
}

Bytes Block::reach_local(const Warp& warp, int lane, const Access& a) {
  const std::uint64_t offset = a.address & ~kTagMask, bytes = launch_->kernel->local_bytes;
  if (offset + a.bytes > bytes)
    warp.fail(lane, cat("a ", a.bytes, "-byte ", verb(a), " at byte ", offset, " of ", bytes,
                        " bytes of the thread's own memory"));
  const std::size_t at = warp.thread(lane) * bytes + offset;
  return {&local_[at], &local_written_[at]};
}

Bytes Block::reach_parameters(const Warp& warp, int lane, const Access& a) {
  const std::uint64_t offset = a.address & ~kTagMask;
  if (offset + a.bytes > launch_->parameters.size() || a.write)
    warp.fail(lane, cat("a ", a.bytes, "-byte ", verb(a), " at byte ", offset, " of ",
                        launch_->parameters.size(), " bytes of parameters"));
  // Never written to: reads only.
  return {const_cast<std::byte*>(launch_->parameters.data()) + offset, nullptr};
}

}  // namespace clearcut::ptxsim
