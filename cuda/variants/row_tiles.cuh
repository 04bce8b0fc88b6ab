// Copies of tiles to shared memory for products whose operands lie row by row, 16 bytes at a time.
#pragma once

#include "cuda/pack.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda::row_tiles {

constexpr int kSide = 64, kDepth = 16, kChunk = 4;  // 64 rows of a, 64 columns of b, 16 of k per step

/// Bytes that are there of a chunk of 4 floats at `at`, of `n`.
__device__ inline int bytes_at(std::int64_t at, std::int64_t n) {
  return static_cast<int>(min(std::int64_t{kChunk}, max(std::int64_t{0}, n - at))) * 4;
}

/// Starts this thread's part of the copies of both tiles at k0, zeros where an operand ends, as one group. In
/// shared memory rows of a begin kLeftRow floats apart, those of b kRightRow.
template <int kThreads, int kLeftRow, int kRightRow>
__device__ void fetch(const Product& p, std::int64_t row0, std::int64_t col0, std::int64_t k0, float* left,
                      float* right) {
  const int t = static_cast<int>(threadIdx.x);
  for (int i = 0; i < kSide * kDepth / kChunk / kThreads; ++i) {
    const int row = t / 4 + i * (kThreads / 4), k = t % 4 * kChunk;
    const int bytes = row0 + row < p.a.rows ? bytes_at(k0 + k, p.a.cols) : 0;
    async_copy<16>(left + row * kLeftRow + k, p.a.data + (row0 + row) * p.a.row_stride + k0 + k, bytes);
    const int depth = t / 16 + i * (kThreads / 16), col = t % 16 * kChunk;
    const int more = k0 + depth < p.b.rows ? bytes_at(col0 + col, p.b.cols) : 0;
    async_copy<16>(right + depth * kRightRow + col, p.b.data + (k0 + depth) * p.b.row_stride + col0 + col,
                   more);
  }
  async_commit();
}

inline bool whole_chunks(const kernels::Matrices<const float>& m) {
  return m.col_stride == 1 && m.row_stride % kChunk == 0 && m.batch_stride % kChunk == 0 && may_pack(m.data);
}
inline bool fits(const Product& p) { return whole_chunks(p.a) && whole_chunks(p.b); }

}  // namespace clearcut::cuda::row_tiles
