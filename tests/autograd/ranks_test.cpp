// Operators whose batch lies on several ranks: synchronised batch norm, and shares of a loss.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/batch_norm.h"
#include "autograd/cross_entropy.h"
#include "tests/golden.h"
#include "tests/op_run.h"
#include "tests/ranks.h"

namespace clearcut {
namespace {

struct Kind {
  Device device;
  DType dtype;
  // float: sums of 40 values by other orders, gradients are differences of sums of such
  double tolerance() const { return dtype == DType::kFloat64 ? 1e-11 : 3e-5; }
};
constexpr Kind kKinds[] = {{Device::kReference, DType::kFloat64},
                           {Device::kReference, DType::kFloat32},
                           {Device::kCpu, DType::kFloat32},
                           {Device::kCuda, DType::kFloat32}};

std::string named(const std::string& text, int ranks, Kind kind) {
  return cat(text, ", ", ranks, " ranks, ", kind.dtype, " on ", kind.device);
}

Tensor part(const Tensor& x, AllReduce& sums, Kind kind) {
  const std::int64_t each = x.dim(0) / sums.ranks();
  return x.slice(sums.rank() * each, (sums.rank() + 1) * each).clone().to(kind.dtype).to(kind.device);
}

// The pictures of PyTorch's batch of four, dealt out to the ranks.
void compare(const std::string& stem, double high, bool clamps, int ranks, Kind kind) {
  const test::OpGolden golden = test::op_golden(stem);
  test::on_ranks(ranks, [&](AllReduce& sums) {
    const OneOfRanks one(sums, OneOfRanks::Mean::kGlobal);
    const Var x(part(golden.inputs[0], sums, kind), true);
    const Var w(golden.inputs[1].to(kind.dtype).to(kind.device), true);
    const Var b(golden.inputs[2].to(kind.dtype).to(kind.device), true);
    const Var r = golden.inputs.size() > 3 ? Var(part(golden.inputs[3], sums, kind), true) : Var();
    const Tensor zero = zeros_like(w.value());
    After after{.residual = r};
    if (clamps) after.low = 0, after.high = high;
    const Var y = batch_norm(x, w, b, {zero, zero.clone()}, {.mode = BatchNormMode::kTraining}, after);
    y.backward(part(golden.dy, sums, kind));
    const auto same = [&](const Tensor& got, const Tensor& expected, const char* what) {
      test::expect_close(got, expected.to(got.dtype()), kind.tolerance(),
                         named(stem + " " + what, ranks, kind));
    };
    same(y.value(), part(golden.y, sums, kind), "y");
    same(x.grad(), part(golden.grads[0], sums, kind), "dx");
    if (r.defined()) same(r.grad(), part(golden.grads[3], sums, kind), "dresidual");
    sums.sum(w.grad());
    sums.sum(b.grad());
    same(w.grad(), golden.grads[1], "dweight");
    same(b.grad(), golden.grads[2], "dbias");
  });
}

TEST(SyncBatchNorm, PartsOfABatchAreNormalisedAsTorchNormalisesTheWhole) {
  for (const int ranks : {1, 2, 4})
    for (const Kind kind : kKinds) {
      compare("layers/batch_norm_training", 0, false, ranks, kind);
      compare("batch_norm/relu", INFINITY, true, ranks, kind);
      compare("batch_norm/add", 0, false, ranks, kind);
      compare("batch_norm/add_relu", INFINITY, true, ranks, kind);
    }
}

// Values 1, 2 | 3, 6 of one channel: mean 3, biased variance 14 / 4, unbiased 14 / 3.
TEST(SyncBatchNorm, RunningStatisticsCountTheValuesOfAllRanks) {
  test::on_ranks(2, [](AllReduce& sums) {
    const OneOfRanks one(sums, OneOfRanks::Mean::kGlobal);
    const RunningStatistics running{Tensor::full({1}, 1, DType::kFloat64),
                                    Tensor::full({1}, 2, DType::kFloat64)};
    const std::vector<double> mine = sums.rank() == 0 ? std::vector<double>{1, 2} : std::vector<double>{3, 6};
    const Var x(Tensor::from<double>({1, 1, 2}, mine)), unit(Tensor::full({1}, 1, DType::kFloat64));
    batch_norm(x, unit, unit, running, {.mode = BatchNormMode::kTraining});
    EXPECT_NEAR(running.mean.item(), 0.9 * 1 + 0.1 * 3, 1e-12);
    EXPECT_NEAR(running.variance.item(), 0.9 * 2 + 0.1 * 14 / 3, 1e-12);
  });
}

// A mean of 1000 with a deviation of 1 across ranks: in float, squares of 10^6 would leave the variance no
// digit.
TEST(SyncBatchNorm, ALargeMeanLeavesTheVarianceItsDigits) {
  for (const Device device : {Device::kReference, Device::kCpu, Device::kCuda})
    test::on_ranks(2, [&](AllReduce& sums) {
      const OneOfRanks one(sums, OneOfRanks::Mean::kGlobal);
      const std::vector<float> values = sums.rank() == 0 ? std::vector<float>{999, 1001, 999, 1001}
                                                         : std::vector<float>{1001, 999, 1001, 999};
      const Var x(Tensor::from<float>({1, 1, 2, 2}, values, device));
      const Var unit(Tensor::full({1}, 1, DType::kFloat32, device));
      const Var zero(Tensor::zeros({1}, DType::kFloat32, device));
      const Var y = batch_norm(x, unit, zero, {zero.value().clone(), zero.value().clone()},
                               {.mode = BatchNormMode::kTraining});
      for (std::size_t i = 0; i < 4; ++i)
        EXPECT_NEAR(y.value().values<float>()[i], (values[i] - 1000) / std::sqrt(1 + 1e-5), 1e-6);
    });
}

TEST(SyncBatchNorm, OneValueOverAllRanksHasNoVariance) {
  EXPECT_THROW(test::on_ranks(1,
                              [](AllReduce& sums) {
                                const OneOfRanks one(sums, OneOfRanks::Mean::kGlobal);
                                const Var x(Tensor::zeros({1, 1})), unit(Tensor::full({1}, 1));
                                batch_norm(x, unit, unit, {unit.value().clone(), unit.value().clone()},
                                           {.mode = BatchNormMode::kTraining});
                              }),
               Error);
}

// Two classes with weights 1 and 0.1. Rank 0 has one pixel of class 0 and three that do not count; rank 1 has
// four of class 1. l(a) = log(1 + exp(-a)) where the true class leads by a.
struct Shares {
  double loss = 0;                                  // all ranks' shares
  std::vector<double> dz = std::vector<double>(2);  // of the first pixel's true class, for each rank
};
Shares shares_of_two_ranks(OneOfRanks::Mean mean, bool upsampled) {
  Shares result;
  test::on_ranks(2, [&](AllReduce& sums) {
    const OneOfRanks one(sums, mean);
    const bool first = sums.rank() == 0;
    const std::vector<double> lead = first ? std::vector<double>{0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0}
                                           : std::vector<double>{0, 0, 0, 0, 2, 2, 2, 2};
    const Var z(Tensor::from<double>({1, 2, 2, 2}, lead), true);
    const Tensor labels =
        Tensor::from<std::int32_t>({1, 2, 2}, first ? std::vector<std::int32_t>{0, 255, 255, 255}
                                                    : std::vector<std::int32_t>{1, 1, 1, 1});
    const CrossEntropyOptions options{.ignore_index = 255, .class_weights = {1, 0.1}, .epsilon = 0};
    const Var loss =
        upsampled ? upsampled_cross_entropy(z, labels, false, options) : cross_entropy(z, labels, options);
    loss.backward();
    const Tensor all = loss.value().clone();
    sums.sum(all);
    if (first) result.loss = all.item();
    result.dz[static_cast<std::size_t>(sums.rank())] = z.grad().values<double>()[first ? 0 : 4];
  });
  return result;
}

TEST(SharesOfALoss, GlobalIsTheMeanOverThePixelsOfAllRanks) {
  const double a = std::log1p(std::exp(-0.5)), b = std::log1p(std::exp(-2));
  for (const bool upsampled : {false, true}) {
    const Shares s = shares_of_two_ranks(OneOfRanks::Mean::kGlobal, upsampled);
    EXPECT_NEAR(s.loss, (a + 4 * 0.1 * b) / (1 + 4 * 0.1), 1e-12);
    EXPECT_NEAR(s.dz[0], -1 / (1 + std::exp(0.5)) / 1.4, 1e-12);
    EXPECT_NEAR(s.dz[1], -0.1 / (1 + std::exp(2)) / 1.4, 1e-12);
  }
}

TEST(SharesOfALoss, RankIsTheMeanOfTheRanksMeans) {
  const double a = std::log1p(std::exp(-0.5)), b = std::log1p(std::exp(-2));
  for (const bool upsampled : {false, true}) {
    const Shares s = shares_of_two_ranks(OneOfRanks::Mean::kRank, upsampled);
    EXPECT_NEAR(s.loss, (a + b) / 2, 1e-12);
    EXPECT_NEAR(s.dz[0], -1 / (1 + std::exp(0.5)) / 2, 1e-12);
    EXPECT_NEAR(s.dz[1], -0.1 / (1 + std::exp(2)) / 0.4 / 2, 1e-12);
  }
}

}  // namespace
}  // namespace clearcut
