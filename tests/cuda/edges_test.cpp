// Edges that random numbers rarely meet: ties, NaN, values beside a window that would win, labels just
// outside, gradients that nobody asked for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/ops/arithmetic.h"
#include "tensor/ops/batch_norm.h"
#include "tensor/ops/cross_entropy.h"
#include "tensor/ops/max_pool2d.h"
#include "tensor/ops/reduce.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

// The value at `at` and everything behind it are equal: the first counts. A NaN is larger than all, and again
// the first of them counts. Rows shorter and longer than a warp and a block, whole or with a stride.
TEST(CudaEdges, OfEqualMaximaTheFirstCounts) {
  for (const std::int64_t n : {1, 5, 32, 33, 97, 128, 129, 300})
    for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1})
      for (const float top : {1.0F, NAN}) {
        std::vector<float> row(static_cast<std::size_t>(n), 0);
        std::fill(row.begin() + at, row.end(), top);
        const Tensor x = Tensor::from<float>({1, n}, row, Device::kCuda);
        EXPECT_EQ(ops::max(x, 1).indices.values<std::int64_t>()[0], at) << n << " values of " << top;
        EXPECT_EQ(ops::max(x.reshape({n, 1}), 0).indices.values<std::int64_t>()[0], at)
            << n << " values of " << top;
      }
}

// Many values are equal, the largest stand at the borders, some are NaN, two in one window: whatever lies
// beside a window would win. Indices are those of Reference, which takes the first of equals.
TEST(CudaEdges, MaximaOfWindows) {
  const ops::MaxPoolOptions window{.kernel = 3, .stride = 2, .padding = {1, 1, 1, 1}};
  std::vector<float> values;
  for (int plane = 0; plane < 6; ++plane)
    for (int h = 0; h < 7; ++h)
      for (int w = 0; w < 9; ++w) {
        const bool border = h == 0 || h == 6 || w == 0 || w == 8;
        const int drawn = (plane * 31 + h * 17 + w * 7) % 11;
        values.push_back((drawn == 10 || drawn == 2) && plane % 2 == 1
                             ? NAN
                             : static_cast<float>(drawn % 3 + (border ? 2 * (plane % 3) : 0)));
      }
  const auto indices = [&](Device device) {
    return ops::max_pool2d(Tensor::from<float>({2, 3, 7, 9}, values, device), window)
        .index.values<std::int32_t>();
  };
  EXPECT_EQ(indices(Device::kCuda), indices(Device::kReference));
}

// One value for all, on either side.
TEST(CudaEdges, OneValueAndARow) {
  const Tensor row = Tensor::from<float>({5}, {1, 2, 3, 4, 5}, Device::kCuda),
               one = Tensor::from<float>({1}, {10}, Device::kCuda);
  EXPECT_EQ(ops::add(row, one).values<float>(), (std::vector<float>{11, 12, 13, 14, 15}));
  EXPECT_EQ(ops::sub(one, row).values<float>(), (std::vector<float>{9, 8, 7, 6, 5}));
}

// Each wrong label alone: just below the classes, just above them.
TEST(CudaEdges, LabelsJustOutsideAreNamed) {
  for (const std::int64_t wrong : {-1, 3}) {
    const Tensor labels = Tensor::zeros({1, 4, 4}, DType::kInt64);
    labels.data<std::int64_t>()[6] = wrong;
    const Tensor z = Tensor::zeros({1, 3, 4, 4}, DType::kFloat32, Device::kCuda);
    expect_error([&] { ops::cross_entropy(z, labels.to(Device::kCuda), {.ignore_index = 255}); },
                 cat("got ", wrong, " at [n 0, y 1, x 2]"));
  }
}

// Gradients of weight and bias with or without those of x and of what was added.
TEST(CudaEdges, BatchNormGradientsThatNobodyAskedFor) {
  const auto drawn = [](const Shape& shape, const char* name, Device device) {
    Tensor x(shape);
    RandomStream(6, name).fill_normal(x, 0, 1);
    return x.to(DType::kFloat64).to(device);
  };
  const auto run = [&](Device device, bool need_dx, bool need_residual) {
    const Tensor x = drawn({2, 3, 5, 1}, "x", device), weight = drawn({3}, "weight", device),
                 bias = drawn({3}, "bias", device);
    const auto [y, statistics] = ops::batch_norm_training(x, 1e-5, weight, bias, {.low = 0});
    return ops::batch_norm_backward(
        drawn(x.shape(), "dy", device), x, statistics, weight,
        {.need_dx = need_dx, .need_residual = need_residual, .low = 0, .y = y, .bias = bias});
  };
  for (const bool need_dx : {false, true})
    for (const bool need_residual : {false, true}) {
      const auto got = run(Device::kCuda, need_dx, need_residual),
                 expected = run(Device::kReference, need_dx, need_residual);
      EXPECT_EQ(got.dx.defined(), need_dx);
      EXPECT_EQ(got.dresidual.defined(), need_residual);
      // Doubles near 1, sums of ten: an eps for each addition.
      test::expect_close(got.dweight, expected.dweight, 1e-14, "dweight");
      test::expect_close(got.dbias, expected.dbias, 1e-14, "dbias");
      if (need_dx) test::expect_close(got.dx, expected.dx, 1e-14, "dx");
      if (need_residual) test::expect_close(got.dresidual, expected.dresidual, 0, "dresidual");
    }
}

}  // namespace
}  // namespace clearcut
