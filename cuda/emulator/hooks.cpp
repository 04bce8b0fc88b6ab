#include "cuda/emulator/hooks.h"

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "cuda/emulator/block.h"
#include "tensor/error.h"

namespace clearcut::emulator {

void barrier(Place at) { Block::running("__syncthreads").barrier(at); }

std::uint64_t warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, unsigned source, Place at) {
  return Block::running("a warp operation").warp_operation(kind, mask, value, source, at);
}

const std::byte* exchange(const void* mine, std::size_t bytes, Place at) {
  return Block::running("a warp operation").exchange(mine, bytes, at);
}

void* shared_variable(const void* tag, const char* name, std::size_t bytes, std::size_t alignment) {
  Block& block = Block::running("shared memory");
  void* data = block.shared().variable(tag, name, bytes, alignment);
  if (block.shared().static_bytes() > kMaxShared)
    block.stop(
        cat(block.shared().static_bytes(), " bytes of static shared memory; the device has ", kMaxShared));
  return data;
}

void* dynamic_shared() { return Block::running("shared memory").shared().dynamic(); }

bool is_shared(const void* address, std::size_t bytes) {
  return Block::running("shared memory").shared().contains(address, bytes);
}

void stop_kernel(const char* format, ...) {
  char text[512];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  Block& block = Block::running("a kernel's check");
  block.stop(cat("thread ", block.current().linear, ": ", static_cast<const char*>(text)));
}

void bad_shared_index(const char* name, long long index, std::size_t size) {
  Block& block = Block::running("shared memory");
  block.stop(cat("thread ", block.current().linear, ": index ", index, " of a dimension of ", size,
                 " in shared array ", name),
             cudaErrorIllegalAddress);
}

// ---- cp.async

void async_copy(void* to, const void* from, std::size_t bytes, std::size_t valid) {
  Block& block = Block::running("cp.async");
  if (!block.shared().contains(to, bytes)) stop_kernel("cp.async to memory that is not shared");
  const auto misaligned = [bytes](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % bytes != 0; };
  if (misaligned(to) || misaligned(from))
    stop_kernel("cp.async of %zu bytes between misaligned addresses", bytes);
  sanitizer::note_write(to, bytes);
  std::memset(to, 0xFF, bytes);
  const sanitizer::Quiet quiet;
  block.current().copies.add(to, from, bytes, valid);
}

void async_commit() {
  const sanitizer::Quiet quiet;
  Block::running("cp.async").current().copies.commit();
}

void async_wait(std::size_t groups_left) { Block::running("cp.async").current().copies.wait(groups_left); }

void AsyncCopies::add(void* to, const void* from, std::size_t bytes, std::size_t valid) {
  copies_.push_back({to, from, bytes, valid});
}

void AsyncCopies::commit() {
  std::size_t fresh = copies_.size();
  for (const std::size_t group : groups_) fresh -= group;
  groups_.push_back(fresh);
}

void AsyncCopies::wait(std::size_t groups_left) {
  while (groups_.size() > groups_left) {
    const auto end = copies_.begin() + static_cast<long>(groups_.front());
    for (auto copy = copies_.begin(); copy != end; ++copy) {
      std::memcpy(copy->to, copy->from, copy->valid);
      std::memset(static_cast<char*>(copy->to) + copy->valid, 0, copy->bytes - copy->valid);
    }
    const sanitizer::Quiet quiet;
    copies_.erase(copies_.begin(), end);
    groups_.erase(groups_.begin());
  }
}

void AsyncCopies::clear() {
  copies_.clear();
  groups_.clear();
}

}  // namespace clearcut::emulator
