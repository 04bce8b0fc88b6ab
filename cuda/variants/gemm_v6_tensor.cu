// c = a b, step 6: tensor cores. Operands are rounded to tf32 (10 bits behind the point), sums are in float.
//
// A block of 128 threads makes 64 x 64 values of c, each of its 4 warps 32 x 32: 2 x 4 products of 16 x 8 by
// 8 (mma.sync), of which one is 1024 multiply-adds in one instruction of a warp. Copies are those of step 5.
// Rows of a lie 20 floats apart in shared memory, those of b 72: the 32 values that a warp reads for a
// fragment are in 32 banks; copies of a pay for it with a second pass.
// Bytes from memory: 16 operations per byte as before, but the arithmetic is so fast that memory and shared
// memory are what limits now. Needs a and b row by row in memory, rows beginning at multiples of 16 bytes.
// Order: k in steps of 8, inside them that of the tensor core.
#include "cuda/tensor_core.cuh"
#include "cuda/variants/row_tiles.cuh"

namespace clearcut::cuda {

namespace {

using row_tiles::kSide, row_tiles::kDepth;
constexpr int kThreads = 128, kStages = 2, kDown = 2, kAcross = 4;
constexpr int kLeftRow = kDepth + 4, kRightRow = kSide + 8;

/// Eight k: this warp's rows begin at `left`, its columns at `right`. Fragments: cuda/tensor_core.cuh.
__device__ void multiply_add(const float* left, const float* right, float (&sum)[kDown][kAcross][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  unsigned a[kDown][4], b[kAcross][2];
  for (int i = 0; i < kDown; ++i)
    for (int part = 0; part < 4; ++part)
      a[i][part] = to_tf32(left[(i * 16 + part % 2 * 8 + g) * kLeftRow + part / 2 * 4 + t]);
  for (int j = 0; j < kAcross; ++j)
    for (int part = 0; part < 2; ++part) b[j][part] = to_tf32(right[(part * 4 + t) * kRightRow + j * 8 + g]);
  for (int i = 0; i < kDown; ++i)
    for (int j = 0; j < kAcross; ++j) mma_tf32(sum[i][j], a[i], b[j]);
}

__global__ void __launch_bounds__(kThreads) tensor_kernel(Product p, std::int64_t down, std::int64_t across) {
  SHARED(float, left, [kStages][kSide * kLeftRow]);
  SHARED(float, right, [kStages][kDepth * kRightRow]);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int warp_row = warp / 2 * 32, warp_col = warp % 2 * 32;
  const std::int64_t tile = blockIdx.x, matrix = tile / (down * across);
  const std::int64_t row0 = tile / across % down * kSide, col0 = tile % across * kSide;
  p.a.data += matrix * p.a.batch_stride;
  p.b.data += matrix * p.b.batch_stride;
  float sum[kDown][kAcross][4] = {};
  row_tiles::fetch<kThreads, kLeftRow, kRightRow>(p, row0, col0, 0, &left[0][0], &right[0][0]);
  int stage = 0;
  for (std::int64_t k0 = 0; k0 < p.a.cols; k0 += kDepth, stage = 1 - stage) {
    async_wait<0>();
    __syncthreads();  // this step's tiles are there, and everybody has read those of the last one
    row_tiles::fetch<kThreads, kLeftRow, kRightRow>(p, row0, col0, k0 + kDepth, &left[1 - stage][0],
                                                    &right[1 - stage][0]);
    UNROLL
    for (int k = 0; k < kDepth; k += 8)
      multiply_add(&left[stage][warp_row * kLeftRow + k], &right[stage][k * kRightRow + warp_col], sum);
  }
  async_wait<0>();
  for (int i = 0; i < kDown; ++i)
    for (int j = 0; j < kAcross; ++j)
      for (int e = 0; e < 4; ++e) {
        const std::int64_t row = row0 + warp_row + i * 16 + e / 2 * 8 + lane / 4,
                           col = col0 + warp_col + j * 8 + lane % 4 * 2 + e % 2;
        if (row < p.c.rows && col < p.c.cols) p.c(matrix, row, col) = sum[i][j][e];
      }
}

void multiply(const Product& p) {
  const std::int64_t down = blocks_for(p.c.rows, kSide), across = blocks_for(p.c.cols, kSide);
  launch<tensor_kernel>({.blocks = static_cast<unsigned>(p.c.batch * down * across), .threads = kThreads}, p,
                        down, across);
}

}  // namespace

namespace variants {
extern const Gemm gemm_v6_tensor = {
    .name = "v6_tensor", .multiply = multiply, .fits = row_tiles::fits, .rounding = 0x1p-11};
}

}  // namespace clearcut::cuda
