#include "explain/explainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "explain/methods.h"
#include "tensor/parallel.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

using test::input_of;
using test::LinearNet;
using test::random_tensor;
using test::SmallNet;
using test::TestNet;

double sum_of(const Tensor& x) {
  const auto values = x.values<float>();
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Feature maps are the input itself, W = (1, -1, 2): M = x_0 - x_1 + 2 x_2.
TEST(Cam, ByHand) {
  const Tensor W = Tensor::from<float>({1, 3}, {1, -1, 2});
  TestNet net(1, [&](TestNet& self, const Var& x) {
    return linear(mean(self.registry().observe("features", x), {2, 3}), Var(W));
  });
  net.head = CamWeights{.weights = W, .path = "features"};
  const Tensor x = Tensor::from<float>({1, 3, 1, 2}, {1, 2, 3, 0, 5, -4});
  const ExplainInput input = input_of(x, {.classes = {0}, .probability = false});
  EXPECT_EQ(explain(net, input, parse_explainer("cam:relu=0")).values<float>(), (std::vector<float>{8, -6}));
  EXPECT_EQ(explain(net, input, parse_explainer("cam")).values<float>(), (std::vector<float>{8, 0}));
}

TEST(Cam, MarginOfPaddedClassMapsIsCutOff) {
  const Tensor W = Tensor::from<float>({1, 3}, {1, 0, 0});
  TestNet net(1, [&](TestNet& self, const Var& x) {
    const Var padded = pad2d(x, {1, 1, 1, 1}, 9);
    return linear(mean(self.registry().observe("features", padded), {2, 3}), Var(W));
  });
  net.head = CamWeights{.weights = W, .path = "features", .margin = 1};
  const Tensor x = Tensor::from<float>({1, 3, 1, 2}, {1, 2, 0, 0, 0, 0});
  const auto maps = explain_all(net, input_of(x, {.classes = {0}, .probability = false}),
                                {parse_explainer("cam"), parse_explainer("gradcam")});
  EXPECT_EQ(maps.by_explainer[0].maps.values<float>(), (std::vector<float>{1, 2}));
  EXPECT_EQ(maps.by_explainer[1].maps.shape(), Shape({1, 1, 2}));
}

// On a net that ends in mean and linear, dlogit/dA_k = W_k / Z everywhere: Grad-CAM = CAM / Z. Holds for a
// group too, by the chain rule through log-sum-exp. Tolerance: float rounding of sums of 8 products.
TEST(Cam, EqualsGradCamUpToTheNumberOfCells) {
  SmallNet net;
  const Tensor x = random_tensor({2, 3, 16, 16}, "x");
  for (const std::vector<int>& classes : {std::vector<int>{2}, std::vector<int>{0, 3, 4}}) {
    const ExplainInput input = input_of(x, {.classes = classes, .probability = false});
    const auto both =
        explain_all(net, input, {parse_explainer("cam:relu=0"), parse_explainer("gradcam:relu=0")});
    const auto cam = both.by_explainer[0].maps.values<float>();
    const auto grad = both.by_explainer[1].maps.values<float>();
    ASSERT_EQ(cam.size(), 2u * 8 * 8);
    for (std::size_t i = 0; i < cam.size(); ++i) EXPECT_NEAR(cam[i], 64 * grad[i], 1e-4) << i;
  }
}

TEST(Cam, RefusesNetsWithoutALinearHead) {
  SmallNet net;
  net.head.reset();
  const ExplainInput input = input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {0}});
  EXPECT_THROW(explain(net, input, parse_explainer("cam")), Error);
  EXPECT_THROW(explain(net, input, parse_explainer("gradcam:layer=nowhere")), Error);
}

// The gradient of a linear net is its weight row, whatever the noise.
TEST(SmoothGrad, LinearNetGivesItsWeights) {
  const Tensor w = random_tensor({2, 3 * 16 * 16}, "w");
  LinearNet net(w);
  const ExplainInput input =
      input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}, .probability = false});
  const auto map = explain(net, input, parse_explainer("smoothgrad:samples=7")).values<float>();
  const float* row = w.data<const float>() + 3 * 256;
  for (std::size_t i = 0; i < 256; ++i)
    EXPECT_NEAR(map[i], std::abs(row[i]) + std::abs(row[256 + i]) + std::abs(row[512 + i]), 1e-5);
}

