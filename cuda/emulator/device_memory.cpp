// Each buffer is a mapping of its own that ends at a page nobody may touch. Buffers start at multiples of 16
// bytes, so up to 15 bytes lie between: they hold a pattern. Under ASan buffers come from malloc, whose red
// zones have no such gap.
#include "cuda/emulator/device_memory.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include "cuda/emulator/fault.h"
#include "cuda/emulator/runtime_api.h"
#include "cuda/emulator/sanitizer.h"
#include "cuda/emulator/settings.h"
#include "cuda/emulator/stream.h"
#include "tensor/error.h"

namespace clearcut::emulator {

namespace {

constexpr std::size_t kPage = 4096;
constexpr unsigned char kPattern = 0xA5;

struct Buffer {
  char* pages = nullptr;  // between the guard pages; null under ASan
  std::size_t page_bytes = 0, bytes = 0;
};

// The mutex is taken last: nothing that waits for streams is called while it is held.
struct Buffers {
  std::recursive_mutex mutex;
  std::map<std::uintptr_t, Buffer> by_address;
  int accesses = 0;
};
Buffers& buffers() {
  static Buffers* instance = new Buffers;
  return *instance;
}

char* address_of(std::uintptr_t at) { return reinterpret_cast<char*>(at); }

void set_protection(int protection) {
  for (const auto& [at, buffer] : buffers().by_address)
    if (buffer.pages != nullptr) mprotect(buffer.pages, buffer.page_bytes, protection);
}

// The buffer at or before `address`.
auto buffer_before(const void* address) {
  const auto& all = buffers().by_address;
  const auto next = all.upper_bound(reinterpret_cast<std::uintptr_t>(address));
  return next == all.begin() ? all.end() : std::prev(next);
}

bool inside(const void* address, std::size_t bytes) {
  const std::lock_guard lock(buffers().mutex);
  const auto found = buffer_before(address);
  return found != buffers().by_address.end() &&
         reinterpret_cast<std::uintptr_t>(address) + bytes <= found->first + found->second.bytes;
}

bool forget(const void* address, Buffer& buffer) {
  const std::lock_guard lock(buffers().mutex);
  const auto found = buffers().by_address.find(reinterpret_cast<std::uintptr_t>(address));
  if (found == buffers().by_address.end()) return false;
  buffer = found->second;
  buffers().by_address.erase(found);
  return true;
}

void* allocate(std::size_t bytes, Buffer& buffer) {
  buffer.bytes = bytes;
  if constexpr (sanitizer::kAddress) {
    void* data = nullptr;
    return posix_memalign(&data, 16, bytes) == 0 ? data : nullptr;
  }
  buffer.page_bytes = (bytes + kPage - 1) / kPage * kPage;
  void* map = mmap(nullptr, buffer.page_bytes + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  buffer.pages = static_cast<char*>(map) + kPage;
  mprotect(buffer.pages, buffer.page_bytes, PROT_READ | PROT_WRITE);
  const std::size_t gap = (buffer.page_bytes - bytes) % 16;
  std::memset(buffer.pages + buffer.page_bytes - gap, kPattern, gap);
  return buffer.pages + (buffer.page_bytes - bytes) / 16 * 16;
}

cudaError_t refuse(const std::string& text) {
  set_error(cudaErrorInvalidValue, text);
  return take_error();
}

// "" if the sides of a copy are where `kind` says.
std::string wrong_side(const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device && !inside(to, bytes))
    return cat("cudaMemcpy: ", bytes, " bytes do not fit: ", describe_address(to));
  if (from_device && !inside(from, bytes))
    return cat("cudaMemcpy: ", bytes, " bytes are not there: ", describe_address(from));
  return "";
}

}  // namespace

DeviceAccess::DeviceAccess() {
  const std::lock_guard lock(buffers().mutex);
  if (buffers().accesses++ == 0 && settings().protect) set_protection(PROT_READ | PROT_WRITE);
}
DeviceAccess::~DeviceAccess() {
  const std::lock_guard lock(buffers().mutex);
  if (--buffers().accesses == 0 && settings().protect) set_protection(PROT_NONE);
}

void protect_buffers(bool on) {
  const std::lock_guard lock(buffers().mutex);
  set_protection(on ? PROT_NONE : PROT_READ | PROT_WRITE);
}

std::string damaged_buffer() {
  const std::lock_guard lock(buffers().mutex);
  for (const auto& [at, buffer] : buffers().by_address) {
    if (buffer.pages == nullptr) continue;
    const auto* end = reinterpret_cast<unsigned char*>(buffer.pages + buffer.page_bytes);
    for (const auto* p = reinterpret_cast<unsigned char*>(address_of(at)) + buffer.bytes; p < end; ++p)
      if (*p != kPattern) {
        std::memset(address_of(at) + buffer.bytes, kPattern, static_cast<std::size_t>(end - p));
        return cat("a thread wrote ", describe_address(p));
      }
  }
  return "";
}

std::string describe_address(const void* address) {
  const auto found = buffer_before(address);
  const auto offset =
      found == buffers().by_address.end() ? 0 : reinterpret_cast<std::uintptr_t>(address) - found->first;
  if (found == buffers().by_address.end() || offset > found->second.bytes + 2 * kPage)
    return cat("address ", address, ", which is in no buffer");
  return cat("byte ", offset, " of a buffer of ", found->second.bytes, " bytes");
}

bool is_in_buffer(const void* address) { return inside(address, 1); }

}  // namespace clearcut::emulator

