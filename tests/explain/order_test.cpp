// The order of a map's pixels, its percentiles and its ranks.
#include "explain/order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "tensor/random.h"

namespace clearcut {
namespace {

using Places = std::vector<std::int32_t>;

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

TEST(Order, IsThatOfTheNumbersAndKeepsEqualOnes) {
  constexpr float kInf = std::numeric_limits<float>::infinity(), kTiny = 1e-42F;
  EXPECT_EQ(ascending_order(row({1, 3, 1, 3})), (Places{0, 2, 1, 3}));
  EXPECT_EQ(salient_order(row({1, 3, 1, 3})), (Places{1, 3, 0, 2}));
  EXPECT_EQ(ascending_order(row({0.0F, -0.0F, kInf, -2, -kInf, kTiny, -kTiny, -1})),
            (Places{4, 3, 7, 6, 0, 1, 5, 2}));
  EXPECT_EQ(salient_order(row({0.0F, -0.0F, -2, 5})), (Places{3, 0, 1, 2}));
  EXPECT_EQ(ascending_order(row({})), Places{});
}

TEST(Order, OfManyPixelsIsThatOfAStableSort) {
  std::vector<float> values(200'000);
  RandomStream stream(3, "order", 0);
  for (std::size_t i = 0; i < values.size(); ++i)  // every third one is one of eight values
    values[i] = i % 3 == 0 ? static_cast<float>(i % 24) - 12
                           : static_cast<float>(stream.uniform(static_cast<std::int64_t>(i), -25, 25));
  Places want(values.size());
  std::iota(want.begin(), want.end(), 0);
  std::stable_sort(want.begin(), want.end(),
                   [&](std::int32_t a, std::int32_t b) { return values[a] < values[b]; });
  EXPECT_EQ(ascending_order(row(values)), want);
}

TEST(Order, Percentiles) {
  const std::vector<double> values = {1, 2, 4, 8};  // numpy.percentile([1, 2, 4, 8], [0, 25, 50, 95, 100])
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 25), 1.75);
  EXPECT_EQ(percentile(values, 50), 3);
  EXPECT_NEAR(percentile(values, 95), 7.4, 1e-12);
  EXPECT_EQ(percentile(values, 100), 8);
}

TEST(Order, Ranks) {
  EXPECT_EQ(rank_shares(row({5, 1, 5, 2})).values<float>(), (std::vector<float>{0.5, 0, 0.5, 0.25}));
  EXPECT_EQ(rank_shares(row({7, 7})).values<float>(), (std::vector<float>{0, 0}));
  EXPECT_EQ(mean_ranks(row({5, 1, 5, 2})), (std::vector<double>{3.5, 1, 3.5, 2}));
}

}  // namespace
}  // namespace clearcut
