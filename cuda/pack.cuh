// 16 bytes at a time: the widest load and store of a thread.
#pragma once

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

template <class T>
struct alignas(16) Pack {
  static constexpr int kSize = 16 / sizeof(T);
  T v[kSize];
};

/// Packs may be read and written at these addresses.
template <class... T>
bool may_pack(const T*... addresses) {
  return ((reinterpret_cast<std::uintptr_t>(addresses) % 16 == 0) && ...);
}
template <class T>
__device__ Pack<T> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T>*>(from);
}
template <class T>
__device__ void store_pack(T* to, const Pack<T>& pack) {
  *reinterpret_cast<Pack<T>*>(to) = pack;
}

/// The four neighbouring values of a thread. Those from `begin` to `end` are in memory, the others are zero
/// and not stored; `packed`: all are, and their address takes packs.
template <class T>
struct alignas(16) Four {
  T v[4];
};
template <class T>
__device__ Four<T> load_four(const T* from, std::int64_t end, bool packed) {
  if (packed) return *reinterpret_cast<const Four<T>*>(from);
  Four<T> four{};
  UNROLL
  for (int i = 0; i < 4; ++i)
    if (i < end) four.v[i] = from[i];
  return four;
}
template <class T>
__device__ void store_four(T* to, const Four<T>& four, std::int64_t begin, std::int64_t end, bool packed) {
  if (packed) {
    *reinterpret_cast<Four<T>*>(to) = four;
    return;
  }
  UNROLL
  for (int i = 0; i < 4; ++i)
    if (i >= begin && i < end) to[i] = four.v[i];
}

}  // namespace clearcut::cuda
