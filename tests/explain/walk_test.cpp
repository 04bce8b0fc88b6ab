// Walks by rules: what a rule set sees, and the axioms of the explainers that walk.
#include "explain/walk.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "autograd/arithmetic.h"
#include "autograd/softmax.h"
#include "explain/target.h"
#include "explain/walk_fullgrad.h"
#include "nn/layers.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/parallel.h"
#include "tests/errors.h"
#include "tests/explain/walk_net.h"

namespace clearcut {
namespace {

using test::LinearNet;
using test::logit_input;
using test::random_tensor;
using test::TestNet;
using test::WalkNet;

double sum_of(const Tensor& x) {
  const auto values = x.values<float>();
  return std::accumulate(values.begin(), values.end(), 0.0);
}

std::vector<float> map_of(Classifier& net, const ExplainInput& input, const std::string& text) {
  return explain(net, input, parse_explainer(text)).values<float>();
}

// z = <w, relu(x)>; x and w have all four pairs of signs.
struct Rectified : TestNet {
  Rectified()
      : TestNet(1, [](TestNet&, const Var& x) {
          return linear(flatten(relu(x)), Var(Tensor::from<float>({1, 6}, {1, -2, 3, -4, 5, 6})));
        }) {}
  ExplainInput input = logit_input(Tensor::from<float>({1, 3, 1, 2}, {1, 1, -1, -1, 2, 0}), {0});
};

// The gradient passes where x > 0, the deconvolution where w > 0, guided backpropagation where both are.
TEST(Guided, ByHand) {
  Rectified net;
  EXPECT_EQ(map_of(net, net.input, "saliency:reduction=signed"), (std::vector<float>{1 + 5, -2}));
  EXPECT_EQ(map_of(net, net.input, "deconvnet:reduction=signed"), (std::vector<float>{1 + 3 + 5, 6}));
  EXPECT_EQ(map_of(net, net.input, "guided:reduction=signed"), (std::vector<float>{1 + 5, 0}));
}

// z = the sum of all ReLUs: what arrives at each of them is 1, so guided backpropagation is the gradient.
TEST(Guided, IsTheGradientWhereAllGradientsArePositive) {
  const Tensor w = random_tensor({4, 3, 3, 3}, "w");
  TestNet net(1, [w](TestNet&, const Var& x) {
    return reshape(sum(relu(conv2d(x, Var(w), {.padding = 1})), {1, 2, 3}), {-1, 1});
  });
  const ExplainInput input = logit_input(random_tensor({1, 3, 8, 8}, "x"), {0});
  EXPECT_EQ(map_of(net, input, "guided"), map_of(net, input, "saliency"));
}

// dz/dx = -1 at each of three, each with its own clamp: ReLU6 and a clamp from 0 on let nothing negative
// through, the gate of a hard sigmoid does.
TEST(Guided, KnowsReLU6FromAGate) {
  TestNet net(1, [](TestNet&, const Var& x) {
    const Var y = concat(
        {relu6(slice(x, 1, 0, 1)), clamp(slice(x, 1, 1, 2), 0, 1e30), clamp(slice(x, 1, 2, 3), 0, 1)}, 1);
    return reshape(sum(neg(y), {1, 2, 3}), {-1, 1});
  });
  const ExplainInput input = logit_input(Tensor::from<float>({1, 3, 1, 2}, {1, -1, 1, -1, 0.5, -1}), {0});
  EXPECT_EQ(map_of(net, input, "guided:reduction=signed"), (std::vector<float>{-1, 0}));
  EXPECT_EQ(map_of(net, input, "saliency:reduction=signed"), (std::vector<float>{-3, 0}));
}

TEST(Guided, RefusesNetworksWithoutReLU) {
  LinearNet net(random_tensor({2, 3 * 16 * 16}, "w"));
  const ExplainInput input = logit_input(random_tensor({1, 3, 16, 16}, "x"), {1});
  expect_error([&] { map_of(net, input, "guided"); }, "guided: the network has no ReLU");
}

// Two convolutions with a batch norm, an addition and ReLU behind each, as layers.
struct LayeredNet : TestNet {
  LayeredNet()
      : TestNet(4,
                [this](TestNet&, const Var& x) {
                  const Var y = conv_bn_relu(conv1, bn1, x);
                  return mean(conv_bn_relu(conv2, bn2, y, y), {2, 3});
                }),
        conv1(registry().scope() / "conv1", {.in = 3, .out = 4, .kernel = 3, .padding = 1}),
        bn1(registry().scope() / "bn1", 4),
        conv2(registry().scope() / "conv2", {.in = 4, .out = 4, .kernel = 3, .padding = 1}),
        bn2(registry().scope() / "bn2", 4) {
    bn1.running_mean.value().copy_from(random_tensor({4}, "mean"));
    bn2.bias.value().copy_from(random_tensor({4}, "bias"));
  }
  Conv2d conv1;
  BatchNorm2d bn1;
  Conv2d conv2;
  BatchNorm2d bn2;
};

// In evaluation each layer is one operator; on a walk it is four, and rules see them.
TEST(OpenPass, RunsEveryOperatorByItself) {
  LayeredNet net;
  net.registry().mode.training = false;
  net.registry().require_grad(false);
  const Var x(random_tensor({2, 3, 8, 8}, "x"), true);
  const OpenPass pass(net, x);
  std::vector<std::string> ops, walked;
  for (const Call& call : pass.calls()) ops.push_back(call.op);
  EXPECT_EQ(ops, (std::vector<std::string>{"conv2d", "batch_norm", "relu", "conv2d", "batch_norm", "add",
                                           "relu", "mean"}));
  EXPECT_TRUE(net.registry().mode.fuse);
  RuleSet rules;
  for (const std::string& op : ops)
    rules[op] = [&walked](const Step& step) {
      walked.push_back(step.call.op);
      return step.plain();
    };
  const Tensor dz = random_tensor({2, 4}, "dz");
  pass.walk(dz, "test", rules);
  EXPECT_EQ(walked, std::vector<std::string>(ops.rbegin(), ops.rend()));
  // The gradient through the fused network, which rounds elsewhere.
  const Var again(x.value(), true);
  net.logits(again).backward(dz);
  const auto a = x.grad().values<float>(), b = again.grad().values<float>();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
}

TEST(OpenPass, RefusesWhatWasFusedAllTheSame) {
  const Tensor w = random_tensor({3, 3, 1, 1}, "w");
  TestNet conv(3, [w](TestNet&, const Var& x) {
    return mean(conv2d(x, Var(w), {}, {}, nullptr, {.low = 0}), {2, 3});
  });
  const ExplainInput input = logit_input(random_tensor({1, 3, 4, 4}, "x"), {1});
  expect_error([&] { map_of(conv, input, "lrp"); }, "conv2d: it ran together with what follows it");
  const Tensor one = Tensor::full({3}, 1);
  TestNet norm(3, [one](TestNet&, const Var& x) {
    return mean(batch_norm(x, Var(one), Var(one), {one, one}, {}, {.low = 0}), {2, 3});
  });
  expect_error([&] { map_of(norm, input, "lrp"); }, "batch_norm: it ran together with what follows it");
}

TEST(OpenPass, NamesTheOperatorWithoutARule) {
  TestNet net(3, [](TestNet&, const Var& x) { return mean(relu(erf(x)), {2, 3}); });
  const ExplainInput input = logit_input(random_tensor({1, 3, 4, 4}, "x"), {1});
  expect_error([&] { map_of(net, input, "lrp"); }, "lrp: it has no rule for the operator erf");
  TestNet rows(3, [](TestNet&, const Var& x) { return log_softmax(mean(relu(x), {2, 3})); });
  expect_error([&] { map_of(rows, input, "deeplift"); },
               "deeplift: it has no rule for the operator log_softmax");
}

// Without biases and constants nothing is lost: the relevance of the pixels sums up to the logit.
TEST(Lrp, KeepsTheSum) {
  const Tensor w1 = random_tensor({6, 3, 3, 3}, "w1", 0.3), w2 = random_tensor({6, 6, 3, 3}, "w2", 0.3),
               w3 = random_tensor({5, 6}, "w3");
  TestNet net(5, [=](TestNet&, const Var& x) {
    const Var y =
        max_pool2d(relu(conv2d(x, Var(w1), {.padding = 1})), {.kernel = 3, .stride = 2, .padding = 1});
    const Var z = relu(conv2d(y, Var(w2), {.padding = 1}) + y);
    return linear(flatten(avg_pool2d(z * sigmoid(z), {.kernel = 8})), Var(w3));
  });
  const ExplainInput input = logit_input(random_tensor({2, 3, 16, 16}, "x"), {1, 3});
  const Tensor z = net.logits(Var(input.x)).value();
  for (const char* rule : {"epsilon", "gamma", "alphabeta"})
    for (const char* bounds : {"0", "1"}) {
      const Tensor map =
          explain(net, input, parse_explainer(cat("lrp:reduction=signed:rule=", rule, ":bounds=", bounds)));
      // Shares of sums near 0 are large and cancel: epsilon and gamma round to about 1e-3 of the logit.
      const double close = std::string(rule) == "alphabeta" ? 1e-4 : 1e-2;
      for (const std::int64_t n : {0, 1}) {
        const double logit = z[n].values<float>()[n == 0 ? 1 : 3];
        EXPECT_NEAR(sum_of(map[n]), logit, close * std::abs(logit)) << rule << " " << bounds;
      }
    }
}

// Sum of (x - x') m = s(x) - s(x'), for a class, a group and a probability.
TEST(DeepLift, IsComplete) {
  WalkNet net;
  const Tensor x = net.file.at("own.x");
  for (const Target& target : {Target{{2}, false}, Target{{0, 3, 4}, false}, Target{{1}, true}}) {
    ExplainInput input = logit_input(x, {0, 0}), zero = logit_input(zeros_like(x), {0, 0});
    input.targets = zero.targets = {target, target};
    const std::string score = target.probability ? "probability" : "logit";
    const Tensor map = explain(net, input, parse_explainer("deeplift:reduction=signed:score=" + score));
    const auto value = [&](const ExplainInput& at, std::int64_t n) {
      const Tensor z = net.logits(Var(at.x)).value()[n];
      return target_score(z.data<const float>(), 5, target);
    };
    // Float32 logits of size 1.
    for (const std::int64_t n : {0, 1}) EXPECT_NEAR(sum_of(map[n]), value(input, n) - value(zero, n), 1e-5);
  }
}

// The logit is what the pixels and the biases of all layers give (spec: to 1e-4 of it).
void expect_complete(Classifier& net, const Tensor& x) {
  net.registry().mode.training = false;
  const Var leaf(x, true);
  const OpenPass pass(net, leaf);
  const Tensor z = pass.logits().value(), dz = zeros_like(z);
  for (std::int64_t n = 0; n < z.dim(0); ++n) dz.data<float>()[n * z.dim(1) + 2] = 1;
  double total = 0;
  int layers = 0;
  walk_full_gradient(pass, dz, "fullgrad", [&](const BiasPart& part) {
    total += sum_of(part.values);
    ++layers;
  });
  EXPECT_GT(layers, 3);
  total += sum_of(ops::mul(leaf.grad(), x));
  const double expected = sum_of(ops::mul(z, dz));
  EXPECT_NEAR(total, expected, 1e-4 * std::abs(expected));
}

TEST(FullGrad, IsComplete) {
  WalkNet own;
  expect_complete(own, own.file.at("own.x"));
  expect_complete(*test::walk_onnx(), own.file.at("onnx.x"));
}

// Every operator that has a bias of some kind, one after another.
TEST(FullGrad, EveryKindOfBiasCounts) {
  TestNet net(3, [](TestNet&, const Var& x) {
    Var y = pad2d(x, {1, 0, 2, 1}, 3);
    y = 2 - silu(y + 1) * 0.5 + tanh(y) / (exp(y) + 4) - sqrt(square(y) + 1);
    y = softmax(y, 1) * clamp(y, -0.5, 0.5) + 1 / (abs(y) + 3) - softplus(y);
    return mean(leaky_relu(y, 0.1), {2, 3});
  });
  expect_complete(net, random_tensor({2, 3, 5, 4}, "x"));
}

// Probabilities that nothing dead swallows sum up to 1.
TEST(Excitation, KeepsTheSum) {
  WalkNet net;
  const ExplainInput input = logit_input(net.file.at("own.x"), {2, 4});
  const Tensor map = explain(net, input, parse_explainer("excitation:layer=features"));
  for (const std::int64_t n : {0, 1}) EXPECT_NEAR(sum_of(map[n]), 1, 1e-5);
}

// Behind the layer the score is linear: any number of steps gives A_k times its weight.
TEST(Conductance, OfALayerBeforeALinearHead) {
  test::SmallNet net;
  const ExplainInput input = logit_input(random_tensor({2, 3, 16, 16}, "x"), {2, 4});
  const auto of_zero = explain(net, logit_input(zeros_like(input.x), {2, 4}), parse_explainer("linear"));
  const auto of_x = explain(net, input, parse_explainer("linear"));
  for (const char* text : {"conductance:steps=3:relu=0", "layerig:steps=3:relu=0"}) {
    const auto map = map_of(net, input, text);
    ASSERT_EQ(map.size(), 2U * 8 * 8);
    for (std::size_t i = 0; i < map.size(); ++i)  // float32 sums of 8 products below 1
      EXPECT_NEAR(map[i], of_x.values<float>()[i] - of_zero.values<float>()[i], 1e-6) << text;
  }
}

TEST(Layers, WrongPathsAreSaid) {
  WalkNet net;
  const ExplainInput input = logit_input(net.file.at("own.x"), {2, 4});
  for (const char* name :
       {"gradcam", "linear", "conductance:steps=1", "layerig:steps=1", "excitation", "contrastive"})
    expect_error([&] { map_of(net, input, cat(name, ":layer=nowhere")); }, "no module 'nowhere' ran");
}

std::vector<ExplainOptions> walkers() {
  std::vector<ExplainOptions> all;
  for (const char* text :
       {"guided", "deconvnet", "guided_gradcam:layer=features", "deeplift", "deeplift_shap", "lrp",
        "lrp:preset=captum", "excitation:layer=swish", "contrastive:layer=swish", "fullgrad",
        "simple_fullgrad", "smooth_fullgrad:samples=3", "linear:layer=swish",
        "conductance:steps=3:layer=swish", "layerig:steps=3:layer=swish"})
    all.push_back(parse_explainer(text));
  return all;
}

TEST(Walks, SameBitsForAnyBatchBudgetAndThreads) {
  WalkNet net;
  const ExplainInput all = logit_input(random_tensor({5, 3, 16, 16}, "x"), {0, 1, 2, 3, 4});
  set_threads(4);
  const Explanations together = explain_all(net, all, walkers());
  set_threads(1);
  for (std::int64_t n = 0; n < 5; ++n) {
    ExplainInput one = logit_input(all.x.slice(n, n + 1), {static_cast<int>(n)});
    one.items = {all.items[static_cast<std::size_t>(n)]};
    one.budget_bytes = 1;
    const Explanations alone = explain_all(net, one, walkers());
    for (std::size_t e = 0; e < alone.by_explainer.size(); ++e) {
      EXPECT_FALSE(alone.by_explainer[e].empty[0]) << describe(walkers()[e]);
      EXPECT_EQ(alone.by_explainer[e].maps[0].values<float>(),
                together.by_explainer[e].maps[n].values<float>())
          << describe(walkers()[e]) << ", picture " << n;
    }
  }
  set_threads(0);
}

TEST(Walks, DevicesAgree) {
  WalkNet cpu;
  const ExplainInput input = logit_input(random_tensor({2, 3, 16, 16}, "x"), {1, 3});
  const Explanations expected = explain_all(cpu, input, walkers());
  for (const Device device : {Device::kReference, Device::kCuda}) {
    WalkNet net(device);
    const Explanations got = explain_all(net, input, walkers());
    for (std::size_t e = 0; e < walkers().size(); ++e) {
      SCOPED_TRACE(cat(device, " ", describe(walkers()[e])));
      const auto a = expected.by_explainer[e].maps.values<float>(),
                 b = got.by_explainer[e].maps.values<float>();
      double largest = 0;
      for (const float v : a) largest = std::max(largest, std::abs(static_cast<double>(v)));
      // Float sums in another order; LRP by epsilon divides by sums that come near 0.
      const double close = walkers()[e].relevance == RelevanceRule::kEpsilon ? 1e-2 : 1e-4;
      for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], close * largest) << i;
    }
  }
}

}  // namespace
}  // namespace clearcut
