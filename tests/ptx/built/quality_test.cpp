// How well kernels use memory and arithmetic, counted in what nvcc made of them: exact numbers, no times.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "cuda/ptxsim/counters.h"
#include "cuda/ptxsim/cudart/fat_binary.h"
#include "tensor/cuda_device.h"
#include "tensor/ops/adamw.h"
#include "tensor/ops/add_products.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/batch_norm.h"
#include "tensor/ops/clamp_mask.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/dropout.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/matmul.h"
#include "tensor/ops/sgd.h"
#include "tensor/random.h"

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

/// The share of 16-byte loads among the loads from shared memory in the main loop.
double wide_loads(const Counters& loop) {
  std::uint64_t wide = 0, all = 0;
  for (const ptxsim::Module* module : ptxsim::all_modules()) {
    const auto kernel = module->kernels.find(loop.mangled);
    if (kernel == module->kernels.end() || kernel->second.code.size() != loop.sites.size()) continue;
    for (std::size_t i = 0; i < loop.sites.size(); ++i) {
      const std::string& opcode = kernel->second.code[i].opcode;
      if (!opcode.starts_with("ld.shared")) continue;
      all += loop.sites[i].warps;
      if (opcode.find(".v4.") != std::string::npos) wide += loop.sites[i].warps;
    }
  }
  return share(wide, all);
}

/// What is asked of a product of `rows` x `terms` by `terms` x `cols`.
struct Wanted {
  double rows, cols, terms;
  double useful;  // least share of multiply-adds, or of mma, in the instructions of the main loop
};

/// No bank of shared memory is asked twice, and loads from it take 16 bytes; what is read lies in whole
/// sectors; each operand is read once per tile across it.
void expect_good_tiles(const Counters& c, const Wanted& wanted) {
  const Counters loop = c.main_loop();
  const Traffic load = c.global(Counted::kLoad), shared = c.shared();
  const double tiles_bytes = 4 * wanted.rows * wanted.cols * wanted.terms * 2 / kTile;
  const double bytes = kSector * static_cast<double>(load.units);
  const double useful = share(loop.count(Counted::kMultiplyAdd) + loop.count(Counted::kMatrix), loop.warps());
  const std::string found =
      cat(c.name, ": sectors ", share(load.units, load.least_units), " of the least, bytes ",
          bytes / tiles_bytes, " of the tiles', multiply-adds or mma ", useful,
          " of the loop, 16-byte loads ", wide_loads(loop), " of those from shared memory");
  SCOPED_TRACE(found);
  if (std::getenv("CLEARCUT_PTX_COUNTERS") != nullptr) std::cout << found << "\n";
  EXPECT_EQ(shared.units, shared.least_units);
  EXPECT_GT(shared.units, 0u);
  // All of them, but for one of 65 to 80 in the float convolution, which nvcc 13 splits in two for sm_80.
  EXPECT_GE(wide_loads(loop), 0.98);
  EXPECT_LE(share(load.units, load.least_units), 1.1);
  EXPECT_LE(bytes, 1.5 * tiles_bytes);
  EXPECT_GE(useful, wanted.useful);
}

// Four of the 256 blocks of a product of 1024 x 1024 x 1024: each does what it does in the whole.
Counters product_of_1024(bool turn_b) {
  constexpr std::int64_t n = 1024, part = 128;
  const Tensor a = ones({n, n}), b = ones({n, n}), c = ones({n, n});
  return counted("matmul_kernel", [&] {
    kernels::matmul(Cuda{}, kernels::Matrices<const float>{a.data<const float>(), 1, part, n, 0, n, 1},
                    {b.data<const float>(), 1, n, part, 0, turn_b ? 1 : n, turn_b ? n : 1},
                    kernels::Matrices<float>{c.data<float>(), 1, part, part, 0, n, 1});
  });
}

// Layers of ResNet-50 with a share of their blocks: 8 of 56 rows of a picture, 64 of 256 output channels.
struct Layer {
  std::int64_t C, H, W, K, kernel;
};
const Layer kThree56{64, 8, 56, 64, 3}, kThree14{256, 14, 14, 64, 3}, kOne56{64, 8, 56, 256, 1};

Counters convolution(const Layer& l) {
  const Tensor x = ones({1, l.C, l.H, l.W}), w = ones({l.K, l.C, l.kernel, l.kernel});
  return counted("conv2d_kernel", [&] { ops::conv2d(x, w, {}, {.padding = l.kernel / 2}); });
}
Wanted wanted(const Layer& l, double useful) {
  return {static_cast<double>(l.H * l.W), static_cast<double>(l.K),
          static_cast<double>(l.C * l.kernel * l.kernel), useful};
}

TEST(PtxQuality, Products) {
  for (const bool turn_b : {false, true}) expect_good_tiles(product_of_1024(turn_b), {128, 128, 1024, 0.7});
}

