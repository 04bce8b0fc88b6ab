// Tensor cores: products of small matrices that a warp holds in its registers, and loads in their layout.
//
//   mma_f16, mma_bf16   d[16 x 8] += a[16 x 16] b[16 x 8] in half or bfloat16, sums in float
//   mma_tf32            d[16 x 8] += a[16 x 8] b[8 x 8] in tf32 (float with 10 bits behind the point)
//   ldmatrix            n matrices of 8 x 8 16-bit values from shared memory: lane 8 j + i gives the address
//                       of row i of matrix j, and gets of each matrix the values (g, 2t) and (g, 2t + 1) in
//                       one register; transposed, (2t, g) and (2t + 1, g)
//   pack_f16, pack_bf16 two floats, rounded, in one register;  to_tf32 rounds one
//
// All 32 lanes take part in each. Layouts are those of the PTX ISA ("Matrix fragments for mma.m16n8k16" and
// ".m16n8k8"). With g = lane / 4 and t = lane % 4 a lane holds
//   d, float          d[0] (g, 2t), d[1] (g, 2t + 1), d[2] (g + 8, 2t), d[3] (g + 8, 2t + 1)
//   a, 16 bits        a[0] (g, 2t..), a[1] (g + 8, 2t..), a[2] (g, 2t + 8..), a[3] (g + 8, 2t + 8..)
//   b, 16 bits        b[0] (2t.., g), b[1] (2t + 8.., g)       "..": and the next; the first in the lower
//   half a, tf32           a[0] (g, t), a[1] (g + 8, t), a[2] (g, t + 4), a[3] (g + 8, t + 4) b, tf32 b[0]
//   (t, g), b[1] (t + 4, g)
// The order in which a tensor core adds up is not defined: expect float rounding, not equal bits.
#pragma once

#include <cstring>

#include "cuda/gpu.cuh"

namespace clearcut::cuda {

#if defined(__CUDACC__)

#define CLEARCUT_MMA(name, type)                                                                         \
  __device__ inline void name(float(&d)[4], const unsigned(&a)[4], const unsigned(&b)[2]) {              \
    asm volatile("mma.sync.aligned." type ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                        \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                    \
  }
CLEARCUT_MMA(mma_f16, "m16n8k16.row.col.f32.f16.f16")
CLEARCUT_MMA(mma_bf16, "m16n8k16.row.col.f32.bf16.bf16")
CLEARCUT_MMA(mma_tf32, "m16n8k8.row.col.f32.tf32.tf32")
#undef CLEARCUT_MMA

template <bool transposed = false>
__device__ inline void ldmatrix(unsigned (&r)[4], const void* row) {
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at)
                 : "memory");
}
template <bool transposed = false>
__device__ inline void ldmatrix(unsigned (&r)[2], const void* row) {
  const auto at = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (transposed)
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(at)
                 : "memory");
  else
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];\n"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(at)
                 : "memory");
}

__device__ inline unsigned pack_f16(float low, float high) {
  const __half2 pair = __floats2half2_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&pair);
}
__device__ inline unsigned pack_bf16(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&pair);
}
__device__ inline unsigned to_tf32(float value) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;\n" : "=r"(bits) : "f"(value));
  return bits;
}

#else  // the emulator's

struct Fragments {
  unsigned a[4], b[2];
};
static_assert(sizeof(Fragments) <= emulator::kExchangeBytes);

/// The product of 2 * 4 * kPack terms, where decode(register, i) is value i of the kPack in one register.
template <int kPack, class Decode>
void mma_by_hand(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Decode& decode,
                 emulator::Place at) {
  const Fragments mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  const std::byte* table = emulator::exchange(&mine, sizeof mine, at);
  const auto of = [table](unsigned lane) {
    Fragments f;
    std::memcpy(&f, table + lane * emulator::kExchangeBytes, sizeof f);
    return f;
  };
  const unsigned g = emulator::lane() / 4, t = emulator::lane() % 4;
  for (unsigned part = 0; part < 2; ++part)
    for (unsigned k = 0; k < 4; ++k) {
      const Fragments rows = of(4 * g + k), left = of(8 * t + k), right = of(8 * t + 4 + k);
      for (int i = 0; i < kPack; ++i) {
        const float upper = decode(rows.a[2 * part], i), lower = decode(rows.a[2 * part + 1], i);
        const float first = decode(left.b[part], i), second = decode(right.b[part], i);
        d[0] += upper * first;
        d[1] += upper * second;
        d[2] += lower * first;
        d[3] += lower * second;
      }
    }
}

inline std::uint16_t half_of(unsigned pair, int i) { return static_cast<std::uint16_t>(pair >> 16 * i); }

inline void mma_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                    emulator::Place at = emulator::Place::here()) {
  mma_by_hand<2>(
      d, a, b, [](unsigned pair, int i) { return __half2float({half_of(pair, i)}); }, at);
}
inline void mma_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                     emulator::Place at = emulator::Place::here()) {
  mma_by_hand<2>(
      d, a, b, [](unsigned pair, int i) { return __bfloat162float({half_of(pair, i)}); }, at);
}
/// Bits of a float that tf32 does not have are ignored.
inline void mma_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                     emulator::Place at = emulator::Place::here()) {
  mma_by_hand<1>(
      d, a, b, [](unsigned bits, int) { return std::bit_cast<float>(bits & ~0x1fffu); }, at);
}

template <bool transposed = false, int n>
void ldmatrix(unsigned (&r)[n], const void* row, emulator::Place at = emulator::Place::here()) {
  static_assert(n == 2 || n == 4);
  const unsigned lane = emulator::lane();
  const bool used = lane < 8 * n;
  if (used && (reinterpret_cast<std::uintptr_t>(row) % 16 != 0 || !emulator::is_shared(row, 16)))
    emulator::stop_kernel("ldmatrix at %s:%u: a row is 16 bytes of shared memory at a multiple of 16",
                          at.file, at.line);
  const std::byte* table = emulator::exchange(&row, sizeof row, at);
  const auto value = [table](unsigned matrix, unsigned i, unsigned column) {
    const std::uint16_t* address;
    std::memcpy(&address, table + (8 * matrix + i) * emulator::kExchangeBytes, sizeof address);
    return static_cast<unsigned>(address[column]);
  };
  const unsigned g = lane / 4, t = lane % 4;
  for (unsigned j = 0; j < n; ++j)
    r[j] = transposed ? value(j, 2 * t, g) | value(j, 2 * t + 1, g) << 16
                      : value(j, g, 2 * t) | value(j, g, 2 * t + 1) << 16;
}

inline unsigned pack_f16(float low, float high) {
  return __float2half_rn(low).bits | static_cast<unsigned>(__float2half_rn(high).bits) << 16;
}
inline unsigned pack_bf16(float low, float high) {
  return __float2bfloat16_rn(low).bits | static_cast<unsigned>(__float2bfloat16_rn(high).bits) << 16;
}
/// To the nearest, ties away from zero.
inline unsigned to_tf32(float value) {
  const auto bits = std::bit_cast<unsigned>(value);
  return std::isfinite(value) ? (bits + 0x1000u) & ~0x1fffu : bits;
}

#endif

}  // namespace clearcut::cuda
