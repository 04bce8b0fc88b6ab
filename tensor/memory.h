// The caching allocator behind every tensor, and its counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tensor/error.h"

namespace clearcut {

struct MemoryStats {
  std::size_t live = 0;                 // bytes in blocks handed out now
  std::size_t peak = 0;                 // largest `live` since start or reset_peak()
  std::size_t idle = 0;                 // bytes kept for reuse
  std::int64_t system_allocations = 0;  // blocks asked of the system, ever
  std::int64_t reuses = 0;              // blocks served from the idle ones, ever
};

MemoryStats memory_stats();
void reset_memory_peak();
/// Cap on idle bytes (default 4 GiB): beyond it, chunks without a living block and then small blocks go back
/// to the system.
void set_idle_memory_cap(std::size_t bytes);
void release_idle_memory();

/// Measures the largest `live` since its construction; the peak of the process stays as it is.
class PeakMeter {
 public:
  PeakMeter();
  ~PeakMeter();
  PeakMeter(const PeakMeter&) = delete;
  PeakMeter& operator=(const PeakMeter&) = delete;
  std::size_t bytes_above_start() const;

 private:
  std::size_t start_;
  std::size_t* peak_;  // kept by the allocator
};

/// True for the Error of a block that the system could not give: a smaller batch may work.
bool is_out_of_memory(const Error& error);

/// Debug mode (also: environment CLEARCUT_DEBUG_MEMORY=1): fresh and freed blocks are filled with 0xFF
/// (NaN in float and double), and 64 guard bytes behind each block are checked when it is freed.
/// A damaged guard is kept for memory_damage(): destructors must not throw.
void set_memory_debug(bool on);
std::string memory_damage();  // "" or a description of the first damaged block

/// A block of host memory, aligned to 64 bytes; sizes are multiples of 512 B. Up to 1 MiB each is asked of
/// the system, and an idle one serves a request that needs at least half of it. Larger ones share chunks
/// (huge pages asked for), in which idle neighbours grow together. Cost of a reuse: one lock, and for large
/// blocks a few tree look-ups.
class MemoryBlock {
 public:
  explicit MemoryBlock(std::size_t bytes);
  ~MemoryBlock();
  MemoryBlock(const MemoryBlock&) = delete;
  MemoryBlock& operator=(const MemoryBlock&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }  // as asked for

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t capacity_ = 0;
  bool guarded_ = false;
};

/// Typed scratch memory for kernels: Scratch<float> panel(n); panel.data()[i].
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t n) : block_(static_cast<std::size_t>(n) * sizeof(T)) {}
  T* data() const { return static_cast<T*>(block_.data()); }
  T& operator[](std::int64_t i) const { return data()[i]; }

 private:
  MemoryBlock block_;
};

}  // namespace clearcut
