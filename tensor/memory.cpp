#include "tensor/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <mutex>

#include "tensor/error.h"

namespace clearcut {

namespace {

constexpr std::size_t kSmallStep = 512;
constexpr std::size_t kSmallLimit = std::size_t{1} << 20;
constexpr std::size_t kLargeStep = std::size_t{64} << 10;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kGuardBytes = 64;
constexpr unsigned char kGuardByte = 0xA5;
constexpr const char* kNoBlock = "the system has no block of ";

std::size_t size_class(std::size_t bytes) {
  const std::size_t step = bytes <= kSmallLimit ? kSmallStep : kLargeStep;
  return bytes == 0 ? kSmallStep : (bytes + step - 1) / step * step;
}

bool debug_from_environment() {
  const char* value = std::getenv("CLEARCUT_DEBUG_MEMORY");
  return value != nullptr && std::strcmp(value, "1") == 0;
}

// Idle blocks by size, and the order in which they were freed.
class Cache {
 public:
  void* take(std::size_t capacity, std::size_t& got) {
    const std::lock_guard lock(mutex_);
    const auto found = by_size_.lower_bound(capacity);
    void* data = nullptr;
    got = capacity;
    if (found != by_size_.end() && found->first / 2 <= capacity) {
      got = found->first;
      data = *found->second;
      forget(found);
      ++stats_.reuses;
    }
    return data;
  }

  void count_live(std::size_t capacity, bool from_system) {
    const std::lock_guard lock(mutex_);
    stats_.live += capacity;
    stats_.peak = std::max(stats_.peak, stats_.live);
    for (std::size_t& peak : meters_) peak = std::max(peak, stats_.live);
    stats_.system_allocations += from_system;
  }

  void give(void* data, std::size_t capacity) {
    const std::lock_guard lock(mutex_);
    stats_.live -= capacity;
    by_age_.push_back(data);
    by_size_.emplace(capacity, std::prev(by_age_.end()));
    capacity_of_.emplace(data, capacity);
    stats_.idle += capacity;
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
    return stats_;
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
  using ByAge = std::list<void*>;
  using BySize = std::multimap<std::size_t, ByAge::iterator>;

  void forget(BySize::iterator entry) {
    stats_.idle -= entry->first;
    capacity_of_.erase(*entry->second);
    by_age_.erase(entry->second);
    by_size_.erase(entry);
  }
  void shrink(std::size_t limit) {
    while (stats_.idle > limit) {
      void* oldest = by_age_.front();
      auto [entry, last] = by_size_.equal_range(capacity_of_.at(oldest));
      while (*entry->second != oldest) ++entry;
      forget(entry);
      std::free(oldest);
    }
  }

  std::mutex mutex_;
  ByAge by_age_;
  BySize by_size_;
  std::map<void*, std::size_t> capacity_of_;
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
  void* data = std::aligned_alloc(large ? kHugePage : 64, capacity);
  if (data == nullptr) {
    release_idle_memory();
    data = std::aligned_alloc(large ? kHugePage : 64, capacity);
  }
  check(data != nullptr, "memory", kNoBlock, capacity,
        " bytes; make the batch, the crop or --mem-budget smaller");
  if (large) madvise(data, capacity, MADV_HUGEPAGE);
  return data;
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
  const std::size_t wanted = size_class(bytes + (guarded_ ? kGuardBytes : 0));
  data_ = cache().take(wanted, capacity_);
  const bool fresh = data_ == nullptr;
  if (fresh) data_ = from_system(capacity_);
  cache().count_live(capacity_, fresh);
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
