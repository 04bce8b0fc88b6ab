// How well kernels use memory and arithmetic, counted in what nvcc made of them: exact numbers, no times.
#include <gtest/gtest.h>

#include "cuda/ptxsim/counters.h"
#include "tensor/cuda_device.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/matmul.h"

namespace clearcut::test {
namespace {

using ptxsim::Counted, ptxsim::Counters, ptxsim::Traffic;

constexpr double kSector = 32;  // bytes
constexpr double kTile = 64;    // rows and columns of a block's tile: cuda/tile_product.cuh

Tensor ones(const Shape& shape) { return Tensor::full(shape, 1, DType::kFloat32, Device::kCuda); }

class WithProducts {
 public:
  explicit WithProducts(CudaProducts products) { set_cuda_products(products); }
  ~WithProducts() { set_cuda_products(CudaProducts::kFloat32); }
};

/// What the kernel whose name starts with `name` did while body() ran.
template <class Body>
Counters counted(const std::string& name, const Body& body) {
  ptxsim::reset_counters();
  body();
  for (const auto& [kernel, counters] : ptxsim::counters())
    if (kernel.starts_with(name)) return counters;
  ADD_FAILURE() << "no kernel " << name << " ran";
  return {};
}

double share(std::uint64_t a, std::uint64_t b) { return static_cast<double>(a) / static_cast<double>(b); }

/// A product of `rows` x `terms` by `terms` x `cols` in tiles: no bank of shared memory is asked twice, what
/// is read lies in whole sectors, and each operand is read once per tile across it. `multiply_adds`: their
/// least share of the instructions of the main loop.
void expect_good_tiles(const Counters& c, double rows, double cols, double terms, double multiply_adds) {
  const Traffic load = c.global(Counted::kLoad), shared = c.shared();
  const double tiles_bytes = 4 * rows * cols * terms * 2 / kTile;
  const double bytes = kSector * static_cast<double>(load.units);
  const double in_loop = share(c.main_loop().count(Counted::kMultiplyAdd), c.main_loop().warps());
  SCOPED_TRACE(cat(c.name, ": sectors ", share(load.units, load.least_units), " of the least, bytes ",
                   bytes / tiles_bytes, " of the tiles', multiply-adds ", in_loop, " of the loop"));
  EXPECT_EQ(shared.units, shared.least_units);
  EXPECT_GT(shared.units, 0u);
  EXPECT_LE(share(load.units, load.least_units), 1.1);
  EXPECT_LE(bytes, 1.5 * tiles_bytes);
  EXPECT_GE(in_loop, multiply_adds);
  EXPECT_GE(static_cast<double>(32 * c.count(Counted::kMultiplyAdd)), rows * cols * terms);
}

TEST(PtxQuality, Products) {
  const std::int64_t n = 256;
  const auto product = [&](bool turn_b) {
    return counted("matmul_kernel", [&] {
      ops::matmul(ones({n, n}), ones({n, n}), {.transpose_b = turn_b});
    });
  };
  expect_good_tiles(product(false), n, n, n, 0.65);
  expect_good_tiles(product(true), n, n, n, 0.64);
}

// ResNet-50's 3x3 and 1x1 kernels on one picture of 32 x 32.
TEST(PtxQuality, Convolutions) {
  const Tensor x = ones({1, 64, 32, 32}), w3 = ones({64, 64, 3, 3}), w1 = ones({256, 64, 1, 1});
  const double pixels = 32 * 32;
  expect_good_tiles(counted("conv2d_kernel", [&] { ops::conv2d(x, w3, {}, {.padding = 1}); }), pixels, 64,
                    64 * 9, 0.45);
  expect_good_tiles(counted("conv2d_", [&] { ops::conv2d(x, w1); }), pixels, 256, 64, 0.64);
}

// On tensor cores the same tiles are read. An mma makes 16 x 8 sums of 8 (tf32) or 16 terms.
TEST(PtxQuality, TensorCores) {
  const std::int64_t n = 128;
  for (const CudaProducts products : {CudaProducts::kTf32, CudaProducts::kBf16, CudaProducts::kF16}) {
    const WithProducts with(products);
    for (const bool turn_b : {false, true}) {
      const Counters c = counted("matmul_kernel", [&] {
        ops::matmul(ones({n, n}), ones({n, n}), {.transpose_b = turn_b});
      });
      const std::int64_t depth = products == CudaProducts::kTf32 ? 8 : 16;
      EXPECT_EQ(c.count(Counted::kMatrix), static_cast<std::uint64_t>(n / 16 * (n / 8) * (n / depth)));
      const Traffic load = c.global(Counted::kLoad), shared = c.shared();
      EXPECT_EQ(shared.units, shared.least_units);
      EXPECT_LE(share(load.units, load.least_units), 1.1);
    }
  }
}

// Each byte is read and written once.
TEST(PtxQuality, PointwiseKernelsMoveEachByteOnce) {
  const std::int64_t n = 1 << 14;
  const Tensor x = ones({n}), y = ones({n});
  const double bytes = 4.0 * static_cast<double>(n);
  const auto expect_once = [&](const Counters& c, double reads) {
    EXPECT_LE(kSector * static_cast<double>(c.global(Counted::kLoad).units), 1.05 * reads * bytes);
    EXPECT_LE(kSector * static_cast<double>(c.global(Counted::kStore).units), 1.05 * bytes);
    EXPECT_GE(kSector * static_cast<double>(c.global(Counted::kStore).units), bytes);
  };
  expect_once(counted("same_shape_kernel", [&] { ops::add(x, y); }), 2);
  expect_once(counted("pointwise_kernel", [&] { ops::pointwise(pointwise::relu{}, x); }), 1);
}

}  // namespace
}  // namespace clearcut::test