// Noise 0: the plain gradient, checked against central differences of the probability.
TEST(SmoothGrad, WithoutNoiseIsTheGradient) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const ExplainInput input = input_of(x, {.classes = {2}});
  const auto one = explain(net, input, parse_explainer("smoothgrad:samples=1:noise=0:reduction=signed"));
  const auto three = explain(net, input, parse_explainer("smoothgrad:samples=4:noise=0:reduction=signed"));
  EXPECT_EQ(one.values<float>(), three.values<float>());  // a mean of 4 equal floats is exact
  for (const std::int64_t pixel : {0, 37, 200}) {
    const auto probability = [&](float step) {
      Tensor moved = x.clone();
      for (int c = 0; c < 3; ++c) moved.data<float>()[c * 256 + pixel] += step;
      return explain_all(net, input_of(moved, {.classes = {2}}), {}).probability[0];
    };
    const double numeric = (probability(1e-2F) - probability(-1e-2F)) / 2e-2;
    // float32 probabilities near 1e-7 exact over a step of 1e-2, and kinks of ReLU
    EXPECT_NEAR(one.values<float>()[static_cast<std::size_t>(pixel)], numeric, 2e-4);
  }
}

TEST(SmoothGrad, NoiseChangesTheMapAndTheSeedChangesTheNoise) {
  SmallNet net;
  ExplainInput input = input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {2}});
  const auto options = parse_explainer("smoothgrad:samples=3");
  const auto first = explain(net, input, options).values<float>();
  input.seed = 2;
  EXPECT_NE(explain(net, input, options).values<float>(), first);
  input.seed = 1;
  EXPECT_EQ(explain(net, input, options).values<float>(), first);
}

// Explainers of noisy copies see the same noise, so maps of one picture follow from each other. Signed sums
// of the three channels cannot be squared: the input has one channel that counts, the weights of others are
// 0.
TEST(SmoothGrad, SquaresAndVarianceFollowFromTheGradientsOfTheCopies) {
  Tensor w = random_tensor({6, 3, 3, 3}, "one channel", 0.3);
  for (std::int64_t k = 0; k < 6; ++k) std::fill_n(w.data<float>() + k * 27 + 9, 18, 0.0F);
  TestNet net(6, [w](TestNet&, const Var& x) {
    return mean(tanh(conv2d(x, Var(w), {.padding = {1, 1, 1, 1}})), {2, 3});
  });
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const ExplainInput input = input_of(x, {.classes = {2}, .probability = false});
  const auto [low, high] = std::minmax_element(x.data<const float>(), x.data<const float>() + x.numel());
  constexpr int kCopies = 4;
  std::vector<double> mean_of(256), squares(256);
  for (std::uint32_t i = 0; i < kCopies; ++i) {
    Tensor copy({1, 3, 16, 16});
    RandomStream(input.seed, "smoothgrad", input.items[0], i)
        .fill_normal(copy[0], 0, 0.2 * (static_cast<double>(*high) - *low));
    for (std::int64_t j = 0; j < copy.numel(); ++j) copy.data<float>()[j] += x.data<const float>()[j];
    const auto g = explain(net, input_of(copy, {.classes = {2}, .probability = false}),
                           parse_explainer("saliency:reduction=signed"))
                       .values<float>();
    for (std::size_t j = 0; j < g.size(); ++j) {
      mean_of[j] += g[j] / static_cast<double>(kCopies);
      squares[j] += static_cast<double>(g[j]) * g[j] / kCopies;
    }
  }
  const auto squared =
      explain(net, input, parse_explainer("smoothgrad_sq:samples=4:noise=0.2")).values<float>();
  const auto variance = explain(net, input, parse_explainer("vargrad:samples=4:noise=0.2")).values<float>();
  for (std::size_t j = 0; j < 256; ++j) {  // float32 rounding of the maps
    EXPECT_NEAR(squared[j], squares[j], 1e-6 * squares[j] + 1e-12) << j;
    EXPECT_NEAR(variance[j], squares[j] - mean_of[j] * mean_of[j], 1e-6 * squares[j] + 1e-12) << j;
  }
}

// All copies have one gradient there, so the variance is 0: rounding may not make it less.
TEST(SmoothGrad, VarianceIsNeverNegative) {
  LinearNet net(random_tensor({2, 3 * 16 * 16}, "w"));
  const ExplainInput input =
      input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}, .probability = false});
  for (const float v : explain(net, input, parse_explainer("vargrad:samples=7")).values<float>()) {
    EXPECT_GE(v, 0);
    EXPECT_LE(v, 1e-6F);  // float32 rounding of squares of normal numbers
  }
}

