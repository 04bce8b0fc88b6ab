// c = a b, step 1: as the formula says.
//
// A thread makes one value of c from a row of a and a column of b; the 256 threads of a block stand below
// each other, each in a row of its own. Neighbours so read (and write) addresses that are a whole row apart:
// each of the 32 values that a warp asks for lies in another sector of 32 bytes. Bytes asked of memory: 8 per
// multiply-add. Arithmetic intensity 2 / 8 = 0.25 operations per byte. Order: one sum in the order of k.
#include "cuda/gpu.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

namespace {

constexpr int kThreads = 256;

__global__ void naive_kernel(Product p) {
  const std::int64_t i = thread_number();
  if (i >= p.c.batch * p.c.rows * p.c.cols) return;
  const std::int64_t row = i % p.c.rows, col = i / p.c.rows % p.c.cols, matrix = i / (p.c.rows * p.c.cols);
  float sum = 0;
  for (std::int64_t k = 0; k < p.a.cols; ++k) sum += p.a(matrix, row, k) * p.b(matrix, k, col);
  p.c(matrix, row, col) = sum;
}

void multiply(const Product& p) {
  launch<naive_kernel>({.blocks = blocks_for(p.c.batch * p.c.rows * p.c.cols, kThreads), .threads = kThreads},
                       p);
}

}  // namespace

namespace variants {
extern const Gemm gemm_v1_naive = {.name = "v1_naive", .multiply = multiply};
}

}  // namespace clearcut::cuda
