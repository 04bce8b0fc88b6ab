// Matrix products on CUDA cores.
//
// A block of 256 threads makes a tile of 64 x 64 of c, 8 deep at a time: it copies a 64 x 8 tile of a and an
// 8 x 64 tile of b to shared memory while the tiles before are multiplied (two buffers, one barrier per
// step). A thread makes 4 x 4 elements: per k it reads 8 values for 16 multiply-adds. Each value of a is read
// from memory once per 64 columns of c, each of b once per 64 rows: 2 * 64 * 8 values for 64 * 64 * 8
// multiply-adds, in float 8 operations per byte. Whichever stride of a or b is 1, neighbouring threads read
// neighbours in memory. Each element is one sum in the order of k: the bits do not depend on the launch, nor
// on other rows.
#include "tensor/ops/matmul.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kTile = 64, kDepth = 8, kThreads = 256, kEach = 4;
constexpr int kLoads = kTile * kDepth / kThreads;  // values of each tile that a thread copies
// Rows of the shared tiles start 4 values apart from a multiple of 32: writes of neighbouring k do not meet
// in one bank, and groups of four stay aligned.
constexpr int kPitch = kTile + 4;

// Which element of a tile thread t copies as its i-th: neighbours along k or along the other side.
struct Element {
  int k, side;
};
__device__ inline Element element_of(int i, bool along_k) {
  const int e = static_cast<int>(threadIdx.x) + i * kThreads;
  return along_k ? Element{e % kDepth, e / kDepth} : Element{e / kTile, e % kTile};
}

template <class T>
__global__ void matmul_kernel(Matrices<const T> a, Matrices<const T> b, Matrices<T> c,
                              std::int64_t tiles_down, std::int64_t tiles_across) {
  SHARED(T, left, [2][kDepth][kPitch]);
  SHARED(T, right, [2][kDepth][kPitch]);
  const std::int64_t block = blockIdx.x, matrix = block / (tiles_down * tiles_across);
  const std::int64_t row0 = block / tiles_across % tiles_down * kTile, col0 = block % tiles_across * kTile;
  const bool a_along_k = a.col_stride == 1, b_along_k = b.row_stride == 1;
  T from_a[kLoads], from_b[kLoads];
  const auto fetch = [&](std::int64_t k0) {
    for (int i = 0; i < kLoads; ++i) {
      const Element ea = element_of(i, a_along_k), eb = element_of(i, b_along_k);
      const std::int64_t row = row0 + ea.side, col = col0 + eb.side;
      from_a[i] = row < c.rows && k0 + ea.k < a.cols ? a(matrix, row, k0 + ea.k) : T(0);
      from_b[i] = col < c.cols && k0 + eb.k < a.cols ? b(matrix, k0 + eb.k, col) : T(0);
    }
  };
  const auto store = [&](int buffer) {
    for (int i = 0; i < kLoads; ++i) {
      const Element ea = element_of(i, a_along_k), eb = element_of(i, b_along_k);
      left[buffer][ea.k][ea.side] = from_a[i];
      right[buffer][eb.k][eb.side] = from_b[i];
    }
  };
  const int down = static_cast<int>(threadIdx.x) / 16 * kEach,
            across = static_cast<int>(threadIdx.x) % 16 * kEach;
  T sum[kEach][kEach] = {};
  fetch(0);
  store(0);
  __syncthreads();
  int buffer = 0;
  for (std::int64_t k0 = 0; k0 < a.cols; k0 += kDepth) {
    const bool more = k0 + kDepth < a.cols;
    if (more) fetch(k0 + kDepth);
    for (int k = 0; k < kDepth; ++k) {
      T va[kEach], vb[kEach];
      for (int i = 0; i < kEach; ++i) va[i] = left[buffer][k][down + i];
      for (int j = 0; j < kEach; ++j) vb[j] = right[buffer][k][across + j];
      for (int i = 0; i < kEach; ++i)
        for (int j = 0; j < kEach; ++j) sum[i][j] += va[i] * vb[j];
    }
    buffer ^= 1;
    if (more) store(buffer);
    __syncthreads();
  }
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j)
      if (row0 + down + i < c.rows && col0 + across + j < c.cols)
        c(matrix, row0 + down + i, col0 + across + j) = sum[i][j];
}

// A thread adds to one value of y; the bias comes from the cache.
template <class T>
__global__ void add_to_rows_kernel(Flat<const T> bias, Rows<T> y) {
  const std::int64_t i = cuda::thread_number();
  if (i < y.rows * y.cols) y.data[i] += bias[i % y.cols];
}

}  // namespace

template <class T>
void matmul(Cuda, Matrices<const T> a, Matrices<const T> b, Matrices<T> c) {
  const std::int64_t down = (c.rows + kTile - 1) / kTile, across = (c.cols + kTile - 1) / kTile;
  cuda::launch<matmul_kernel<T>>(
      {.blocks = static_cast<unsigned>(c.batch * down * across), .threads = kThreads}, a, b, c, down, across);
}

template <class T>
void add_to_rows(Cuda, Flat<const T> bias, Rows<T> y) {
  cuda::launch<add_to_rows_kernel<T>>(
      {.blocks = cuda::blocks_for(y.rows * y.cols, kThreads), .threads = kThreads}, bias, y);
}

template void matmul(Cuda, Matrices<const float>, Matrices<const float>, Matrices<float>);
template void matmul(Cuda, Matrices<const double>, Matrices<const double>, Matrices<double>);
template void add_to_rows(Cuda, Flat<const float>, Rows<float>);
template void add_to_rows(Cuda, Flat<const double>, Rows<double>);

}  // namespace clearcut::kernels