// On a linear net Gradient SHAP is (x - x') w plus the mean of the noise, whatever the points on the path.
TEST(GradientShap, LinearNetGivesDifferenceTimesWeight) {
  const Tensor w = random_tensor({2, 3 * 16 * 16}, "w");
  LinearNet net(w);
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const ExplainInput input = input_of(x, {.classes = {1}, .probability = false});
  const auto map =
      explain(net, input, parse_explainer("gradshap:samples=3:noise=0:reduction=signed")).values<float>();
  const float* row = w.data<const float>() + 3 * 256;
  const float* p = x.data<const float>();
  for (std::size_t i = 0; i < 256; ++i)
    EXPECT_NEAR(map[i], p[i] * row[i] + p[256 + i] * row[256 + i] + p[512 + i] * row[512 + i], 1e-5);
}

// s = sum of x^2 has the gradient 2 a x at the point a x of the path from 0, so the map is 2 mean(a_i) x^2;
// the points are RandomStream(seed, "gradshap point", item, i), as methods.h says.
TEST(GradientShap, PointsAreWhereTheStreamSays) {
  TestNet net(1, [](TestNet&, const Var& x) { return sum(reshape(square(x), {x.dim(0), 1, 768}), {2}); });
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const ExplainInput input = input_of(x, {.classes = {0}, .probability = false});
  const auto map =
      explain(net, input, parse_explainer("gradshap:samples=3:noise=0:reduction=signed")).values<float>();
  double a = 0;
  for (std::uint32_t i = 0; i < 3; ++i)
    a += RandomStream(input.seed, "gradshap point", input.items[0], i).uniform(0) * 2 / 3;
  const float* p = x.data<const float>();
  for (std::size_t i = 0; i < 256; ++i)  // float32 rounding of points and gradients, squares up to about 16
    EXPECT_NEAR(map[i], a * (p[i] * p[i] + p[256 + i] * p[256 + i] + p[512 + i] * p[512 + i]), 1e-5);
}

// Completeness: the attributions add up to s(x) - s(x').
TEST(IntegratedGradients, AreComplete) {
  SmallNet net;
  const Tensor x = random_tensor({2, 3, 16, 16}, "x");
  for (const char* baseline : {"zero", "mean", "blur"}) {
    const auto options = parse_explainer(cat("ig:steps=100:reduction=signed:baseline=", baseline));
    const Tensor maps = explain(net, input_of(x, {.classes = {1, 3}}), options);
    for (std::int64_t n = 0; n < 2; ++n) {
      Tensor ends({2, 3, 16, 16});
      ends[0].copy_from(x[n]);
      ends[1].copy_from(baseline_of(x[n], options.baseline));
      const auto p = explain_all(net, input_of(ends, {.classes = {1, 3}}), {}).probability;
      // 100 points on a path with kinks of ReLU: off by up to 3e-4 of scores near 0.1
      EXPECT_NEAR(sum_of(maps[n]), p[0] - p[1], 6e-4) << baseline;
    }
  }
}

TEST(IntegratedGradients, BaselinesByHand) {
  const Tensor x = Tensor::from<float>({3, 1, 2}, {1, 3, 5, 5, 0, -2});
  EXPECT_EQ(baseline_of(x, PathStart::kZero).values<float>(), std::vector<float>(6, 0));
  EXPECT_EQ(baseline_of(x, PathStart::kMean).values<float>(), (std::vector<float>{2, 2, 5, 5, -1, -1}));
  EXPECT_NEAR(baseline_of(x, PathStart::kBlur).values<float>()[2], 5, 1e-6);
}

// A linear net, superpixels that go to 0: the score is linear in the bits, and LIME finds each superpixel's
// exact share, the sum of w x over its pixels.
TEST(Lime, RecoversALinearModelExactly) {
  const Tensor w = random_tensor({2, 3 * 16 * 16}, "w");
  LinearNet net(w);
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  ExplainInput input = input_of(x, {.classes = {1}, .probability = false});
  std::vector<std::int32_t> blocks(256);
  for (std::size_t i = 0; i < 256; ++i) blocks[i] = static_cast<std::int32_t>(i / 64 * 4 + i % 16 / 4);
  input.segments = {Tensor::from<std::int32_t>({16, 16}, blocks)};
  const auto result = explain_all(net, input, {parse_explainer("lime:samples=60:off=zero:reduction=signed")});
  const Explanation& lime = result.by_explainer[0];
  std::vector<double> expected(16);
  for (std::size_t i = 0; i < 768; ++i)
    expected[static_cast<std::size_t>(blocks[i % 256])] +=
        static_cast<double>(w.data<const float>()[768 + i]) * x.data<const float>()[i];
  ASSERT_EQ(lime.coefficients[0].size(), 16u);
  // float32 logits of size 30 are exact to about 1e-5; the fit averages 60 of them
  for (std::size_t j = 0; j < 16; ++j) EXPECT_NEAR(lime.coefficients[0][j], expected[j], 1e-4) << j;
  EXPECT_GT(lime.fit[0], 1 - 1e-9);
  for (std::size_t i = 0; i < 256; ++i)
    EXPECT_NEAR(lime.maps.values<float>()[i], expected[static_cast<std::size_t>(blocks[i])], 1e-4);
}

