// c = a b, step 4: tiles in registers.
//
// A block of 64 threads makes 64 x 64 values of c, a thread 8 x 8 of them: rows y, y + 8, ... and columns
// x, x + 8, ... of the tile. For each k a thread reads 8 values of a and 8 of b from shared memory and makes
// 64 multiply-adds of them, 4 for each value that it reads, where step 3 made one of two. Eight threads read
// 32 bytes of a row of a: a whole sector. Rows of its tile lie 68 floats apart in shared memory: what they
// write is in 32 banks.
// Bytes from memory: 2 * 64 * 8 * 4 per 64 * 64 * 8 multiply-adds, or 0.125 per multiply-add: 16 operations
// per byte.
// Order: one sum in the order of k.
#include "cuda/gpu.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kSide = 64, kDepth = 8, kEach = 8, kAcross = kSide / kEach, kThreads = kAcross * kAcross;
constexpr int kPadded = kSide + 4;

__global__ void __launch_bounds__(kThreads)
    registers_kernel(Product p, std::int64_t down, std::int64_t across) {
  SHARED(float, left, [kDepth][kPadded]);
  SHARED(float, right, [kDepth][kSide]);
  const int t = static_cast<int>(threadIdx.x), x = t % kAcross, y = t / kAcross;
  const std::int64_t tile = blockIdx.x, matrix = tile / (down * across);
  const std::int64_t row0 = tile / across % down * kSide, col0 = tile % across * kSide;
  float sum[kEach][kEach] = {};
  for (std::int64_t k0 = 0; k0 < p.a.cols; k0 += kDepth) {
    UNROLL
    for (int i = 0; i < kDepth; ++i) {
      const std::int64_t row = row0 + y + i * kAcross, col = col0 + t;
      left[x][y + i * kAcross] = k0 + x < p.a.cols && row < p.a.rows ? p.a(matrix, row, k0 + x) : 0.0f;
      right[i][t] = k0 + i < p.b.rows && col < p.b.cols ? p.b(matrix, k0 + i, col) : 0.0f;
    }
    __syncthreads();  // the tiles are there
    UNROLL
    for (int k = 0; k < kDepth; ++k) {
      float a[kEach], b[kEach];
      for (int i = 0; i < kEach; ++i) a[i] = left[k][y + i * kAcross];
      for (int j = 0; j < kEach; ++j) b[j] = right[k][x + j * kAcross];
      for (int i = 0; i < kEach; ++i)
        for (int j = 0; j < kEach; ++j) sum[i][j] += a[i] * b[j];
    }
    __syncthreads();  // everybody has read them
  }
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) {
      const std::int64_t row = row0 + y + i * kAcross, col = col0 + x + j * kAcross;
      if (row < p.c.rows && col < p.c.cols) p.c(matrix, row, col) = sum[i][j];
    }
}

void multiply(const Product& p) {
  const std::int64_t down = blocks_for(p.c.rows, kSide), across = blocks_for(p.c.cols, kSide);
  launch<registers_kernel>({.blocks = static_cast<unsigned>(p.c.batch * down * across), .threads = kThreads},
                           p, down, across);
}

}  // namespace

namespace variants {
extern const Gemm gemm_v4_registers = {.name = "v4_registers", .multiply = multiply};
}

}  // namespace clearcut::cuda