TEST(PtxQuality, Convolutions) {
  expect_good_tiles(convolution(kThree56), wanted(kThree56, 0.7));
  expect_good_tiles(convolution(kThree14), wanted(kThree14, 0.7));
  expect_good_tiles(convolution(kOne56), wanted(kOne56, 0.7));
}

// On tensor cores the same tiles are read. An mma makes 16 x 8 sums of 8 (tf32) or 16 terms; beside each, its
// operands are read (half an instruction) and rounded (two).
TEST(PtxQuality, TensorCores) {
  for (const CudaProducts products : {CudaProducts::kTf32, CudaProducts::kBf16, CudaProducts::kF16}) {
    const WithProducts with(products);
    const std::uint64_t depth = products == CudaProducts::kTf32 ? 8 : 16;
    const double useful = products == CudaProducts::kTf32 ? 0.1 : 0.06;
    for (const bool turn_b : {false, true}) {
      const Counters c = product_of_1024(turn_b);
      EXPECT_EQ(c.count(Counted::kMatrix), 128 / 16 * (128 / 8) * (1024 / depth));
      expect_good_tiles(c, {128, 128, 1024, useful});
    }
    expect_good_tiles(convolution(kOne56), wanted(kOne56, useful));
    expect_good_tiles(convolution(kThree14), wanted(kThree14, useful / 2));
  }
}

/// Loads or stores `bytes` for each value, at most a twentieth more.
void expect_once(const Counters& c, Counted what, std::int64_t values, double bytes) {
  const double moved = kSector * static_cast<double>(c.global(what).units) / static_cast<double>(values);
  const std::string found =
      cat(c.name, ": ", moved, " bytes ", what == Counted::kLoad ? "read" : "written", " a value");
  SCOPED_TRACE(found);
  if (std::getenv("CLEARCUT_PTX_COUNTERS") != nullptr) std::cout << found << "\n";
  EXPECT_LE(moved, 1.05 * bytes);
  EXPECT_GE(moved, bytes);
}
void expect_once(const Counters& c, std::int64_t values, double bytes_read, double bytes_written) {
  expect_once(c, Counted::kLoad, values, bytes_read);
  expect_once(c, Counted::kStore, values, bytes_written);
}

constexpr std::int64_t kValues = 1 << 14;

TEST(PtxQuality, PointwiseKernelsMoveEachByteOnce) {
  const Tensor x = ones({kValues}), y = ones({kValues}), sum = x.to(DType::kFloat64);
  const auto expect = [](const Counters& c, double bytes_read, double bytes_written) {
    expect_once(c, kValues, bytes_read, bytes_written);
  };
  expect(counted("same_shape_kernel", [&] { ops::add(x, y); }), 8, 4);
  expect(counted("pointwise_kernel", [&] { ops::pointwise(pointwise::relu{}, x); }), 4, 4);
  expect(counted("convert_kernel", [&] { x.to(DType::kFloat64); }), 4, 8);
  expect(counted("clamp_mask_kernel", [&] { ops::clamp_mask(x, 0, 1); }), 4, 1);
  expect(counted("add_products_kernel", [&] { ops::add_products(sum, x, y, 0.5); }), 16, 8);
  expect(counted("masked_kernel", [&, mask = ops::clamp_mask(x, 0, 2)] { ops::masked(y, mask); }), 5, 4);
  expect(counted("fill_kernel", [&] { RandomStream(1, "q").fill_uniform(x, 0, 1); }), 0, 4);
  // Beside its 128 values a warp reads five words of their picture's key and counter, a sector each.
  expect(counted("dropout_kernel",
                 [&] {
                   ops::dropout(x.reshape({4, kValues / 4}), {});
                 }),
         4 + 5 * kSector / 128, 4);
}

TEST(PtxQuality, OptimisersMoveEachByteOnce) {
  const Tensor w = ones({kValues}), g = ones({kValues}), m = ones({kValues}), v = ones({kValues});
  expect_once(counted("sgd_kernel", [&] { ops::sgd_update({{w, v, g, {}}}); }), kValues, 12, 8);
  expect_once(counted("adamw_kernel", [&] { ops::adamw_update({{w, m, v, g, {}}}); }), kValues, 16, 12);
}

// A channel's 2,048 values are read once for their moments; so are dy and x for the backward pass's sums.
TEST(PtxQuality, SumsOverChannelsReadEachByteOnce) {
  const Tensor x = ones({4, 8, 32, 16}), channel = ones({8});
  const ops::ChannelStatistics s{channel, channel, channel};
  expect_once(counted("moments_kernel", [&] { ops::batch_norm_training(x, 1e-5, channel, channel); }),
              Counted::kLoad, kValues, 4);
  expect_once(counted("channel_sums_kernel", [&] { ops::batch_norm_backward(x, x, s, channel, {}); }),
              Counted::kLoad, kValues, 8);
}

}  // namespace
}  // namespace clearcut::test