TEST(Lime, OffShowsTheMeanColour) {
  LinearNet net(Tensor::full({1, 3 * 16 * 16}, 1));
  ExplainInput input = input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {0}, .probability = false});
  // The sum over a superpixel is the same with its mean colour: nothing speaks for the class.
  const auto result =
      explain_all(net, input, {parse_explainer("lime:samples=40:segments=4:reduction=signed")});
  for (const double c : result.by_explainer[0].coefficients[0]) EXPECT_NEAR(c, 0, 1e-4);
}

std::vector<ExplainOptions> all_explainers() {
  return {parse_explainer("cam"), parse_explainer("gradcam"), parse_explainer("smoothgrad:samples=5"),
          parse_explainer("ig:steps=5"), parse_explainer("lime:samples=40:segments=9")};
}

std::vector<std::vector<float>> bits_of(const Explanations& e) {
  std::vector<std::vector<float>> bits;
  for (const Explanation& one : e.by_explainer) bits.push_back(one.maps.values<float>());
  bits.emplace_back(e.probability.begin(), e.probability.end());
  return bits;
}

TEST(Explain, SameBitsForAnyBatchBudgetAndThreads) {
  SmallNet net;
  ExplainInput all = input_of(random_tensor({5, 3, 16, 16}, "x"), {.classes = {2}});
  for (std::size_t n = 0; n < 5; ++n) all.targets[n].classes = {static_cast<int>(n)};
  set_threads(4);
  const auto together = bits_of(explain_all(net, all, all_explainers()));
  set_threads(1);
  for (std::size_t n = 0; n < 5; ++n) {
    ExplainInput one =
        input_of(all.x.slice(static_cast<std::int64_t>(n), static_cast<std::int64_t>(n + 1)), all.targets[n]);
    one.items = {all.items[n]};
    one.budget_bytes = 1;
    const auto alone = bits_of(explain_all(net, one, all_explainers()));
    for (std::size_t e = 0; e < alone.size(); ++e) {
      const auto begin = together[e].begin() + static_cast<std::ptrdiff_t>(n * alone[e].size());
      EXPECT_TRUE(std::equal(alone[e].begin(), alone[e].end(), begin)) << "picture " << n << ", entry " << e;
    }
  }
  set_threads(0);
}

TEST(Explain, HalvesTheBatchWhenMemoryRunsOut) {
  SmallNet roomy, tight(Device::kCpu, 3), none(Device::kCpu, 0);
  const ExplainInput input = input_of(random_tensor({9, 3, 16, 16}, "x"), {.classes = {2}});
  EXPECT_EQ(bits_of(explain_all(tight, input, all_explainers())),
            bits_of(explain_all(roomy, input, all_explainers())));
  EXPECT_THROW(explain_all(none, input, all_explainers()), Error);
}

TEST(Explain, ReferenceAgreesWithCpu) {
  SmallNet reference(Device::kReference), cpu;
  const Tensor x = random_tensor({2, 3, 16, 16}, "x");
  const auto a =
      bits_of(explain_all(reference, input_of(x.to(Device::kReference), {.classes = {2}}), all_explainers()));
  const auto b = bits_of(explain_all(cpu, input_of(x, {.classes = {2}}), all_explainers()));
  for (std::size_t e = 0; e < a.size(); ++e) {
    ASSERT_EQ(a[e].size(), b[e].size());
    // float32 convolutions of 54 terms; LIME's fit spreads the rounding of its 40 scores
    for (std::size_t i = 0; i < a[e].size(); ++i) EXPECT_NEAR(a[e][i], b[e][i], 2e-4) << e << " " << i;
  }
}

TEST(Explain, FlagsMapsThatSayNothing) {
  LinearNet net(Tensor::zeros({2, 3 * 16 * 16}));
  const auto result = explain_all(net, input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}}),
                                  {parse_explainer("smoothgrad:samples=2"), parse_explainer("ig:steps=2")});
  for (const Explanation& e : result.by_explainer) {
    EXPECT_TRUE(e.empty[0]);
    EXPECT_EQ(sum_of(e.maps), 0);
  }
  EXPECT_NEAR(result.probability[0], 0.5, 1e-7);
}

