// What kernel code reaches through the words of CUDA C++ (language.h): the thread that runs calls these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace clearcut::emulator {

/// A place in kernel source. (clang 14 with libstdc++ 12 has no std::source_location.)
struct Place {
  const char* file = "";
  unsigned line = 0;
  static constexpr Place here(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

/// What the threads of a warp do together. A shuffle or exchange hands values over but orders no memory.
enum class WarpKind : std::uint8_t { kShuffle, kBallot, kSync, kExchange };

void barrier(Place at);  // __syncthreads
std::uint64_t warp_operation(WarpKind kind, unsigned mask, std::uint64_t value, unsigned source, Place at);

/// Each of 32 lanes hands in up to kExchangeBytes and gets a table of all lanes' bytes, kExchangeBytes each,
/// which it may read until its next operation of the warp.
constexpr std::size_t kExchangeBytes = 32;
const std::byte* exchange(const void* mine, std::size_t bytes, Place at);

/// The block's memory of one __shared__ variable, told apart by `tag`; fresh ones are full of NaN.
void* shared_variable(const void* tag, const char* name, std::size_t bytes, std::size_t alignment);
void* dynamic_shared();
bool is_shared(const void* address, std::size_t bytes);

/// cp.async: `to` is spoilt at once and gets its bytes when they are waited for; those from `valid` on are 0.
void async_copy(void* to, const void* from, std::size_t bytes, std::size_t valid);
void async_commit();
void async_wait(std::size_t groups_left);

/// Ends the launch: the kernel did what a device does not allow.
[[noreturn]] void stop_kernel(const char* format, ...) __attribute__((format(printf, 1, 2)));
[[noreturn]] void bad_shared_index(const char* name, long long index, std::size_t size);

/// A shared array that checks each index of each dimension: Checked<float[4][8]>. Under nvcc it is the plain
/// array, so kernels only index it or, in one dimension, let it decay to a pointer.
template <class Array>
struct Checked;
template <class T, std::size_t n>
struct Checked<T[n]> {
  T* data;
  const char* name;

  template <class Index>
  requires std::is_integral_v<Index>
  decltype(auto) operator[](Index i) const {
    const auto at = static_cast<long long>(i);
    if (at < 0 || at >= static_cast<long long>(n)) [[unlikely]]
      bad_shared_index(name, at, n);
    if constexpr (std::is_array_v<T>)
      return Checked<T>{data[at], name};
    else
      return (data[at]);
  }
  operator T*() const requires(!std::is_array_v<T>) { return data; }
};

/// The variable as kernels use it: a Checked array, or a reference.
template <class T>
decltype(auto) shared(const void* tag, const char* name) {
  constexpr std::size_t kAlignment = alignof(T) < 16 ? 16 : alignof(T);
  void* data = shared_variable(tag, name, sizeof(T), kAlignment);
  if constexpr (std::is_array_v<T>)
    return Checked<T>{*static_cast<T*>(data), name};
  else
    return *static_cast<T*>(data);
}

/// Values travel between lanes as 64 bits.
template <class T>
std::uint64_t to_bits(T value) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}
template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace clearcut::emulator
