// c = a b, step 3: tiles in shared memory.
//
// A block of 16 x 16 threads makes 16 x 16 values of c. Step by step it brings 16 x 16 values of a and of b
// to shared memory, one of each per thread; each is then read by 16 threads.
// Bytes from memory: 2 * 16 * 16 * 4 per 16^3 multiply-adds, or 0.5 per multiply-add: 4 operations per byte.
// From shared memory every multiply-add still takes two values: that is what limits it now.
// Order: one sum in the order of k.
#include "cuda/gpu.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kSide = 16;

__global__ void tile_kernel(Product p, std::int64_t down, std::int64_t across) {
  SHARED(float, left, [kSide][kSide]);
  SHARED(float, right, [kSide][kSide]);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const std::int64_t tile = blockIdx.x, matrix = tile / (down * across);
  const std::int64_t row = tile / across % down * kSide + y, col = tile % across * kSide + x;
  float sum = 0;
  for (std::int64_t k0 = 0; k0 < p.a.cols; k0 += kSide) {
    left[y][x] = row < p.a.rows && k0 + x < p.a.cols ? p.a(matrix, row, k0 + x) : 0.0f;
    right[y][x] = k0 + y < p.b.rows && col < p.b.cols ? p.b(matrix, k0 + y, col) : 0.0f;
    __syncthreads();  // the tiles are there
    UNROLL
    for (int k = 0; k < kSide; ++k) sum += left[y][k] * right[k][x];
    __syncthreads();  // everybody has read them
  }
  if (row < p.c.rows && col < p.c.cols) p.c(matrix, row, col) = sum;
}

void multiply(const Product& p) {
  const std::int64_t down = blocks_for(p.c.rows, kSide), across = blocks_for(p.c.cols, kSide);
  launch<tile_kernel>(
      {.blocks = static_cast<unsigned>(p.c.batch * down * across), .threads = dim3(kSide, kSide)}, p, down,
      across);
}

}  // namespace

namespace variants {
extern const Gemm gemm_v3_tile = {.name = "v3_tile", .multiply = multiply};
}

}  // namespace clearcut::cuda
