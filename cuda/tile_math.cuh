// What a block multiplies two tiles with: CUDA cores or tensor cores, and how many threads take part.
#pragma once

#include "cuda/tensor_core.cuh"
#include "cuda/tile_layout.cuh"
#include "tensor/cuda_device.h"

namespace clearcut::cuda::tile {

/// Sums in T, in the order of k. In float 64 threads make 8 x 8 sums each: per 4 k a thread reads 16 times 16
/// bytes for 256 multiply-adds. In double, whose sums take two registers each, 256 threads make 4 x 4.
template <class T>
struct CudaCores {
  static constexpr int kEach = 32 / sizeof(T), kRows = kEach, kCols = kEach;
  static constexpr int kAcross = kTileSide / kEach, kThreads = kAcross * kAcross;
  static constexpr int kPack = Pack<T>::kSize;

  /// Whether a pack of columns of a thread are neighbours.
  template <class Layout>
  static constexpr bool together() {
    return !Layout::kDeep;
  }
  /// The i-th side of thread t of a row or a column of threads: along k one of each kAcross, else packs of
  /// neighbours, so that threads side by side read what lies side by side.
  template <class Layout>
  __device__ static int side(int t, int i) {
    return Layout::kDeep ? t + i * kAcross : t * kPack + i / kPack * (kAcross * kPack) + i % kPack;
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
      // Along k the i-th side lies kAcross rows on, which are permuted alike; else packs kAcross packs on.
      constexpr int kReads = Layout::kDeep ? kEach : kChunk, kPacks = Layout::kDeep ? 1 : kEach / kChunk;
      constexpr int kNextRow = Layout::kDeep ? kAcross * Layout::kK : kTileSide;
      for (int row = 0; row < kReads; ++row)
        for (int p = 0; p < kPacks; ++p) {
          const Pack<T> pack = load_pack(&from[at[chunk] + row * kNextRow + p * kAcross * kChunk]);
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
/// of 4 warps makes 32 rows by 32 columns: 2 x 4 products of 16 x 8 by k. A lane reads the chunk 4t .. 4t + 3
/// of k of each of its rows and columns: sums do not mind which k of a step stands where in an instruction,
/// as long as both operands agree. Per step it reads 8 times 16 bytes (along k) for 16 mma in tf32, 8 in 16
/// bits.
template <CudaProducts products>
struct TensorCores {
  static constexpr int kParts = products == CudaProducts::kTf32 ? 2 : 1;  // instructions per step
  static constexpr int kDown = 2, kAcross = 4, kRows = 2 * kDown, kCols = 2 * kAcross, kThreads = 128;

  __device__ static int group() { return static_cast<int>(threadIdx.x) % 32 / 4; }
  __device__ static int member() { return static_cast<int>(threadIdx.x) % 4; }
  __device__ static int first_row() { return static_cast<int>(threadIdx.x) / 64 * 32; }
  __device__ static int first_col() { return static_cast<int>(threadIdx.x) / 32 % 2 * 32; }

  // Which side is the n-th of 8 of the i-th product? Along k 8 products stand one behind the other, else they
  // take turns, so that what a lane needs for 4 of them lies side by side.
  template <class Layout>
  __device__ static int side(int i, int n) {
    return Layout::kDeep ? 8 * i + n : 4 * n + i;
  }
  template <class Left>
  __device__ static int row(int i) {
    return first_row() + side<Left>(i, group());
  }
  /// The column of sum j: of product n the e-th of this lane's two.
  template <class Layout>
  __device__ static constexpr int sum_of(int n, int e) {
    return Layout::kDeep ? 2 * n + e : kAcross * e + n;
  }
  template <class Right>
  __device__ static int col(int j) {
    const int n = Right::kDeep ? j / 2 : j % kAcross, e = Right::kDeep ? j % 2 : j / kAcross;
    return first_col() + side<Right>(n, 2 * member() + e);
  }
  template <class Layout>
  static constexpr bool together() {
    return !Layout::kDeep;
  }

  /// to[i][j] = element (side(i, group), 4 member + j) of the 32 sides from `first` on.
  template <class Layout, class Buffer>
  __device__ static void read(const Buffer& from, int first, float (&to)[4][4]) {
    for (int i = 0; i < 4; ++i) {
      const int at = Layout::kDeep ? Layout::place(first + side<Layout>(i, group()), 4 * member())
                                   : Layout::place(first + side<Layout>(0, group()), 4 * member() + i);
      const Pack<float> pack = load_pack(&from[at]);
      for (int j = 0; j < 4; ++j) (Layout::kDeep ? to[i][j] : to[j][i]) = pack.v[j];
    }
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
                             float (&sum)[kRows][kCols]) const {
      float rows[4][4], columns[4][4];
      read<Left>(left, first_row(), rows);
      read<Right>(right, first_col(), columns);
      unsigned a[kDown][kParts][4], b[kAcross][kParts][2];
      for (int m = 0; m < kDown; ++m) fragment_a(rows[2 * m], rows[2 * m + 1], a[m]);
      for (int n = 0; n < kAcross; ++n) fragment_b(columns[n], b[n]);
      for (int m = 0; m < kDown; ++m)
        for (int n = 0; n < kAcross; ++n) {
          float d[4];
          for (int e = 0; e < 4; ++e) d[e] = sum[2 * m + e / 2][sum_of<Right>(n, e % 2)];
          for (int p = 0; p < kParts; ++p) mma(d, a[m][p], b[n][p]);
          for (int e = 0; e < 4; ++e) sum[2 * m + e / 2][sum_of<Right>(n, e % 2)] = d[e];
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