// The gradient of p through the softmax and that of the logit differ; two Grad-CAMs in one call do not mix.
TEST(Explain, EachExplainerHasItsOwnScore) {
  SmallNet net;
  const Tensor x = random_tensor({2, 3, 16, 16}, "x");
  const ExplainInput input = input_of(x, {.classes = {1, 2}});
  const auto both = explain_all(
      net, input,
      {parse_explainer("gradcam:score=probability"), parse_explainer("cam"), parse_explainer("gradcam")});
  ExplainInput logit = input_of(x, {.classes = {1, 2}, .probability = false});
  const auto maps = [&](std::size_t i) { return both.by_explainer[i].maps.values<float>(); };
  EXPECT_EQ(maps(0), explain(net, input, ExplainOptions{}).values<float>());
  EXPECT_EQ(maps(2), explain(net, logit, ExplainOptions{}).values<float>());
  EXPECT_NE(maps(0), maps(2));
  EXPECT_EQ(maps(1), explain(net, input, parse_explainer("cam")).values<float>());
}

TEST(Explain, ProbabilityAndTop1AreTheNets) {
  LinearNet net(Tensor::from<float>({2, 3}, {1, 0, 0, 0, 1, 0}));
  const Tensor x = Tensor::from<float>({1, 3, 1, 1}, {0, std::log(3.0F), 0});
  const auto result = explain_all(net, input_of(x, {.classes = {1}}), {});
  EXPECT_NEAR(result.probability[0], 0.75, 1e-6);
  EXPECT_EQ(result.top1[0], 1);
}

TEST(Explain, LeavesTheClassifierAsItWas) {
  SmallNet net;
  net.registry().mode.training = true;
  net.conv1.require_grad(false);
  explain_all(net, input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {2}}), all_explainers());
  EXPECT_TRUE(net.registry().mode.training);
  EXPECT_FALSE(net.conv1.var().requires_grad());
  EXPECT_TRUE(net.conv2.var().requires_grad());
  EXPECT_FALSE(net.conv2.var().grad().defined());
}

TEST(Explain, RefusesInputThatDoesNotFit) {
  SmallNet net;
  ExplainInput input = input_of(random_tensor({2, 3, 16, 16}, "x"), {.classes = {2}});
  input.targets.pop_back();
  EXPECT_THROW(explain_all(net, input, all_explainers()), Error);
  input = input_of(random_tensor({2, 3, 16, 16}, "x"), {.classes = {5}});
  EXPECT_THROW(explain_all(net, input, all_explainers()), Error);
  input = input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}});
  input.segments = {Tensor::zeros({4, 4}, DType::kInt32)};
  EXPECT_THROW(explain_all(net, input, all_explainers()), Error);
}

TEST(ExplainerNames, RoundTrip) {
  EXPECT_EQ(describe(parse_explainer("smoothgrad")), "smoothgrad:samples=50:noise=0.1:reduction=abs");
  for (const char* text : {"cam:relu=1", "gradcam:layer=layer4.1:relu=0:score=logit",
                           "gradcam:layer=features/Relu6:0:relu=1:score=probability",
                           "ig:steps=10:baseline=blur:path=ends:reduction=square:score=logit",
                           "lime:samples=200:settle=0.01:nearness=picture:penalty=lasso:alpha=0.1:segments="
                           "50:compactness=10:grid=0:"
                           "off=zero:reduction=positive"})
    EXPECT_EQ(describe(parse_explainer(text)), text);
}

TEST(ExplainerNames, ErrorsListWhatThereIs) {
  const auto message = [](const char* text) -> std::string {
    try {
      parse_explainer(text);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message("gradcamm"), cat("explainer: there are ", explainer_names(), "; got 'gradcamm'"));
  EXPECT_NE(message("gradcamm").find(" gradcam, "), std::string::npos);
  EXPECT_EQ(message("fem:samples=3"),
            "explainer: fem has the settings layer, relu, scales, flip; got 'samples'");
  EXPECT_EQ(message("ig:preset=paper"), "explainer: ig has the presets interpretdl, captum; got 'paper'");
  EXPECT_EQ(message("ig:baseline=black"), "explainer: baseline must be one of zero, blur, mean; got 'black'");
  EXPECT_EQ(message("smoothgrad:samples=0"), "explainer: samples must be a number >= 1; got '0'");
  EXPECT_EQ(message("lime:fast"), "explainer: settings of lime read name=value; got 'fast'");
}

}  // namespace
}  // namespace clearcut
