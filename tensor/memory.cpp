#include "tensor/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::size_t kStep = 512;  // sizes of blocks are multiples of it
constexpr std::size_t kSmallLimit = std::size_t{64} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kLeastChunk = std::size_t{8} << 20, kMostChunk = std::size_t{64} << 20;
constexpr std::size_t kGuardBytes = 64;
constexpr unsigned char kGuardByte = 0xA5;
constexpr const char* kNoBlock = "the system has no block of ";

std::size_t round_up(std::size_t bytes, std::size_t step) { return (bytes + step - 1) / step * step; }

bool debug_from_environment() {
  const char* value = std::getenv("CLEARCUT_DEBUG_MEMORY");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

// Large blocks lie side by side in chunks; freed neighbours grow together, so that memory of many small
// activations serves one large one later. The smallest idle range that is large enough is taken, and cut.
class Heap {
 public:
  void* take(std::size_t bytes) {
    const auto found = by_size_.lower_bound({bytes, nullptr});
    if (found == by_size_.end()) return nullptr;
    const auto [size, at] = *found;
    remove(at, size);
    if (size > bytes) insert(at + bytes, size - bytes);
    return at;
  }
  void give(void* data, std::size_t bytes) {
    char* at = static_cast<char*>(data);
    const auto chunk = std::prev(chunks_.upper_bound(at));
    const auto next = free_.find(at + bytes);
    if (next != free_.end() && next->first < chunk->first + chunk->second) {
      bytes += next->second;
      remove(next->first, next->second);
    }
    const auto after = free_.lower_bound(at);
    if (after != free_.begin() && at != chunk->first) {
      const auto [before, size] = *std::prev(after);
      if (before + size == at) {
        remove(before, size);
        at = before;
        bytes += size;
      }
    }
    insert(at, bytes);
  }

  /// The size of a chunk in which a block of `bytes` should stand: the more there is, the larger.
  std::size_t chunk_for(std::size_t bytes) const {
    const std::size_t usual = std::clamp(total_ / 4, kLeastChunk, kMostChunk);
    return round_up(std::max(bytes, usual), kHugePage);
  }
  void add_chunk(void* data, std::size_t bytes) {
    chunks_.emplace(static_cast<char*>(data), bytes);
    total_ += bytes;
    insert(static_cast<char*>(data), bytes);
  }
  /// Gives chunks without a block back until at most `limit` bytes are idle, or none is left.
  void shrink(std::size_t limit) {
    for (auto chunk = chunks_.begin(); idle_ > limit && chunk != chunks_.end();) {
      const auto [at, size] = *chunk;
      const auto range = free_.find(at);
      if (range == free_.end() || range->second != size) {
        ++chunk;
        continue;
      }
      remove(at, size);
      total_ -= size;
      std::free(at);
      chunk = chunks_.erase(chunk);
    }
  }
  std::size_t idle() const { return idle_; }

 private:
  void insert(char* at, std::size_t bytes) {
    free_.emplace(at, bytes);
    by_size_.emplace(bytes, at);
    idle_ += bytes;
  }
  void remove(char* at, std::size_t bytes) {
    free_.erase(at);
    by_size_.erase({bytes, at});
    idle_ -= bytes;
  }

  std::map<char*, std::size_t> chunks_, free_;
  std::set<std::pair<std::size_t, char*>> by_size_;
  std::size_t idle_ = 0, total_ = 0;
};

// Idle memory: small blocks by their size, of which the one freed last is taken first, since caches may still
// hold it; and the heap of large ones.
class Cache {
 public:
  /// Null if there is none. `got` is the size of the block.
  void* take(std::size_t bytes, std::size_t& got) {
    const std::lock_guard lock(mutex_);
    void* data = bytes > kSmallLimit ? heap_.take(got = round_up(bytes, kStep)) : take_small(bytes, got);
    if (data != nullptr) count(got, false);
    return data;
  }
  std::size_t chunk_for(std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    return heap_.chunk_for(capacity);
  }
  void* take_from_chunk(void* chunk, std::size_t bytes, std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    heap_.add_chunk(chunk, bytes);
    return heap_.take(capacity);
  }

  void count_from_system(std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    count(capacity, true);
  }

  void give(void* data, std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    stats_.live -= capacity;
    if (capacity > kSmallLimit) {
      heap_.give(data, capacity);
    } else {
      small_[capacity / kStep].push_back(data);
      small_idle_ += capacity;
    }
    shrink(cap_);
  }

  void set_cap(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    cap_ = bytes;
    shrink(cap_);
  }
  void release() {
    const std::lock_guard lock(mutex_);
    shrink(0);
  }
  MemoryStats stats() {
    const std::lock_guard lock(mutex_);
    MemoryStats stats = stats_;
    stats.idle = small_idle_ + heap_.idle();
    return stats;
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.live;
  }
  std::size_t* open_meter() {
    const std::lock_guard lock(mutex_);
    return &meters_.emplace_back(stats_.live);
  }
  void close_meter(const std::size_t* meter) {
    const std::lock_guard lock(mutex_);
    meters_.remove_if([&](const std::size_t& peak) { return &peak == meter; });
  }
  std::size_t read_meter(const std::size_t* meter) {
    const std::lock_guard lock(mutex_);
    return *meter;
  }
  void report_damage(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (damage_.empty()) damage_ = text;
  }
  std::string damage() {
    const std::lock_guard lock(mutex_);
    return damage_;
  }

  bool debug = debug_from_environment();

 private:
  // Of that size alone: where a larger one serves, it is missing where it is wanted, and the same step asks
  // the system again and again.
  void* take_small(std::size_t bytes, std::size_t& got) {
    got = std::max(kStep, round_up(bytes, kStep));
    std::vector<void*>& idle = small_[got / kStep];
    if (idle.empty()) return nullptr;
    void* data = idle.back();
    idle.pop_back();
    small_idle_ -= got;
    return data;
  }
  void count(std::size_t capacity, bool from_system) {
    stats_.live += capacity;
    stats_.peak = std::max(stats_.peak, stats_.live);
    for (std::size_t& peak : meters_) peak = std::max(peak, stats_.live);
    ++(from_system ? stats_.system_allocations : stats_.reuses);
  }
  void shrink(std::size_t limit) {
    heap_.shrink(limit > small_idle_ ? limit - small_idle_ : 0);
    const std::size_t small_limit = limit > heap_.idle() ? limit - heap_.idle() : 0;
    for (std::size_t i = small_.size(); i-- > 0 && small_idle_ > small_limit;)
      for (; !small_[i].empty() && small_idle_ > small_limit; small_[i].pop_back()) {
        std::free(small_[i].back());
        small_idle_ -= i * kStep;
      }
  }

  std::mutex mutex_;
  std::array<std::vector<void*>, kSmallLimit / kStep + 1> small_;  // by steps of size
  std::size_t small_idle_ = 0;
  Heap heap_;
  std::size_t cap_ = std::size_t{4} << 30;
  MemoryStats stats_;
  std::list<std::size_t> meters_;  // one peak for each living PeakMeter
  std::string damage_;
};

// Never destroyed: tensors with static lifetime may be freed after main returns.
Cache& cache() {
  static Cache* instance = new Cache;
  return *instance;
}

void* from_system(std::size_t capacity) {
  const bool large = capacity > kSmallLimit;
  std::size_t bytes = large ? cache().chunk_for(capacity) : capacity;
  void* data = std::aligned_alloc(large ? kHugePage : 64, bytes);
  if (data == nullptr) {
    release_idle_memory();
    bytes = large ? round_up(capacity, kHugePage) : capacity;
    data = std::aligned_alloc(large ? kHugePage : 64, bytes);
  }
  check(data != nullptr, "memory", kNoBlock, capacity,
        " bytes; make the batch, the crop or --mem-budget smaller");
  if (!large) return data;
  madvise(data, bytes, MADV_HUGEPAGE);
  return cache().take_from_chunk(data, bytes, capacity);
}

}  // namespace

