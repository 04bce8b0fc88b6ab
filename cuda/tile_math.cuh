// What a block of 256 threads multiplies two tiles with: CUDA cores or tensor cores. Either way a thread
// makes 4 rows by 4 columns of the 64 x 64 sums.
#pragma once

#include "cuda/tensor_core.cuh"
#include "cuda/tile_layout.cuh"
#include "tensor/cuda_device.h"

namespace clearcut::cuda::tile {

constexpr int kEach = 4;

/// Sums in T, in the order of k. Per 4 floats of k a thread reads 8 times 16 bytes for 64 multiply-adds.
template <class T>
struct CudaCores {
  static constexpr int kAcross = kTileSide / kEach;

  /// The i-th side of thread t of a row or a column of threads: the neighbouring ones in shared memory.
  template <class Layout>
  __device__ static int side(int t, int i) {
    return Layout::kDeep ? t + i * kAcross : t * kEach + i;
  }
  template <class Left>
  __device__ static int row(int i) {
    return side<Left>(static_cast<int>(threadIdx.x) / kAcross, i);
  }
  template <class Right>
  __device__ static int col(int j) {
    return side<Right>(static_cast<int>(threadIdx.x) % kAcross, j);
  }

  /// Where this thread's elements of each chunk of k begin: worked out once, so that a step adds no
  /// addresses.
  template <class Layout>
  struct Reader {
    static constexpr int kChunk = Layout::kChunk, kChunks = Layout::kK / kChunk;
    int at[kChunks];

    __device__ explicit Reader(int t) {
      for (int c = 0; c < kChunks; ++c) at[c] = Layout::place(side<Layout>(t, 0), c * kChunk);
    }
    /// to[j][i] = element (side(t, i), chunk * kChunk + j).
    template <class Buffer>
    __device__ void read(const Buffer& from, int chunk, T (&to)[kChunk][kEach]) const {
      // Along k the i-th side lies 16 rows on, which are permuted alike; else i places on.
      constexpr int kRows = Layout::kDeep ? kEach : kChunk, kPacks = Layout::kDeep ? 1 : kEach / kChunk;
      constexpr int kNextRow = Layout::kDeep ? kAcross * Layout::kK : kTileSide;
      for (int row = 0; row < kRows; ++row)
        for (int p = 0; p < kPacks; ++p) {
          const Pack<T> pack = load_pack(&from[at[chunk] + row * kNextRow + p * kChunk]);
          for (int e = 0; e < kChunk; ++e) (Layout::kDeep ? to[e][row] : to[row][p * kChunk + e]) = pack.v[e];
        }
    }
  };

  template <class Left, class Right>
  struct Worker {
    Reader<Left> rows{static_cast<int>(threadIdx.x) / kAcross};
    Reader<Right> columns{static_cast<int>(threadIdx.x) % kAcross};

    template <class LeftBuffer, class RightBuffer>
    __device__ void multiply(const LeftBuffer& left, const RightBuffer& right, T (&sum)[kEach][kEach]) const {
      UNROLL
      for (int chunk = 0; chunk < Reader<Left>::kChunks; ++chunk) {
        T va[Left::kChunk][kEach], vb[Left::kChunk][kEach];
        rows.read(left, chunk, va);
        columns.read(right, chunk, vb);
        for (int c = 0; c < Left::kChunk; ++c)
          for (int i = 0; i < kEach; ++i)
            for (int j = 0; j < kEach; ++j) sum[i][j] += va[c][i] * vb[c][j];
      }
    }
  };
};

/// Products of values rounded to tf32, bfloat16 or half, sums in float, in the order of the tensor core. Each
/// of 8 warps makes 32 rows by 16 columns: 2 x 2 products of 16 x 8 by k. A lane reads the chunk 4t .. 4t + 3
/// of k of each of its rows and columns: sums do not mind which k of a step stands where in an instruction,
/// as long as both operands agree. Per step it reads 6 times 16 bytes (along k) for 8 mma in tf32, 4 in 16
/// bits.
template <CudaProducts products>
struct TensorCores {
  static constexpr int kParts = products == CudaProducts::kTf32 ? 2 : 1;  // instructions per step

