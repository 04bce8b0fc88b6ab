// Memory of the device that the interpreter plays: host memory, of which it knows what is allocated, what was
// ever written, and who touches it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "cuda/ptxsim/race.h"

namespace clearcut::ptxsim {

struct Buffer {
  std::byte* data = nullptr;
  std::size_t bytes = 0;
  std::vector<std::uint8_t> written;  // per byte: 1 once something was written there
  RaceLog races;
};

/// Calls come from one thread at a time; while kernels run, they only look up.
class DeviceMemory {
 public:
  /// At a multiple of 256; every byte is 0xff, which is NaN, and not written. nullptr if there is none left.
  void* allocate(std::size_t bytes);
  bool release(void* data);  // false if it is not the start of a buffer
  /// The buffer with this byte, or nullptr.
  Buffer* find(std::uint64_t address);
  /// The buffer that ends nearest before the address, or nullptr.
  const Buffer* before(std::uint64_t address) const;
  /// [data, data + bytes) lies in one buffer.
  bool holds(const void* data, std::size_t bytes);
  /// The bytes count as written; or as written where those at `from` are (host memory always is).
  void mark_written(void* data, std::size_t bytes);
  void copy_written(void* data, const void* from, std::size_t bytes);
  /// Before a launch whose narrowest access has `granule` bytes.
  void prepare_races(unsigned granule);

 private:
  std::map<std::uint64_t, Buffer> buffers_;  // by address
};
DeviceMemory& device_memory();

/// While it lives, no other thread has the part of global memory around the address held last. Blocks of one
/// kernel run at the same time: their accesses, and what is noted about them, happen one after another.
class MemoryLock {
 public:
  explicit MemoryLock(bool needed) : needed_(needed) {}
  ~MemoryLock() { release(); }
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;
  void hold(std::uint64_t address) {
    if (!needed_) return;
    std::atomic_flag* lock = &locks_[(address >> 12) % locks_.size()];
    if (lock == held_) return;
    release();
    while (lock->test_and_set(std::memory_order_acquire)) {
    }
    held_ = lock;
  }

 private:
  void release() {
    if (held_ != nullptr) held_->clear(std::memory_order_release);
    held_ = nullptr;
  }
  static inline std::array<std::atomic_flag, 1024> locks_;
  bool needed_;
  std::atomic_flag* held_ = nullptr;
};

}  // namespace clearcut::ptxsim
