// c = a b, step 2: neighbours read neighbours.
//
// As step 1, but the threads of a block stand beside each other in a row of c. A warp reads 32 neighbouring
// values of b (four sectors of 32 bytes, all of them used) and one value of a, which it shares.
// Bytes asked of memory: still 8 per multiply-add, 0.25 operations per byte; but those of a warp come in 5
// sectors in place of 33.
// Order: one sum in the order of k.
#include "cuda/gpu.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kThreads = 256;

__global__ void coalesced_kernel(Product p) {
  const std::int64_t i = thread_number();
  if (i >= p.c.batch * p.c.rows * p.c.cols) return;
  const std::int64_t col = i % p.c.cols, row = i / p.c.cols % p.c.rows, matrix = i / (p.c.rows * p.c.cols);
  float sum = 0;
  for (std::int64_t k = 0; k < p.a.cols; ++k) sum += p.a(matrix, row, k) * p.b(matrix, k, col);
  p.c(matrix, row, col) = sum;
}

void multiply(const Product& p) {
  launch<coalesced_kernel>(
      {.blocks = blocks_for(p.c.batch * p.c.rows * p.c.cols, kThreads), .threads = kThreads}, p);
}

}  // namespace

namespace variants {
extern const Gemm gemm_v2_coalesced = {.name = "v2_coalesced", .multiply = multiply};
}

}  // namespace clearcut::cuda
