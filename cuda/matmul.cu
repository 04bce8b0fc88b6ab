// Matrix products: the tiles of cuda/tile_product.cuh over matrices.
//
// A block makes a tile of 64 x 64 of c. Each value of a is read from memory once per 64 columns of c, each of
// b once per 64 rows. Whichever stride of a or b is 1, neighbouring threads read neighbours in memory, 16
// bytes at a time where rows start at multiples of 16 bytes. Each element is one sum in the order of k: the
// bits do not depend on the launch, nor on other rows.
//
// `--kernels gemm=NAME` puts another product in its place: tensor/cuda_variants.h.
#include "tensor/ops/matmul.h"

#include <algorithm>

#include "cuda/tile_product.cuh"
#include "tensor/cuda_variants.h"

namespace clearcut::kernels {

namespace {

using cuda::Along, cuda::MatrixOperand, cuda::MatrixOut, cuda::TileGrid;

/// Whether rows so far apart begin at multiples of 16 bytes.
template <class T>
bool whole_packs(const T* data, std::initializer_list<std::int64_t> strides) {
  return cuda::may_pack(data) &&
         std::ranges::all_of(strides, [](std::int64_t stride) { return stride % cuda::Pack<T>::kSize == 0; });
}

template <class T, class Math, Along along_a, Along along_b>
__global__ void __launch_bounds__(Math::kThreads, cuda::kTileBlocks)
    matmul_kernel(MatrixOperand<T, along_a> a, std::int64_t a_batch, MatrixOperand<T, along_b> b,
                  std::int64_t b_batch, MatrixOut<T> c, std::int64_t c_batch, std::int64_t terms,
                  TileGrid tiles) {
  const auto [matrix, row0, col0] = tiles.at(blockIdx.x);
  a.data += matrix * a_batch;
  b.data += matrix * b_batch;
  c.data += matrix * c_batch;
  cuda::tile_product<T, Math>(a, row0, b, col0, 0, static_cast<int>(terms), c);
}

/// Rows of a, or columns of b, as the sides of an operand; `far` is the stride that is not 1.
template <class T, Along along>
MatrixOperand<T, along> operand(const Matrices<const T>& m, std::int64_t sides, std::int64_t far) {
  return {m.data, sides, far, whole_packs<T>(m.data, {far, m.batch_stride})};
}

constexpr int kThreads = 256;

// A thread adds to one value of y; the bias comes from the cache.
template <class T>
__global__ void __launch_bounds__(kThreads, 4) add_to_rows_kernel(Flat<const T> bias, Rows<T> y) {
  const std::int64_t i = cuda::thread_number();
  if (i < y.rows * y.cols) y.data[i] += bias[i % y.cols];
}

template <class T>
void default_matmul(Matrices<const T> a, Matrices<const T> b, Matrices<T> c) {
  check(a.cols <= cuda::kMostTerms, "matmul", "a CUDA kernel adds up to ", cuda::kMostTerms,
        " terms; got K = ", a.cols);
  const TileGrid tiles(c.batch, c.rows, c.cols);
  const bool rows_packed =
      c.col_stride == 1 && whole_packs<T>(c.data, {c.row_stride, c.batch_stride, c.cols});
  const MatrixOut<T> out{c.data, c.rows, c.cols, c.row_stride, c.col_stride, rows_packed};
  const auto run = [&]<Along along_a, Along along_b>() {
    cuda::tile::with_math<T>([&]<class Math>() {
      cuda::launch<matmul_kernel<T, Math, along_a, along_b>>(
          cuda::launch_grid<Math>(tiles),
          operand<T, along_a>(a, c.rows, along_a == Along::kDepth ? a.row_stride : a.col_stride),
          a.batch_stride,
          operand<T, along_b>(b, c.cols, along_b == Along::kDepth ? b.col_stride : b.row_stride),
          b.batch_stride, out, c.batch_stride, a.cols, tiles);
    });
  };
  const bool a_deep = a.col_stride == 1, b_deep = b.row_stride == 1;
  if (a_deep && b_deep) return run.template operator()<Along::kDepth, Along::kDepth>();
  if (a_deep) return run.template operator()<Along::kDepth, Along::kSide>();
  if (b_deep) return run.template operator()<Along::kSide, Along::kDepth>();
  run.template operator()<Along::kSide, Along::kSide>();
}

}  // namespace

template <class T>
void matmul(Cuda, Matrices<const T> a, Matrices<const T> b, Matrices<T> c) {
  if constexpr (sizeof(T) == sizeof(float))
    if (const cuda::Gemm* gemm = cuda::preferred({a, b, c})) return gemm->multiply({a, b, c});
  default_matmul(a, b, c);
}

template <class T>
void add_to_rows(Cuda, Flat<const T> bias, Rows<T> y) {
  cuda::launch<add_to_rows_kernel<T>>(cuda::one_each(y.rows * y.cols, kThreads), bias, y);
}

template void matmul(Cuda, Matrices<const float>, Matrices<const float>, Matrices<float>);
template void matmul(Cuda, Matrices<const double>, Matrices<const double>, Matrices<double>);
template void add_to_rows(Cuda, Flat<const float>, Rows<float>);
template void add_to_rows(Cuda, Flat<const double>, Rows<double>);

}  // namespace clearcut::kernels

namespace clearcut::cuda::variants {
extern const Gemm gemm_default = {
    .name = "default", .multiply = [](const Product& p) { kernels::default_matmul(p.a, p.b, p.c); }};
}
