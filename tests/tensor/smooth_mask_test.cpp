// Smooth masks and their gradients on each device: by hand, against differences, and in every order.
#include "tensor/ops/smooth_mask.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/cuda/orders.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

class SmoothMask : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, SmoothMask,
                         testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

Tensor uniform(const Shape& shape, const char* name, Device device) {
  Tensor x(shape, DType::kFloat64);
  RandomStream(1, name).fill_uniform(x, 0, 1);
  return x.to(device);
}

// One parameter, under 43 x 43 pixels, in the midst of the 21st row and column.
TEST_P(SmoothMask, OfOneParameter) {
  const ops::SmoothMask mask = ops::smooth_mask(Tensor::full({1, 1, 1}, 1, DType::kFloat64, GetParam()),
                                                ops::mask_weights(GetParam()));
  ASSERT_EQ(mask.m.shape(), Shape({1, 43, 43}));
  const auto m = mask.m.values<double>(), sum = mask.sum.values<double>();
  const auto expect = [&](std::size_t y, std::size_t x, double v) {
    const double e = std::exp(20 * v);
    EXPECT_NEAR(m[y * 43 + x], v * e / (80 + e), 1e-14) << y << " " << x;
    EXPECT_NEAR(sum[y * 43 + x], 80 + e, 1e-14 * (80 + e)) << y << " " << x;
  };
  expect(21, 21, 1);
  expect(21, 11, 1);               // within half of sigma
  expect(21, 42, std::exp(-0.5));  // sigma away
  expect(0, 21, std::exp(-0.5));
  const double z = std::sqrt(2.0) - 0.5;
  expect(0, 42, std::exp(-2 * z * z));
  expect(42, 0, std::exp(-2 * z * z));
}

TEST_P(SmoothMask, OfZerosIsZero) {
  const ops::SmoothMask mask =
      ops::smooth_mask(Tensor::zeros({2, 2, 3}, DType::kFloat64, GetParam()), ops::mask_weights(GetParam()));
  EXPECT_EQ(mask.m.values<double>(), std::vector<double>(2 * 50 * 57));
  EXPECT_EQ(mask.sum.values<double>(), std::vector<double>(2 * 50 * 57, 81));
}

// Each mask of a batch, every parameter: with one of 0, which passes a gradient too, and pixels without one.
TEST_P(SmoothMask, GradientIsThatOfTheMask) {
  const Tensor weights = ops::mask_weights(GetParam());
  std::vector<double> p = uniform({2, 2, 3}, "p", Device::kCpu).values<double>();
  p[4] = 0;
  std::vector<double> dm(2 * 50 * 57);
  for (std::size_t i = 0; i < dm.size(); ++i)
    dm[i] = i % 7 == 0 ? 0 : RandomStream(1, "dm").normal(static_cast<std::int64_t>(i));
  const auto at = [&](const std::vector<double>& values) {
    return ops::smooth_mask(Tensor::from<double>({2, 2, 3}, values, GetParam()), weights);
  };
  const auto loss = [&](const std::vector<double>& values) {
    const auto m = at(values).m.values<double>();
    EXPECT_TRUE(*std::min_element(m.begin(), m.end()) >= 0 && *std::max_element(m.begin(), m.end()) <= 1);
    return std::inner_product(m.begin(), m.end(), dm.begin(), 0.0);
  };
  const auto dp = ops::smooth_mask_backward(Tensor::from<double>({2, 2, 3}, p, GetParam()), at(p),
                                            Tensor::from<double>({2, 50, 57}, dm, GetParam()), weights)
                      .values<double>();
  for (std::size_t i = 0; i < p.size(); ++i) {
    std::vector<double> high = p, low = p;
    high[i] += 1e-5;
    low[i] = std::max(0.0, p[i] - 1e-5);
    const double numeric = (loss(high) - loss(low)) / (high[i] - low[i]);
    // The third derivatives times 1e-10; one-sided, the second times 1e-5.
    EXPECT_NEAR(dp[i], numeric, (p[i] > 0 ? 1e-6 : 1e-3) * std::max(1.0, std::abs(numeric))) << i;
  }
}

struct Both {
  std::vector<double> m, dp;
};

// 9 blocks of pixels, the last not full, and more parameters than are around one pixel.
Both both(Device device) {
  const Tensor p = uniform({1, 12, 1}, "p", device), weights = ops::mask_weights(device);
  const ops::SmoothMask mask = ops::smooth_mask(p, weights);
  const Tensor dm = uniform(mask.m.shape(), "dm", device);
  return {mask.m.values<double>(), ops::smooth_mask_backward(p, mask, dm, weights).values<double>()};
}

TEST(SmoothMaskBits, AreThoseOfAnyNumberOfThreads) {
  set_threads(1);
  const Both one = both(Device::kCpu);
  set_threads(3);
  const Both three = both(Device::kCpu);
  set_threads(0);
  EXPECT_EQ(one.m, three.m);
  EXPECT_EQ(one.dp, three.dp);
}

TEST(SmoothMaskBits, AreTheSameInEveryOrder) {
  const Both expected = both(Device::kReference), first = both(Device::kCuda);
  for (std::size_t u = 0; u < expected.m.size(); ++u)
    ASSERT_NEAR(first.m[u], expected.m[u], 1e-14) << u;  // a few roundings of numbers below 1
  for (std::size_t i = 0; i < expected.dp.size(); ++i)   // sums of up to 3969 terms in another order
    ASSERT_NEAR(first.dp[i], expected.dp[i], 1e-12 * std::abs(expected.dp[i])) << i;
  test::in_each_order([&] {
    const Both got = both(Device::kCuda);
    EXPECT_EQ(got.m, first.m);
    EXPECT_EQ(got.dp, first.dp);
  });
}

TEST(SmoothMaskErrors, SayWhatCame) {
  const Tensor p = Tensor::zeros({1, 1, 1}, DType::kFloat64), weights = ops::mask_weights(Device::kCpu);
  const ops::SmoothMask mask = ops::smooth_mask(p, weights);
  expect_error([&] { ops::smooth_mask(p[0], weights); }, "p must be [N, h, w]");
  expect_error([&] { ops::smooth_mask(p, weights[0]); },
               "weights must be float64 [35, 35] on cpu; got float64 [35] on cpu");
  expect_error(
      [&] {
        ops::smooth_mask(Tensor::zeros({1, 1, 1}), weights);
      },
      "p must be float64 [1, 1, 1] on cpu; got float32 [1, 1, 1] on cpu");
  expect_error([&] { ops::smooth_mask_backward(p, mask, mask.m[0], weights); },
               "dm must be float64 [1, 43, 43] on cpu; got float64 [43, 43] on cpu");
  expect_error(
      [&] {
        ops::smooth_mask_backward(p, {mask.m, weights}, mask.m, weights);
      },
      "sum must be float64 [1, 43, 43] on cpu; got float64 [35, 35] on cpu");
}

}  // namespace
}  // namespace clearcut