using namespace clearcut::emulator;

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  catch_faults();
  Buffer buffer;
  void* data = allocate(bytes, buffer);
  if (data == nullptr) {
    set_error(cudaErrorMemoryAllocation, clearcut::cat("the emulated device has no ", bytes, " bytes left"));
    return take_error();
  }
  std::memset(data, 0xFF, bytes);  // cudaMalloc promises no zeros; NaN shows who relies on them
  const std::lock_guard lock(buffers().mutex);
  buffers().by_address[reinterpret_cast<std::uintptr_t>(data)] = buffer;
  if (settings().protect && buffers().accesses == 0 && buffer.pages != nullptr)
    mprotect(buffer.pages, buffer.page_bytes, PROT_NONE);
  *pointer = data;
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  finish_all_streams();
  Buffer buffer;
  if (!forget(pointer, buffer)) return refuse("cudaFree: not the start of a buffer");
  if (buffer.pages == nullptr)
    std::free(pointer);
  else
    munmap(buffer.pages - kPage, buffer.page_bytes + 2 * kPage);
  return cudaSuccess;
}

// Host memory, as any other here: but a copy that is still in its stream reads it later.
cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  *pointer = std::malloc(bytes);
  if (*pointer != nullptr || bytes == 0) return cudaSuccess;
  set_error(cudaErrorMemoryAllocation, clearcut::cat("the host has no ", bytes, " bytes left"));
  return take_error();
}
cudaError_t cudaFreeHost(void* pointer) {
  finish_all_streams();
  std::free(pointer);
  return cudaSuccess;
}

// Waits for the default stream alone, as CUDA does beside streams that are cudaStreamNonBlocking.
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = cudaStreamSynchronize(nullptr); error != cudaSuccess) return error;
  const std::string wrong = wrong_side(to, from, bytes, kind);
  if (!wrong.empty()) return refuse(wrong);
  const DeviceAccess access;
  std::memcpy(to, from, bytes);
  return take_error();
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const std::string wrong = wrong_side(to, from, bytes, kind);
  if (!wrong.empty()) return refuse(wrong);
  enqueue(stream, [=] {
    const DeviceAccess access;
    std::memcpy(to, from, bytes);
  });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  if (!inside(pointer, bytes))
    return refuse(clearcut::cat("cudaMemset: ", bytes, " bytes do not fit: ", describe_address(pointer)));
  enqueue(stream, [=] {
    const DeviceAccess access;
    std::memset(pointer, value, bytes);
  });
  return cudaSuccess;
}
