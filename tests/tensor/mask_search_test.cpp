// The pull of a mask to its area and the steps of its parameters, on each device, by hand and against
// sorting.
#include "tensor/ops/mask_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/random.h"
#include "tests/cuda/orders.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

class MaskSearch : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, MaskSearch,
                         testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

// r of one mask as the gradient has it: weight P / 2 and reward 0 leave m - r.
std::vector<int> ones_of(const std::vector<double>& m, std::int64_t zeros, Device device) {
  const auto P = static_cast<std::int64_t>(m.size());
  const Tensor values = Tensor::from<double>({1, 1, P}, m, device), dm = zeros_like(values);
  ops::pull_to_area(values, zeros, static_cast<double>(P) / 2, dm);
  const auto d = dm.values<double>();
  std::vector<int> ones;
  for (std::size_t i = 0; i < m.size(); ++i) {
    ones.push_back(static_cast<int>(std::round(m[i] - d[i])));
    EXPECT_DOUBLE_EQ(d[i], m[i] - ones.back());
  }
  return ones;
}

TEST_P(MaskSearch, GradientOfTheAreaLessTheReward) {
  const Tensor m = Tensor::from<double>({2, 2, 2}, {0.25, 1, 0.5, 0, 1, 0.75, 0, 0.5}, GetParam());
  const Tensor dm = Tensor::from<double>({2, 2, 2}, {0, 0, 1, 0, 0, 0, 0, -2}, GetParam());
  ops::pull_to_area(m, 3, 4, dm);  // 2 weight / P = 2
  EXPECT_EQ(dm.values<double>(), (std::vector<double>{0.5, 0, 0, 0, 0, 1.5, 0, 3}));
}

