#include "train/optimiser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>

#include "autograd/arithmetic.h"
#include "autograd/reduce.h"
#include "tensor/cpu/isa.h"
#include "tensor/ops/sgd.h"
#include "tensor/safetensors.h"
#include "train/config.h"
#include "train/schedule.h"
#include "train/weight_average.h"

namespace clearcut {
namespace {

/// Two parameters, "backbone.w" [3, 4] and "head.w" [5].
struct Two {
  explicit Two(DType dtype = DType::kFloat64)
      : root(1, Device::kCpu, dtype),
        backbone(root.scope() / "backbone" / "w", Tensor::zeros({3, 4}, dtype)),
        head(root.scope() / "head" / "w", Tensor::zeros({5}, dtype)) {}
  Registry root;
  Param backbone, head;
};

void set_gradient(const Param& p, const Tensor& g) {
  p.var().zero_grad();
  sum(p.var() * Var(g)).backward();  // d/dw sum(w * g) = g
}

class SgdGolden : public testing::TestWithParam<const char*> {};

TEST_P(SgdGolden, TenStepsEqualTorch) {
  const auto file = read_safetensors("tests/golden/train/sgd.safetensors");
  std::map<std::string, Tensor> golden(file.tensors.begin(), file.tensors.end());
  const std::string name = GetParam();
  Two model;
  const std::vector<const Param*> params = {&model.backbone, &model.head};
  for (const Param* p : params) p->value().copy_from(golden.at(name + ".start." + p->name()));
  Sgd sgd(model.root, {.momentum = 0.9,
                       .nesterov = name == "nesterov",
                       .groups = {.weight_decay = 4e-3, .rates = {{"backbone.*", 0.1}}}});
  const Schedule schedule = {.decay = Decay::kPoly, .rate = 0.1, .end = 0.01, .power = 0.9, .steps = 10};
  for (std::int64_t t = 0; t < 10; ++t) {
    for (const Param* p : params) set_gradient(*p, golden.at(name + ".grads." + p->name())[t]);
    sgd.step(schedule.at(t));
  }
  for (const Param* p : params) {
    const auto got = p->value().values<double>();
    const auto want = golden.at(name + ".end." + p->name()).values<double>();
    // Both compute in double; the order of two additions may differ: a few ulp of values near 1.
    for (std::size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(got[i], want[i], 1e-14) << p->name() << " " << i;
  }
}
// The fast loop in float: ten steps of values near 1, two roundings of 2^-24 each.
TEST_P(SgdGolden, FastLoopsEqualTorch) {
  const auto file = read_safetensors("tests/golden/train/sgd.safetensors");
  const std::map<std::string, Tensor> golden(file.tensors.begin(), file.tensors.end());
  const std::string name = GetParam();
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const Schedule schedule = {.decay = Decay::kPoly, .rate = 0.1, .end = 0.01, .power = 0.9, .steps = 10};
    const Tensor w = golden.at(name + ".start.head.w").to(DType::kFloat32).clone(), v = zeros_like(w);
    for (std::int64_t t = 0; t < 10; ++t) {
      const Tensor g = golden.at(name + ".grads.head.w")[t].to(DType::kFloat32);
      ops::sgd_update({{w,
                        v,
                        g,
                        {.rate = schedule.at(t),
                         .momentum = 0.9,
                         .weight_decay = 4e-3,
                         .nesterov = name == "nesterov"}}});
    }
    const auto got = w.values<float>();
    const auto want = golden.at(name + ".end.head.w").values<double>();
    for (std::size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 2e-6) << isa << " " << i;
  }
  set_isa("");
}
INSTANTIATE_TEST_SUITE_P(Rule, SgdGolden, testing::Values("plain", "nesterov"));

// With v = 0, momentum m and no decay, two steps at rate 1 of gradient k take k and then (1 + m) k off w = 0.
TEST(Sgd, ParametersOfAllSizesInOnePass) {
  std::vector<ops::SgdParameter> all;
  for (const std::int64_t n : {1, 70000, 3, 32768, 32769}) {
    const Tensor w = Tensor::zeros({n});
    all.push_back({w,
                   zeros_like(w),
                   Tensor::full({n}, static_cast<double>(all.size() + 1)),
                   {.rate = 1, .momentum = 0.5}});
  }
  const std::uint64_t version = all[0].w.version();
  ops::sgd_update(all);
  ops::sgd_update(all);
  EXPECT_GT(all[0].w.version(), version);
  for (std::size_t k = 0; k < all.size(); ++k)
    for (const float w : all[k].w.values<float>()) ASSERT_EQ(w, -2.5f * static_cast<float>(k + 1));
}

// AdamW with two groups, no decay of the head, and gradients that are clipped as torch clips them.
TEST(AdamW, TenClippedStepsEqualTorch) {
  const auto file = read_safetensors("tests/golden/train/adamw.safetensors");
  const std::map<std::string, Tensor> golden(file.tensors.begin(), file.tensors.end());
  Two model;
  const std::vector<const Param*> params = {&model.backbone, &model.head};
  for (const Param* p : params) p->value().copy_from(golden.at("start." + p->name()));
  AdamW adamw(model.root,
              {.beta1 = 0.8,
               .beta2 = 0.95,
               .epsilon = 1e-6,
               .groups = {.weight_decay = 0.05, .rates = {{"backbone.*", 0.1}}, .no_decay = {"head.*"}}});
  const Schedule schedule = {.decay = Decay::kPoly, .rate = 0.1, .end = 0.01, .power = 0.9, .steps = 10};
  const auto norms = golden.at("norms").values<double>();
  for (std::int64_t t = 0; t < 10; ++t) {
    for (const Param* p : params) set_gradient(*p, golden.at("grads." + p->name())[t]);
    const double norm = gradient_norm(model.root);
    EXPECT_NEAR(norm, norms[static_cast<std::size_t>(t)], 1e-14 * norm);  // sums of 17 squares in double
    adamw.step(schedule.at(t), std::min(1.0, 3.0 / (norm + 1e-6)));
  }
  for (const Param* p : params) {
    const auto got = p->value().values<double>();
    const auto want = golden.at("end." + p->name()).values<double>();
    // Both compute in double; the order of factors differs: a few ulp of values near 1.
    for (std::size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(got[i], want[i], 1e-14) << p->name() << " " << i;
  }
}

TEST(AdamW, StateRoundTripsWithItsStepsAndRefusesAnotherRule) {
  Two a, b;
  AdamW first(a.root, {}), second(b.root, {});
  for (const int step : {1, 2}) {
    set_gradient(a.head, Tensor::full({5}, step, DType::kFloat64));
    first.step(0.1);
  }
  second.load(first.state());
  b.head.value().copy_from(a.head.value());
  for (Two* model : {&a, &b}) set_gradient(model->head, Tensor::full({5}, -3, DType::kFloat64));
  first.step(0.1);
  second.step(0.1);  // the third step of both, or their corrections would differ
  EXPECT_EQ(a.head.value().values<double>(), b.head.value().values<double>());
  EXPECT_THROW(second.load(Sgd(a.root, {}).state()), Error);
  EXPECT_THROW(Sgd(a.root, {}).load(first.state()), Error);
}

TEST(Optimiser, VectorsAndPatternsAreLeftOutOfTheDecay) {
  Two model;  // backbone.w has two dimensions, head.w one
  const Sgd vectors(model.root, {.groups = {.weight_decay = 0.5, .no_decay = {kVectors}}});
  EXPECT_EQ(vectors.weight_decay(model.backbone), 0.5);
  EXPECT_EQ(vectors.weight_decay(model.head), 0);
  const Sgd pattern(model.root, {.groups = {.weight_decay = 0.5, .no_decay = {"back*"}}});
  EXPECT_EQ(pattern.weight_decay(model.backbone), 0);
  EXPECT_THROW(Sgd(model.root, {.groups = {.no_decay = {"neck.*"}}}), Error);
}

// Lengths 3 and 4 of two parameters: 5. A frozen one does not count.
TEST(Optimiser, TheLengthOfAllGradients) {
  Two model;
  Tensor g = Tensor::zeros({3, 4}, DType::kFloat64), h = Tensor::zeros({5}, DType::kFloat64);
  g.data<double>()[7] = -3;
  h.data<double>()[1] = 4;
  set_gradient(model.backbone, g);
  set_gradient(model.head, h);
  EXPECT_EQ(gradient_norm(model.root), 5);
  h.data<double>()[0] = std::nan("");
  set_gradient(model.head, h);
  EXPECT_TRUE(std::isnan(gradient_norm(model.root)));
}

// d = min(0.5, (1 + t) / (10 + t)): 2/11 and 3/12. From 0, weights 11 and then 4 give 9 and 9 + 3/4 (4 - 9).
TEST(WeightAverage, ByHand) {
  Two model;
  WeightAverage average(model.root, 0.5);
  model.head.value().copy_from(Tensor::full({5}, 11, DType::kFloat64));
  average.update(1);
  model.head.value().copy_from(Tensor::full({5}, 4, DType::kFloat64));
  average.update(2);
  const auto values = [](const Tensor& x) { return x.values<double>()[0]; };
  EXPECT_NEAR(values(average.state()[1].second), 9 + 0.75 * (4 - 9), 1e-14);
  {
    const WeightAverage::InPlace in_place(&average);
    EXPECT_NEAR(values(model.head.value()), 9 + 0.75 * (4 - 9), 1e-14);
  }
  EXPECT_EQ(values(model.head.value()), 4);
  EXPECT_THROW(WeightAverage(model.root, 1), Error);
}

TEST(Sgd, FrozenParametersAndVelocitiesStay) {
  Two model;
  model.backbone.require_grad(false);
  Sgd sgd(model.root, {.groups = {.weight_decay = 0.5}});
  model.backbone.value().copy_from(Tensor::full({3, 4}, 2, DType::kFloat64));
  set_gradient(model.head, Tensor::full({5}, 1, DType::kFloat64));
  sgd.step(1);
  EXPECT_EQ(model.backbone.value().values<double>(), std::vector<double>(12, 2.0));
  EXPECT_EQ(model.head.value().values<double>(), std::vector<double>(5, -1.0));
}

TEST(Sgd, StateRoundTripsAndRefusesAnotherModel) {
  Two a, b;
  Sgd first(a.root, {}), second(b.root, {});
  set_gradient(a.head, Tensor::full({5}, 1, DType::kFloat64));
  first.step(1);
  second.load(first.state());
  EXPECT_EQ(second.state()[1].second.values<double>(), std::vector<double>(5, 1.0));
  EXPECT_FALSE(second.state()[1].second.shares_storage(first.state()[1].second));
  EXPECT_THROW(second.load({first.state()[0]}), Error);
  EXPECT_THROW(second.load({{"backbone.w", Tensor::zeros({1})}, {"head.w", Tensor::zeros({5})}}), Error);
}

TEST(Sgd, ARateRuleThatFitsNothingIsAnError) {
  Two model;
  EXPECT_THROW(Sgd(model.root, {.groups = {.rates = {{"backbon.*", 0.1}}}}), Error);
}

TEST(Fits, StarsStandForAnyText) {
  EXPECT_TRUE(fits("backbone.*", "backbone.conv1.weight"));
  EXPECT_TRUE(fits("*.bias", "fc.bias"));
  EXPECT_TRUE(fits("a*b*c", "abbc"));
  EXPECT_TRUE(fits("*", ""));
  EXPECT_FALSE(fits("backbone.*", "head.weight"));
  EXPECT_FALSE(fits("fc", "fc.bias"));
}

// Hand cases: T = 4, rate 1.
TEST(Schedule, PolyCosineStepConstant) {
  const Schedule poly = {.decay = Decay::kPoly, .rate = 1, .end = 0.1, .power = 2, .steps = 4};
  EXPECT_DOUBLE_EQ(poly.at(0), 1);
  EXPECT_DOUBLE_EQ(poly.at(2), 0.9 * 0.25 + 0.1);
  EXPECT_DOUBLE_EQ(poly.at(4), 0.1);
  EXPECT_DOUBLE_EQ(poly.at(9), 0.1);  // beyond the end
  const Schedule cosine = {.decay = Decay::kCosine, .rate = 1, .end = 0, .steps = 4};
  EXPECT_DOUBLE_EQ(cosine.at(0), 1);
  EXPECT_NEAR(cosine.at(2), 0.5, 1e-15);
  EXPECT_NEAR(cosine.at(1), (1 + std::sqrt(0.5)) / 2, 1e-15);
  const Schedule step = {.decay = Decay::kStep, .rate = 1, .steps = 9, .every = 3, .gamma = 0.5};
  EXPECT_DOUBLE_EQ(step.at(2), 1);
  EXPECT_DOUBLE_EQ(step.at(3), 0.5);
  EXPECT_DOUBLE_EQ(step.at(8), 0.25);
  const Schedule constant = {.decay = Decay::kConstant, .rate = 0.3, .steps = 2};
  EXPECT_DOUBLE_EQ(constant.at(100), 0.3);
}

TEST(Schedule, WarmUpIsLinearAndThePolyStartsBehindIt) {
  const Schedule s = {
      .decay = Decay::kPoly, .rate = 1, .power = 1, .steps = 12, .warmup = 2, .warmup_start = 0.2};
  EXPECT_DOUBLE_EQ(s.at(0), 0.2);
  EXPECT_DOUBLE_EQ(s.at(1), 0.6);
  EXPECT_DOUBLE_EQ(s.at(2), 1);
  EXPECT_DOUBLE_EQ(s.at(7), 0.5);
}

TEST(Schedule, ReadsItsKeysOnly) {
  const Config c = Config::parse("rate: 0.5\ndecay: step\nevery: 10\n", "t.yaml");
  EXPECT_DOUBLE_EQ(read_schedule(c, 100).at(10), 0.05);
  c.check_all_read();
  const Config extra = Config::parse("rate: 0.5\ndecay: constant\npower: 1\n", "t.yaml");
  read_schedule(extra, 100);
  EXPECT_THROW(extra.check_all_read(), ConfigError);  // a constant rate has no power
}

}  // namespace
}  // namespace clearcut
