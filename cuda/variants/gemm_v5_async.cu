// c = a b, step 5: 16 bytes at a time, and the next step's tiles on their way while this step is multiplied.
//
// As step 4, a block of 64 threads makes 64 x 64 values of c, a thread 8 x 8. Copies to shared memory are
// cp.async of 16 bytes, straight from memory, no registers; there are two buffers, so that one fills while
// the other is read. Reads of shared memory take 16 bytes, too: four k of a row of a, four columns of b.
// Eight threads that are served together read the same 16 bytes of a and 8 neighbouring ones of b.
// Bytes from memory: as in step 4, 16 operations per byte. Needs a and b row by row in memory, rows beginning
// at multiples of 16 bytes.
// Order: one sum in the order of k.
#include "cuda/variants/row_tiles.cuh"

namespace clearcut::cuda {

namespace {

using row_tiles::kSide, row_tiles::kDepth, row_tiles::kChunk;
constexpr int kEach = 8, kAcross = kSide / kEach, kThreads = kAcross * kAcross, kStages = 2;

/// Four k: this thread's rows begin at `left`, 8 rows apart, its columns at `right`, 32 columns apart.
__device__ void multiply_add(const float* left, const float* right, float (&sum)[kEach][kEach]) {
  Pack<float> a[kEach];
  for (int i = 0; i < kEach; ++i) a[i] = load_pack(left + i * kAcross * kDepth);
  for (int k = 0; k < kChunk; ++k) {
    const Pack<float> b[2] = {load_pack(right + k * kSide), load_pack(right + k * kSide + kSide / 2)};
    for (int i = 0; i < kEach; ++i)
      for (int j = 0; j < kEach; ++j) sum[i][j] += a[i].v[k] * b[j / kChunk].v[j % kChunk];
  }
}

__global__ void __launch_bounds__(kThreads) async_kernel(Product p, std::int64_t down, std::int64_t across) {
  SHARED(float, left, [kStages][kSide * kDepth]);
  SHARED(float, right, [kStages][kDepth * kSide]);
  const int t = static_cast<int>(threadIdx.x), x = t % kAcross, y = t / kAcross;
  const std::int64_t tile = blockIdx.x, matrix = tile / (down * across);
  const std::int64_t row0 = tile / across % down * kSide, col0 = tile % across * kSide;
  p.a.data += matrix * p.a.batch_stride;
  p.b.data += matrix * p.b.batch_stride;
  float sum[kEach][kEach] = {};
  row_tiles::fetch<kThreads, kDepth, kSide>(p, row0, col0, 0, &left[0][0], &right[0][0]);
  int stage = 0;
  for (std::int64_t k0 = 0; k0 < p.a.cols; k0 += kDepth, stage = 1 - stage) {
    async_wait<0>();
    __syncthreads();  // this step's tiles are there, and everybody has read those of the last one
    row_tiles::fetch<kThreads, kDepth, kSide>(p, row0, col0, k0 + kDepth, &left[1 - stage][0],
                                              &right[1 - stage][0]);
    UNROLL
    for (int k = 0; k < kDepth; k += kChunk)
      multiply_add(&left[stage][y * kDepth + k], &right[stage][k * kSide + x * kChunk], sum);
  }
  async_wait<0>();
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) {
      const std::int64_t row = row0 + y + i * kAcross, col = col0 + x * kChunk + j / kChunk * 32 + j % kChunk;
      if (row < p.c.rows && col < p.c.cols) p.c(matrix, row, col) = sum[i][j];
    }
}

void multiply(const Product& p) {
  const std::int64_t down = blocks_for(p.c.rows, kSide), across = blocks_for(p.c.cols, kSide);
  launch<async_kernel>({.blocks = static_cast<unsigned>(p.c.batch * down * across), .threads = kThreads}, p,
                       down, across);
}

}  // namespace

namespace variants {
extern const Gemm gemm_v5_async = {.name = "v5_async", .multiply = multiply, .fits = row_tiles::fits};
}

}  // namespace clearcut::cuda
