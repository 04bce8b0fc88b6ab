// Statistics of batch norm where short sums could go wrong.
#include "tensor/ops/batch_norm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/cpu/isa.h"

namespace clearcut {
namespace {

// One channel of n values, all but the first `rest` + (-1)^i.
Tensor channel(std::int64_t n, float first, float rest) {
  Tensor x(Shape{1, 1, n});
  float* v = x.data<float>();
  for (std::int64_t i = 0; i < n; ++i) v[i] = rest + (i % 2 == 0 ? 1.0f : -1.0f);
  v[0] = first;
  return x;
}

ops::ChannelStatistics statistics(const Tensor& x) {
  const Tensor one = Tensor::full({1}, 1), zero = Tensor::zeros({1});
  return ops::batch_norm_training(x, 1e-5, one, zero).statistics;
}

// Mean 10000, variance exactly 1: float has three decimals left there.
TEST(BatchNormStatistics, SmallDeviationFarFromZero) {
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const auto s = statistics(channel(100000, 10001, 10000));
    EXPECT_EQ(s.mean.item(), 10000) << isa;
    EXPECT_NEAR(s.variance.item(), 1, 1e-6) << isa;  // one rounding to float
  }
  set_isa("");
}

// The first value, from which the others are counted, stands 3000 deviations away: with d = 3000 its share is
// mean d / n and variance 1 - 1 / n + d^2 / n - (d / n - 1 / n)^2, worked out here in double.
TEST(BatchNormStatistics, AnOutlierComesFirst) {
  const double n = 100000, d = 3000;
  const double mean = (d - 1) / n, variance = (d * d + n - 1) / n - mean * mean;
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const auto s = statistics(channel(static_cast<std::int64_t>(n), static_cast<float>(d), 0));
    EXPECT_NEAR(s.mean.item(), mean, 1e-6 * std::abs(mean) + 1e-7) << isa;
    EXPECT_NEAR(s.variance.item() / variance, 1, 1e-6) << isa;
  }
  set_isa("");
}

}  // namespace
}  // namespace clearcut
