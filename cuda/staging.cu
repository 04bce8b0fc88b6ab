// Page-locked buffers, filled in turn. An event behind the last copy of a buffer tells when it may be filled
// again.
#include "cuda/staging.cuh"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

namespace {

constexpr std::size_t kAlignment = 256;  // of the start of each copy

class Staging {
 public:
  void upload(char* to, const char* from, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    while (bytes > 0) {
      Buffer& buffer = with_room();
      const std::size_t n = std::min(bytes, kStagingBytes - buffer.used);
      std::memcpy(buffer.data + buffer.used, from, n);
      check_call(cudaMemcpyAsync(to, buffer.data + buffer.used, n, cudaMemcpyHostToDevice), "copy to cuda");
      buffer.used += (n + kAlignment - 1) / kAlignment * kAlignment;
      to += n;
      from += n;
      bytes -= n;
    }
  }

 private:
  struct Buffer {
    char* data = nullptr;
    cudaEvent_t fetched{};
    std::size_t used = 0;  // a multiple of kAlignment
  };

  Buffer& with_room() {
    Buffer& now = buffers_[current_];
    if (now.data == nullptr) open(now);
    if (now.used < kStagingBytes) return now;
    check_call(cudaEventRecord(now.fetched), "staging");
    current_ = (current_ + 1) % buffers_.size();
    Buffer& next = buffers_[current_];
    if (next.data == nullptr)
      open(next);
    else
      check_call(cudaEventSynchronize(next.fetched), "staging");
    next.used = 0;
    return next;
  }

  static void open(Buffer& buffer) {
    void* data = nullptr;
    check_call(cudaHostAlloc(&data, kStagingBytes, cudaHostAllocPortable), "staging");
    buffer.data = static_cast<char*>(data);
    check_call(cudaEventCreate(&buffer.fetched), "staging");
  }

  std::mutex mutex_;
  std::array<Buffer, 2> buffers_;
  std::size_t current_ = 0;
};

}  // namespace

// Never destroyed: static objects may upload until the end.
void upload(void* to, const void* from, std::size_t bytes) {
  static Staging* staging = new Staging;
  staging->upload(static_cast<char*>(to), static_cast<const char*>(from), bytes);
}

}  // namespace clearcut::cuda
