// The words of CUDA C++ for g++ and clang: what kernel sources see in place of nvcc's own.
// Covered: what our kernels use. A word that is missing does not compile.
#pragma once

#if defined(__CUDACC__)
#error "nvcc has these words itself; kernels include cuda/gpu.cuh"
#endif

#include <bit>
#include <cmath>
#include <cstdint>

#include "cuda/emulator/hooks.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

// ---- vectors, aligned as on the device: UBSan then reports an access that is not

struct uint3 {
  unsigned x, y, z;
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
constexpr float2 make_float2(float x, float y) { return {x, y}; }
constexpr float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
constexpr double2 make_double2(double x, double y) { return {x, y}; }
constexpr uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

inline thread_local constinit uint3 threadIdx{0, 0, 0};
inline thread_local constinit uint3 blockIdx{0, 0, 0};
inline thread_local constinit dim3 blockDim{1, 1, 1};
inline thread_local constinit dim3 gridDim{1, 1, 1};
inline constexpr int warpSize = 32;

// ---- waiting for each other

inline void __syncthreads(clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  clearcut::emulator::barrier(at);
}
inline void __syncwarp(unsigned mask = ~0u,
                       clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  clearcut::emulator::warp_operation(clearcut::emulator::WarpKind::kSync, mask, 0, 0, at);
}

// ---- values of other lanes

namespace clearcut::emulator {

inline unsigned lane() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32; }
/// `value` as lane `from` has it, or this lane's own if `from` lies outside its group of `width` lanes.
template <class T>
T shuffle(unsigned mask, T value, unsigned from, bool inside, Place at) {
  return from_bits<T>(warp_operation(WarpKind::kShuffle, mask, to_bits(value), inside ? from : lane(), at));
}
constexpr unsigned group_start(unsigned lane, int width) {
  return lane & ~(static_cast<unsigned>(width) - 1);
}

}  // namespace clearcut::emulator

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32,
              clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  using namespace clearcut::emulator;
  const unsigned within = static_cast<unsigned>(from) & (static_cast<unsigned>(width) - 1);
  return shuffle(mask, value, group_start(lane(), width) + within, true, at);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32,
                   clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  using namespace clearcut::emulator;
  const unsigned from = lane() + by;
  return shuffle(mask, value, from, group_start(from, width) == group_start(lane(), width), at);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32,
                 clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  using namespace clearcut::emulator;
  const unsigned self = lane();
  return shuffle(mask, value, self - by, self >= group_start(self, width) + by, at);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int by, int width = 32,
                  clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  using namespace clearcut::emulator;
  const unsigned from = lane() ^ static_cast<unsigned>(by);
  return shuffle(mask, value, from, group_start(from, width) <= group_start(lane(), width), at);
}
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  using namespace clearcut::emulator;
  return static_cast<unsigned>(warp_operation(WarpKind::kBallot, mask, predicate != 0, 0, at));
}
inline int __any_sync(unsigned mask, int predicate,
                      clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  return __ballot_sync(mask, predicate, at) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      clearcut::emulator::Place at = clearcut::emulator::Place::here()) {
  return __ballot_sync(mask, predicate == 0, at) == 0;
}

// ---- atomics: real ones, since blocks run on several processor threads

template <class T>
requires std::is_integral_v<T> T atomicAdd(T* address, std::type_identity_t<T> value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}
template <class T>
requires std::is_floating_point_v<T> T atomicAdd(T* address, std::type_identity_t<T> value) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  auto* bits = reinterpret_cast<Bits*>(address);
  Bits old = __atomic_load_n(bits, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(bits, &old, std::bit_cast<Bits>(T(std::bit_cast<T>(old) + value)), true,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return std::bit_cast<T>(old);
}

// ---- loads and arithmetic

template <class T>
T __ldg(const T* address) {
  return *address;
}
// Products that are rounded before anything is added to them; so is every product here (-ffp-contract=off).
inline float __fmul_rn(float a, float b) { return a * b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
template <class T>
requires std::is_arithmetic_v<T>
constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T>
requires std::is_arithmetic_v<T>
constexpr T max(T a, T b) { return a < b ? b : a; }

// ---- spellings that gpu.cuh gives nvcc's form of

#define SHARED(T, name, ...)                                       \
  using name##_type = T __VA_ARGS__;                               \
  decltype(auto) name = ::clearcut::emulator::shared<name##_type>( \
      []() -> const void* {                                        \
        static const char tag = 0;                                 \
        return &tag;                                               \
      }(),                                                         \
      #name)
#define DYNAMIC_SHARED(T, name) T* const name = static_cast<T*>(::clearcut::emulator::dynamic_shared())