// Below half of 1e-9 apart values are equal, and earlier ones come first.
TEST_P(MaskSearch, RanksValuesThenPlaces) {
  const std::vector<double> m = {0.5, 0.2 + 4e-10, 0.9, 0.2, 0.2 + 4e-10, 0.2 + 6e-10, 0.1};
  EXPECT_EQ(ones_of(m, 0, GetParam()), (std::vector<int>{1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(ones_of(m, 1, GetParam()), (std::vector<int>{1, 1, 1, 1, 1, 1, 0}));
  EXPECT_EQ(ones_of(m, 2, GetParam()), (std::vector<int>{1, 0, 1, 1, 1, 1, 0}));
  EXPECT_EQ(ones_of(m, 3, GetParam()), (std::vector<int>{1, 0, 1, 0, 1, 1, 0}));
  EXPECT_EQ(ones_of(m, 4, GetParam()), (std::vector<int>{1, 0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(ones_of(m, 5, GetParam()), (std::vector<int>{1, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(ones_of(m, 6, GetParam()), (std::vector<int>{0, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(ones_of({1, 0, 1, 1 + 1e-15, 0, -1e-15}, 5, GetParam()), (std::vector<int>{0, 0, 0, 1, 0, 0}));
}

TEST_P(MaskSearch, EqualValuesGoByPlace) {
  for (const std::int64_t P : {1024, 1025, 3000}) {
    const auto ones = ones_of(std::vector<double>(static_cast<std::size_t>(P), 0.5), P - 30, GetParam());
    for (std::int64_t i = 0; i < P; ++i)
      ASSERT_EQ(ones[static_cast<std::size_t>(i)], i < P - 30 ? 0 : 1) << i;
  }
}

// 100 values many times each, or all apart, against a sort; every digit of keys and places decides once.
std::vector<double> many(std::int64_t P, bool ties) {
  const RandomStream stream(5, "m");
  std::vector<double> m;
  for (std::int64_t i = 0; i < P; ++i)
    m.push_back(ties ? static_cast<double>(stream.below(i, 100)) / 99 : stream.uniform(i));
  return m;
}
void expect_sorted(const std::vector<double>& m, std::int64_t zeros, Device device) {
  std::vector<std::pair<std::int64_t, std::size_t>> order;
  for (std::size_t i = 0; i < m.size(); ++i) order.emplace_back(std::llround(m[i] * 1e9), i);
  std::sort(order.begin(), order.end());
  const auto ones = ones_of(m, zeros, device);
  for (std::size_t rank = 0; rank < order.size(); ++rank)
    ASSERT_EQ(ones[order[rank].second], rank < static_cast<std::size_t>(zeros) ? 0 : 1) << rank;
}

TEST_P(MaskSearch, AsSorted) {
  for (const bool ties : {false, true})
    for (const std::int64_t zeros : {1, 700, 1516}) expect_sorted(many(1517, ties), zeros, GetParam());
}

// Places of more than 20 bits.
TEST_P(MaskSearch, OfMoreThanAMillionPixels) {
  expect_sorted(many((1 << 20) + 5, true), (1 << 20) - 70000, GetParam());
}

TEST(MaskSearchBits, AreThoseOfTheReferenceInEveryOrder) {
  const auto m = many(4551, true);
  const auto pulled = [&](Device device) {
    const Tensor values = Tensor::from<double>({3, 37, 41}, m, device), dm = values.clone();
    ops::pull_to_area(values, 1400, 300, dm);
    return dm.values<double>();
  };
  const auto expected = pulled(Device::kReference);
  test::in_each_order([&] { EXPECT_EQ(pulled(Device::kCuda), expected); });
}

// Speeds 0.9 * 1 + 0.1 * dp, steps of half of that; more than a block of them.
TEST_P(MaskSearch, DampedStepStaysWithinBounds) {
  const std::int64_t n = 301;
  std::vector<double> d(static_cast<std::size_t>(n), 1);
  d[0] = 3;
  d[300] = -29;
  const Tensor dp = Tensor::from<double>({n}, d, GetParam());
  const Tensor speed = Tensor::full({n}, 1, DType::kFloat64, GetParam());
  const Tensor p = Tensor::full({n}, 0.55, DType::kFloat64, GetParam());
  ops::damped_step(dp, {.rate = 0.5, .momentum = 0.9}, speed, p);
  const auto speeds = speed.values<double>(), moved = p.values<double>();
  for (std::size_t i = 1; i < 300; ++i)
    ASSERT_TRUE(std::abs(speeds[i] - 1) < 1e-15 && std::abs(moved[i] - 0.05) < 1e-15);
  EXPECT_NEAR(speeds[0], 1.2, 1e-15);
  EXPECT_EQ(moved[0], 0);  // 0.55 - 0.6
  EXPECT_NEAR(speeds[300], -2, 1e-15);
  EXPECT_EQ(moved[300], 1);  // 0.55 + 1
  ops::damped_step(dp, {.rate = 0, .momentum = 0}, speed, p);
  EXPECT_EQ(speed.values<double>(), d) << "the speed starts anew";
}

TEST(MaskSearchErrors, SayWhatCame) {
  const Tensor m = Tensor::zeros({1, 2, 3}, DType::kFloat64);
  expect_error([&] { ops::pull_to_area(m[0], 1, 1, m); }, "m must be [N, H, W]");
  expect_error([&] { ops::pull_to_area(m, 1, 1, m[0]); }, "dm must be [1, 2, 3]; got [2, 3]");
  expect_error([&] { ops::pull_to_area(m, 6, 1, m); }, "zeros must be 0 .. 5; got 6");
  expect_error([&] { ops::pull_to_area(m, -1, 1, m); }, "zeros must be 0 .. 5; got -1");
  expect_error([&] { ops::damped_step(m, {}, m, m[0]); },
               "must have one shape; got [1, 2, 3], [1, 2, 3], [2, 3]");
  const Tensor single = Tensor::zeros({2});
  expect_error([&] { ops::damped_step(single, {}, single, single); }, "dtype must be one of float64");
}

}  // namespace
}  // namespace clearcut