MemoryStats memory_stats() { return cache().stats(); }
void reset_memory_peak() { cache().reset_peak(); }
void set_idle_memory_cap(std::size_t bytes) { cache().set_cap(bytes); }
void release_idle_memory() { cache().release(); }
void set_memory_debug(bool on) { cache().debug = on; }
std::string memory_damage() { return cache().damage(); }

PeakMeter::PeakMeter() : start_(cache().stats().live), peak_(cache().open_meter()) {}
PeakMeter::~PeakMeter() { cache().close_meter(peak_); }
std::size_t PeakMeter::bytes_above_start() const {
  const std::size_t peak = cache().read_meter(peak_);
  return peak > start_ ? peak - start_ : 0;
}

bool is_out_of_memory(const Error& error) {
  return std::string_view(error.what()).find(cat("memory: ", kNoBlock)) != std::string_view::npos;
}

MemoryBlock::MemoryBlock(std::size_t bytes) : bytes_(bytes), guarded_(cache().debug) {
  data_ = cache().take(bytes + (guarded_ ? kGuardBytes : 0), capacity_);
  if (data_ == nullptr) {
    data_ = from_system(capacity_);
    cache().count_from_system(capacity_);
  }
  if (!guarded_) return;
  std::memset(data_, 0xFF, bytes_);
  std::memset(static_cast<char*>(data_) + bytes_, kGuardByte, kGuardBytes);
}

MemoryBlock::~MemoryBlock() {
  if (guarded_) {
    const auto* guard = static_cast<const unsigned char*>(data_) + bytes_;
    for (std::size_t i = 0; i < kGuardBytes; ++i)
      if (guard[i] != kGuardByte)
        cache().report_damage(cat("byte ", i, " behind a block of ", bytes_, " bytes was overwritten"));
    std::memset(data_, 0xFF, bytes_);
  }
  cache().give(data_, capacity_);
}

}  // namespace clearcut
