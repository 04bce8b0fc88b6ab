#include "cuda/ptxsim/device_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace clearcut::ptxsim {

namespace {

constexpr std::size_t kAlign = 256;  // as cudaMalloc does
std::uint64_t address_of(const void* data) { return reinterpret_cast<std::uint64_t>(data); }

}  // namespace

DeviceMemory& device_memory() {
  static DeviceMemory& memory = *new DeviceMemory;  // never destroyed: programs hold buffers until their end
  return memory;
}

void* DeviceMemory::allocate(std::size_t bytes) {
  // kAlign bytes behind the end belong to nobody: a little too far is never inside the next buffer.
  const std::size_t whole = (bytes + kAlign - 1) / kAlign * kAlign + kAlign;
  if (whole < bytes) return nullptr;
  void* data = std::aligned_alloc(kAlign, whole);
  if (data == nullptr) return nullptr;
  std::memset(data, 0xff, whole);
  buffers_[address_of(data)] = {
      static_cast<std::byte*>(data), bytes, std::vector<std::uint8_t>(bytes, 0), {}};
  return data;
}

bool DeviceMemory::release(void* data) {
  if (buffers_.erase(address_of(data)) == 0) return false;
  std::free(data);
  return true;
}

Buffer* DeviceMemory::find(std::uint64_t address) {
  auto next = buffers_.upper_bound(address);
  if (next == buffers_.begin()) return nullptr;
  Buffer& buffer = std::prev(next)->second;
  return address - address_of(buffer.data) < buffer.bytes ? &buffer : nullptr;
}

const Buffer* DeviceMemory::before(std::uint64_t address) const {
  auto next = buffers_.upper_bound(address);
  return next == buffers_.begin() ? nullptr : &std::prev(next)->second;
}

bool DeviceMemory::holds(const void* data, std::size_t bytes) {
  const Buffer* buffer = find(address_of(data));
  return buffer != nullptr && address_of(data) + bytes <= address_of(buffer->data) + buffer->bytes;
}

void DeviceMemory::mark_written(void* data, std::size_t bytes) {
  Buffer* buffer = find(address_of(data));
  if (buffer == nullptr) return;
  std::memset(buffer->written.data() + (address_of(data) - address_of(buffer->data)), 1, bytes);
}

void DeviceMemory::copy_written(void* data, const void* from, std::size_t bytes) {
  Buffer *to = find(address_of(data)), *source = find(address_of(from));
  if (source == nullptr) return mark_written(data, bytes);
  if (to == nullptr) return;
  std::memmove(to->written.data() + (address_of(data) - address_of(to->data)),
               source->written.data() + (address_of(from) - address_of(source->data)), bytes);
}

void DeviceMemory::prepare_races(unsigned granule) {
  for (auto& [address, buffer] : buffers_) buffer.races.prepare(buffer.bytes, granule);
}

}  // namespace clearcut::ptxsim
