// Memory of the device, as tensor/cuda_memory.h and tensor/cuda_device.h declare it.
//
// All kernels and copies run in one stream, so a block that a tensor gave back may serve the next one at
// once: what still reads it was started before.
#include <algorithm>
#include <atomic>
#include <list>
#include <mutex>
#include <unordered_map>

#include "cuda/gpu.cuh"
#include "cuda/staging.cuh"
#include "tensor/cuda_device.h"
#include "tensor/cuda_memory.h"

namespace clearcut {

namespace {

constexpr std::size_t kSmallStep = 512, kLargeStep = std::size_t{2} << 20, kSmall = std::size_t{1} << 20;

// Multiples of 512 bytes up to 1 MiB, of 2 MiB beyond.
std::size_t size_class(std::size_t bytes) {
  const std::size_t step = bytes <= kSmall ? kSmallStep : kLargeStep;
  return (bytes + step - 1) / step * step;
}

class DeviceHeap {
 public:
  void* take(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    // Nothing is kept on the emulated device: blocks of their very size show every access beyond.
    const std::size_t wanted = cap_ == 0 ? bytes : size_class(bytes);
    Block block = from_idle(wanted);
    if (block.data == nullptr) block = from_device(wanted);
    block.bytes = bytes;
    living_[block.data] = block;
    stats_.live += bytes;
    stats_.peak = std::max(stats_.peak, stats_.live);
    return block.data;
  }

  void give(void* data) {
    if (data == nullptr) return;
    const std::lock_guard lock(mutex_);
    const Block block = living_.extract(data).mapped();
    stats_.live -= block.bytes;
    stats_.idle += block.capacity;
    idle_.push_back(block);
    shrink(cap_);
  }

  MemoryStats stats() {
    const std::lock_guard lock(mutex_);
    return stats_;
  }
  void reset_peak() {
    const std::lock_guard lock(mutex_);
    stats_.peak = stats_.live;
  }
  void set_cap(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    cap_ = bytes;
    shrink(cap_);
  }

 private:
  struct Block {
    void* data = nullptr;
    std::size_t capacity = 0, bytes = 0;  // bytes: as asked for
  };

  // The smallest idle block that is large enough, and not more than twice too large.
  Block from_idle(std::size_t wanted) {
    auto best = idle_.end();
    for (auto at = idle_.begin(); at != idle_.end(); ++at)
      if (at->capacity >= wanted && at->capacity / 2 <= wanted &&
          (best == idle_.end() || at->capacity < best->capacity))
        best = at;
    if (best == idle_.end()) return {};
    const Block block = *best;
    idle_.erase(best);
    stats_.idle -= block.capacity;
    ++stats_.reuses;
    return block;
  }

  Block from_device(std::size_t wanted) {
    Block block{.data = nullptr, .capacity = wanted};
    cudaError_t error = cudaMalloc(&block.data, wanted);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      shrink(0);
      error = cudaMalloc(&block.data, wanted);
    }
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      fail("memory", "the system has no block of ", wanted, " bytes on the device; a smaller batch may fit");
    }
    cuda::check_call(error, "cuda memory");
    ++stats_.system_allocations;
    return block;
  }

  // The oldest go first. cudaFree waits for the kernels that may still use them.
  void shrink(std::size_t cap) {
    while (stats_.idle > cap) {
      cudaFree(idle_.front().data);
      stats_.idle -= idle_.front().capacity;
      idle_.pop_front();
    }
  }

  std::mutex mutex_;
  MemoryStats stats_;
  std::size_t cap_ = cuda_is_emulated() ? 0 : std::size_t{4} << 30;
  std::list<Block> idle_;  // oldest first
  std::unordered_map<void*, Block> living_;
};

// Never destroyed: tensors of static objects may go last.
DeviceHeap& heap() {
  static DeviceHeap* instance = new DeviceHeap;
  return *instance;
}

}  // namespace

CudaBlock::CudaBlock(std::size_t bytes) : data_(heap().take(bytes)) {}

CudaBlock::~CudaBlock() { heap().give(data_); }

MemoryStats cuda_memory_stats() { return heap().stats(); }
void reset_cuda_memory_peak() { heap().reset_peak(); }
void set_idle_cuda_memory_cap(std::size_t bytes) { heap().set_cap(bytes); }

namespace {
std::atomic<std::int64_t> bytes_to_device, bytes_to_host, copies_to_device, copies_to_host;
}

CudaTraffic cuda_traffic() { return {bytes_to_device, bytes_to_host, copies_to_device, copies_to_host}; }

void cuda_copy(void* to, const void* from, std::size_t bytes, CudaCopy way) {
  if (bytes == 0) return;
  switch (way) {
    case CudaCopy::kToDevice:
      bytes_to_device += static_cast<std::int64_t>(bytes);
      ++copies_to_device;
      return cuda::upload(to, from, bytes);
    case CudaCopy::kToHost:
      bytes_to_host += static_cast<std::int64_t>(bytes);
      ++copies_to_host;
      return cuda::check_call(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "copy from cuda");
    case CudaCopy::kOnDevice:
      return cuda::check_call(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice), "copy on cuda");
  }
}

void cuda_fill(void* to, int byte, std::size_t bytes) {
  if (bytes > 0) cuda::check_call(cudaMemsetAsync(to, byte, bytes), "fill on cuda");
}

}  // namespace clearcut
