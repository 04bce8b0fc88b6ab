// Layers: initial values, modes of batch norm and dropout, recompute.
#include "nn/layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/arithmetic.h"
#include "autograd/recompute.h"
#include "autograd/reduce.h"
#include "nn/loss.h"
#include "tensor/parallel.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

struct Moments {
  double mean, deviation, largest;
};

Moments moments(const Tensor& x) {
  Moments m{0, 0, 0};
  const auto values = x.to(DType::kFloat64).values<double>();
  const double n = static_cast<double>(values.size());
  for (const double v : values) m.mean += v / n;
  for (const double v : values) {
    m.deviation += (v - m.mean) * (v - m.mean) / n;
    m.largest = std::max(m.largest, std::abs(v));
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

// 18432 draws: the deviation's standard error is 1 / sqrt(2 * 18432), half a percent; the seed is fixed.
TEST(Init, LawsHaveTheirDeviations) {
  Registry root(7);
  const Shape shape{64, 32, 3, 3};  // fan_in 288, fan_out 576
  const Scope at = root.scope() / "w";
  const auto in = moments(initial(kaiming_normal(Init::Fan::kIn), at, shape));
  EXPECT_NEAR(in.deviation, std::sqrt(2.0 / 288), 0.015 * std::sqrt(2.0 / 288));
  EXPECT_NEAR(in.mean, 0, 0.03 * std::sqrt(2.0 / 288));
  const auto out = moments(initial(kaiming_normal(Init::Fan::kOut), at, shape));
  EXPECT_NEAR(out.deviation, std::sqrt(2.0 / 576), 0.015 * std::sqrt(2.0 / 576));
  const auto uniform = moments(initial(uniform_fan_in(), at, shape));
  EXPECT_NEAR(uniform.deviation, 1 / std::sqrt(3.0 * 288), 0.015 / std::sqrt(3.0 * 288));
  EXPECT_LE(uniform.largest, 1 / std::sqrt(288.0));
  EXPECT_NEAR(moments(initial(normal(0.001), at, shape)).deviation, 0.001, 0.000015);
  EXPECT_EQ(initial(constant(0.25), at, {2}).values<float>(), (std::vector<float>{0.25f, 0.25f}));
  EXPECT_THROW(initial(uniform_fan_in(), at, {5}), Error);
}

TEST(Init, ValuesDependOnSeedAndPathOnly) {
  Registry one(3), other(3), third(4);
  const Conv2d a(one.scope() / "a", {.in = 3, .out = 4}), b(one.scope() / "b", {.in = 3, .out = 4});
  const Conv2d late_b(other.scope() / "b", {.in = 3, .out = 4}),
      late_a(other.scope() / "a", {.in = 3, .out = 4});
  const Conv2d other_seed(third.scope() / "a", {.in = 3, .out = 4});
  EXPECT_EQ(a.weight.value().values<float>(), late_a.weight.value().values<float>());
  EXPECT_EQ(b.weight.value().values<float>(), late_b.weight.value().values<float>());
  EXPECT_NE(a.weight.value().values<float>(), b.weight.value().values<float>());
  EXPECT_NE(a.weight.value().values<float>(), other_seed.weight.value().values<float>());
}

TEST(Layers, StateHasPyTorchsNames) {
  Registry root;
  const ConvBnRelu block(root.scope() / "block", {.in = 2, .out = 3});
  const Linear fc(root.scope() / "fc", {.in = 3, .out = 2});
  std::string names;
  for (const auto& [name, tensor] : root.state()) names += name + " ";
  EXPECT_EQ(names,
            "block.conv.weight block.conv.bias block.bn.weight block.bn.bias block.bn.running_mean "
            "block.bn.running_var block.bn.num_batches_tracked fc.weight fc.bias ");
}

// Channel values -2.5 and 3.5: the mean 0.5 moves the running mean from 0 to 0.05 at each training pass.
TEST(BatchNorm, OnlyTrainingMovesTheRunningStatistics) {
  Registry root;
  const BatchNorm2d bn(root.scope() / "bn", 1);
  const Var x(Tensor::from<float>({2, 1, 1, 1}, {-2.5f, 3.5f}));
  bn(x);
  EXPECT_EQ(bn.running_mean.value().item(), 0);
  EXPECT_EQ(bn.num_batches_tracked.value().item(), 0);
  root.mode.training = true;
  bn(x);
  EXPECT_FLOAT_EQ(static_cast<float>(bn.running_mean.value().item()), 0.05f);
  EXPECT_EQ(bn.num_batches_tracked.value().item(), 1);
  root.mode.freeze_batch_norm = true;
  const Var frozen = bn(x);
  EXPECT_EQ(bn.num_batches_tracked.value().item(), 1);
  // Running variance 0.9 + 0.1 * 18 = 2.7 (unbiased: ((-3)^2 + 3^2) / 1).
  EXPECT_NEAR(frozen.value().values<float>()[1], (3.5 - 0.05) / std::sqrt(2.7 + 1e-5), 1e-5);
}

Tensor ramp(const Shape& shape) {
  Tensor x(shape);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = static_cast<float>(i % 7) - 2.5f;
  return x;
}

struct Small : Module {
  ConvBnRelu block;
  Dropout dropout;

  explicit Small(const Scope& at)
      : Module(at),
        block(at / "block", {.in = 2, .out = 4, .kernel = 3, .padding = 1}),
        dropout(at / "drop", {}) {}
  Var operator()(const Var& x) const { return dropout(block(x)); }
};

struct SmallRun {
  std::vector<float> y, dx, dw, running;
  double batches;
};

SmallRun run_small(bool recomputed) {
  Registry root(5);
  const Small net(root.scope() / "net");
  root.mode.training = true;
  const Var x(ramp({2, 2, 5, 4}), true);
  const auto f = [&](const Var& in) { return net(in); };
  const Var y = recomputed ? recompute(f, x) : f(x);
  const auto values = y.value().values<float>();
  sum(square(y)).backward();
  return {values, x.grad().values<float>(), net.block.conv.weight.var().grad().values<float>(),
          net.block.bn.running_var.value().values<float>(), net.block.bn.num_batches_tracked.value().item()};
}

TEST(Recompute, SameBitsSameMaskAndStatisticsOnce) {
  const SmallRun kept = run_small(false), again = run_small(true);
  EXPECT_EQ(kept.y, again.y);
  EXPECT_EQ(kept.dx, again.dx);
  EXPECT_EQ(kept.dw, again.dw);
  EXPECT_EQ(kept.running, again.running);
  EXPECT_EQ(again.batches, 1);
}

TEST(Recompute, ParametersGetGradientsWhereTheInputNeedsNone) {
  Registry root(5);
  const Conv2d conv(root.scope() / "conv", {.in = 2, .out = 1});
  sum(recompute([&](const Var& x) { return conv(x); }, Var(ramp({1, 2, 3, 3})))).backward();
  ASSERT_TRUE(conv.weight.var().grad().defined());
  EXPECT_EQ(conv.bias->var().grad().item(), 9);  // one per pixel
}

TEST(Recompute, KeepsTheInputOnlyUntilBackward) {
  Registry root(5);
  const Conv2d conv(root.scope() / "conv", {.in = 1, .out = 1, .bias = false});
  const auto deep = [&](Var x) {
    for (int i = 0; i < 8; ++i) x = square(conv(x));
    return x;
  };
  const Var x(Tensor::full({1, 1, 64, 64}, 0.5), true);  // 16 KiB
  const std::size_t before = memory_stats().live;
  const Var kept = deep(x);
  const std::size_t with_tape = memory_stats().live - before;
  const std::size_t middle = memory_stats().live;
  const Var again = recompute(deep, x);
  EXPECT_GE(with_tape, 8 * x.value().bytes());
  EXPECT_LE(memory_stats().live - middle, 2 * x.value().bytes());
}

TEST(Layers, DropoutIsOffInEvaluationAndDrawsByStep) {
  Registry root(2);
  const Dropout drop(root.scope() / "drop", {.p = 0.5});
  const Var x(Tensor::full({1, 64}, 1));
  EXPECT_EQ(drop(x).value().values<float>(), x.value().values<float>());
  root.mode.training = true;
  const auto first = drop(x).value().values<float>();
  EXPECT_EQ(first, drop(x).value().values<float>());
  root.mode.step = 1;
  EXPECT_NE(first, drop(x).value().values<float>());
}

struct FusedRun {
  std::vector<float> y, dx, dr, dw, dbias;
};

// relu(bn(conv(x)) + residual), with a tap on `watched` if it is not empty.
FusedRun run_fused(bool training, bool fuse, const std::string& watched, std::vector<float>* seen = nullptr) {
  Registry root(9);
  const Conv2d conv(root.scope() / "conv", {.in = 2, .out = 3, .kernel = 3, .padding = 1});
  const BatchNorm2d bn(root.scope() / "bn", 3);
  bn.weight.value().copy_from(Tensor::from<float>({3}, {0.5f, -1, 2}));
  bn.running_mean.value().copy_from(Tensor::from<float>({3}, {0.25f, 0, -0.5f}));
  root.mode.training = training;
  root.mode.fuse = fuse;
  const Var x(ramp({2, 2, 5, 4}), true), r(ramp({2, 3, 5, 4}), true);
  std::optional<Tap> tap;
  if (!watched.empty()) tap.emplace(root, watched);
  const Var y = conv_bn_relu(conv, bn, x, r);
  if (tap && seen) *seen = tap->activation().values<float>();
  sum(square(y)).backward();
  return {y.value().values<float>(), x.grad().values<float>(), r.grad().values<float>(),
          conv.weight.var().grad().values<float>(), bn.bias.var().grad().values<float>()};
}

// Sums of 40 products of size 1 to 10 in float: 8 * eps * sqrt(40) * 100.
void expect_alike(const std::vector<float>& a, const std::vector<float>& b, const char* what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 6e-4) << what << " " << i;
}

TEST(ConvBnRelu, InOneSweepIsOneByOne) {
  for (const bool training : {false, true}) {
    const FusedRun one = run_fused(training, true, ""), three = run_fused(training, false, "");
    expect_alike(one.y, three.y, "y");
    expect_alike(one.dx, three.dx, "dx");
    expect_alike(one.dr, three.dr, "dr");
    expect_alike(one.dw, three.dw, "dw");
    expect_alike(one.dbias, three.dbias, "dbias");
  }
}

TEST(ConvBnRelu, ATapOnTheBatchNormSeesItsOwnOutput) {
  for (const bool training : {false, true}) {
    std::vector<float> bn, conv;
    const FusedRun seen = run_fused(training, true, "bn", &bn), alone = run_fused(training, true, "");
    expect_alike(seen.y, alone.y, "y");
    expect_alike(seen.dx, alone.dx, "dx");
    const auto r = ramp({2, 3, 5, 4}).values<float>();
    for (std::size_t i = 0; i < bn.size(); ++i)
      EXPECT_NEAR(seen.y[i], std::max(0.0f, bn[i] + r[i]), 1e-6) << i;
    EXPECT_LT(*std::min_element(bn.begin(), bn.end()), 0);  // not yet clamped
    run_fused(training, true, "conv", &conv);
    EXPECT_NE(conv, bn);
  }
}

// Convolution and batch norm keep the input and what the convolution returned; what ReLU returned is made
// again.
TEST(ConvBnRelu, KeepsOneTensorInsteadOfTwo) {
  Registry root(5);
  root.mode.training = true;
  const Sequence<ConvBnRelu> blocks(root.scope() / "blocks", [](auto& layers) {
    for (int i = 0; i < 6; ++i) layers.add(Conv2dOptions{.in = 8, .out = 8, .bias = false});
  });
  const Var x(Tensor::full({1, 8, 256, 256}, 0.5));
  const std::size_t size = x.value().bytes(), before = memory_stats().live;
  const Var y = blocks(x);
  EXPECT_GE(memory_stats().live - before, 7 * size);  // six of the convolutions, and y
  EXPECT_LT(memory_stats().live - before, 8 * size);
  set_threads(2);  // each has panels of its own
  const PeakMeter meter;
  sum(y).backward();
  // dy, the next dy and one y made again; the rest is room for the convolution's panels.
  EXPECT_LE(meter.bytes_above_start(), 6 * size);
  set_threads(0);
}

TEST(ConvBnRelu, FrozenKeepsWhatReluNeedsOnly) {
  Registry root(5);
  const Sequence<ConvBnRelu> blocks(root.scope() / "blocks", [](auto& layers) {
    for (int i = 0; i < 6; ++i) layers.add(Conv2dOptions{.in = 1, .out = 1, .bias = false});
  });
  root.require_grad(false);
  const Var x(Tensor::full({1, 1, 128, 128}, 0.5), true);
  const std::size_t size = x.value().bytes(), before = memory_stats().live;
  const Var y = blocks(x);
  EXPECT_LT(memory_stats().live - before, 7 * size);
}

// Two outputs with uniform logits over 4 classes: L = log 4 each, so 1 * log 4 + 0.4 * log 4.
TEST(SegmentationLoss, AddsOutputsWithTheirCoefficients) {
  const Tensor labels = Tensor::zeros({1, 8, 8}, DType::kInt32);
  const std::vector<Var> outputs{Var(Tensor::zeros({1, 4, 2, 2})), Var(Tensor::zeros({1, 4, 4, 4}))};
  const auto loss = segmentation_loss(outputs, labels, {.coefficients = {1, 0.4}});
  EXPECT_NEAR(loss.total.value().item(), 1.4 * std::log(4.0), 1e-6);
  EXPECT_NEAR(loss.parts[1], std::log(4.0), 1e-6);
  EXPECT_THROW(segmentation_loss(outputs, labels, {.coefficients = {1}}), Error);
}

// By hand: sums over 3x3 windows, two pixels apart. On the even map the zeros stand after it, on the odd one
// around it.
TEST(Conv2d, SamePutsTheOddZeroAfterTheMap) {
  Registry root;
  const Conv2d conv(
      root.scope() / "conv",
      {.in = 1, .out = 1, .kernel = 3, .stride = 2, .same = true, .bias = false, .weight_init = constant(1)});
  const BatchNorm2d bn(root.scope() / "bn", 1, {.eps = 0});
  std::vector<float> counted(16);
  std::iota(counted.begin(), counted.end(), 1.0F);
  const Var even(Tensor::from<float>({1, 1, 4, 4}, counted));
  counted.resize(9);
  const Var odd(Tensor::from<float>({1, 1, 3, 3}, counted));
  const std::vector<float> of_even{54, 45, 72, 54}, of_odd{12, 16, 24, 28};
  EXPECT_EQ(conv(even).value().values<float>(), of_even);
  EXPECT_EQ(conv(odd).value().values<float>(), of_odd);
  const NoGrad folded;
  EXPECT_EQ(conv_bn(conv, bn, even).value().values<float>(), of_even);
  EXPECT_EQ(conv_bn(conv, bn, odd).value().values<float>(), of_odd);
  expect_error([&] { conv(Var(Tensor::zeros({4, 4}))); }, "conv: conv2d: ");
  expect_error(
      [&] {
        Conv2d(root.scope() / "dilated", {.in = 1, .out = 1, .kernel = 3, .same = true, .dilation = 2});
      },
      "dilated: Conv2d: same sets the padding itself and needs dilation 1");
}

}  // namespace
}  // namespace clearcut