  __device__ static int group() { return static_cast<int>(threadIdx.x) % 32 / 4; }
  __device__ static int member() { return static_cast<int>(threadIdx.x) % 4; }
  __device__ static int first_row() { return static_cast<int>(threadIdx.x) / 128 * 32; }
  __device__ static int first_col() { return static_cast<int>(threadIdx.x) / 32 % 4 * 16; }
  template <class Left>
  __device__ static int row(int i) {
    return first_row() + i / 2 * 16 + i % 2 * 8 + group();
  }
  template <class Right>
  __device__ static int col(int j) {
    return first_col() + j / 2 * 8 + 2 * member() + j % 2;
  }

  __device__ static unsigned pair(float low, float high) {
    return products == CudaProducts::kBf16 ? pack_bf16(low, high) : pack_f16(low, high);
  }
  __device__ static void fragment_a(const float (&upper)[4], const float (&lower)[4],
                                    unsigned (&a)[kParts][4]) {
    for (int p = 0; p < kParts; ++p)
      for (int half = 0; half < 2; ++half) {
        const int k = 2 * p + half;  // of tf32; in 16 bits 2 half and the next
        a[p][2 * half] = kParts == 2 ? to_tf32(upper[k]) : pair(upper[2 * half], upper[2 * half + 1]);
        a[p][2 * half + 1] = kParts == 2 ? to_tf32(lower[k]) : pair(lower[2 * half], lower[2 * half + 1]);
      }
  }
  __device__ static void fragment_b(const float (&column)[4], unsigned (&b)[kParts][2]) {
    for (int p = 0; p < kParts; ++p)
      for (int half = 0; half < 2; ++half)
        b[p][half] =
            kParts == 2 ? to_tf32(column[2 * p + half]) : pair(column[2 * half], column[2 * half + 1]);
  }
  __device__ static void mma(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    if constexpr (products == CudaProducts::kTf32)
      mma_tf32(d, a, b);
    else if constexpr (products == CudaProducts::kBf16)
      mma_bf16(d, a, b);
    else
      mma_f16(d, a, b);
  }

  template <class Left, class Right>
  struct Worker {
    template <class LeftBuffer, class RightBuffer>
    __device__ void multiply(const LeftBuffer& left, const RightBuffer& right,
                             float (&sum)[kEach][kEach]) const {
      unsigned a[2][kParts][4], b[2][kParts][2];
      for (int m = 0; m < 2; ++m) {
        float upper[4], lower[4], column[4];
        Left::read_along_k(left, row<Left>(2 * m), 4 * member(), upper);
        Left::read_along_k(left, row<Left>(2 * m + 1), 4 * member(), lower);
        Right::read_along_k(right, first_col() + 8 * m + group(), 4 * member(), column);
        fragment_a(upper, lower, a[m]);
        fragment_b(column, b[m]);
      }
      for (int m = 0; m < 2; ++m)
        for (int n = 0; n < 2; ++n) {
          float d[4] = {sum[2 * m][2 * n], sum[2 * m][2 * n + 1], sum[2 * m + 1][2 * n],
                        sum[2 * m + 1][2 * n + 1]};
          for (int p = 0; p < kParts; ++p) mma(d, a[m][p], b[n][p]);
          for (int e = 0; e < 4; ++e) sum[2 * m + e / 2][2 * n + e % 2] = d[e];
        }
    }
  };
};

/// Calls body.operator()<Math>() with what cuda_products() asks for; double is for CUDA cores.
template <class T, class Body>
void with_math(const Body& body) {
  if constexpr (sizeof(T) == sizeof(float)) {
    switch (cuda_products()) {
      case CudaProducts::kFloat32:
        break;
      case CudaProducts::kTf32:
        return body.template operator()<TensorCores<CudaProducts::kTf32>>();
      case CudaProducts::kBf16:
        return body.template operator()<TensorCores<CudaProducts::kBf16>>();
      case CudaProducts::kF16:
        return body.template operator()<TensorCores<CudaProducts::kF16>>();
    }
  }
  body.template operator()<CudaCores<T>>();
}

}  // namespace clearcut::cuda::tile
