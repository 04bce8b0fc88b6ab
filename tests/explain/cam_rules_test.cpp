#include "explain/cam_rules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "explain/explainer.h"
#include "tensor/safetensors.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

/// The net of tests/golden/explain/explainers.py with its weights and pictures.
struct GoldenNet : test::TestNet {
  GoldenNet() : TestNet(5, [this](TestNet&, const Var& x) { return forward(x); }) {
    for (auto& [name, tensor] : read_safetensors("tests/golden/explain/explainers.safetensors").tensors)
      file.emplace(name, tensor);
    const auto classes = file.at("classes").values<std::int32_t>();
    input.x = file.at("x");
    for (std::size_t n = 0; n < classes.size(); ++n) {
      input.targets.push_back({.classes = {classes[n]}, .probability = false});
      input.items.push_back(n);
    }
  }
  Var forward(const Var& x) {
    Var y = relu(conv2d(x, Var(file.at("conv1")), {.padding = {1, 1, 1, 1}}));
    y = relu(conv2d(y, Var(file.at("conv2")), {.stride = {2, 2}, .padding = {1, 1, 1, 1}}));
    return linear(mean(registry().observe("features", y), {2, 3}), Var(file.at("weight")),
                  Var(file.at("bias")));
  }

  std::map<std::string, Tensor> file;
  ExplainInput input;
};

// Float32 against float64, at most a few hundred terms: 1e-5 of the largest value. Principal components stand
// off by the rounding over the distance to the next one: ten times that.
double bound(const std::string& name, const std::vector<double>& expected) {
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  return (name.find("eigen") != std::string::npos || name == "kpcacam" ? 1e-4 : 1e-5) * largest;
}

TEST(CamRules, EachIsItsPapersFormula) {
  GoldenNet net;
  for (const CamRule& rule : cam_rules()) {
    if (std::string(rule.name) == "randomcam") continue;  // below
    ASSERT_EQ(net.file.count(cat(rule.name, ".map")), 1U) << rule.name << " has no golden map";
    const auto expected = net.file.at(cat(rule.name, ".map")).values<double>();
    const auto map = explain(net, net.input, parse_explainer(cat(rule.name, ":relu=0"))).values<float>();
    ASSERT_EQ(map.size(), expected.size());
    for (std::size_t i = 0; i < map.size(); ++i)
      EXPECT_NEAR(map[i], expected[i], bound(rule.name, expected)) << rule.name << " " << i;
  }
}

// Behind a mean and a linear layer dz_c/dA_k[i] = W_{c,k} / n; here it is tilted, as other heads' are.
TEST(CamRules, GradientsThatDifferByPosition) {
  GoldenNet net;
  Tap tap(net.registry(), "features");
  net.logits(Var(net.input.x));
  const Tensor A = tap.activation();
  const auto W = net.file.at("weight").values<float>();
  const auto tilt = net.file.at("tilt").values<double>();
  const std::int64_t K = A.dim(1), n = A.dim(2) * A.dim(3);
  for (std::int64_t picture = 0; picture < 2; ++picture) {
    const int c = net.input.targets[static_cast<std::size_t>(picture)].classes[0];
    std::vector<float> g;
    for (std::int64_t j = 0; j < K * n; ++j)
      g.push_back(static_cast<float>(W[static_cast<std::size_t>(c * K + j / n)] / static_cast<double>(n) *
                                     tilt[static_cast<std::size_t>(j % n)]));
    const CamInput in{.A = A.data<const float>() + picture * K * n,
                      .g = g.data(),
                      .K = K,
                      .n = n,
                      .random = RandomStream(1, "none")};
    for (const CamRule& rule : cam_rules()) {
      if (!rule.gradient) continue;
      const auto expected = net.file.at(cat(rule.name, ".tilted"))[picture].values<double>();
      const CamMap map = rule.map(in);
      for (std::size_t i = 0; i < map.size(); ++i)
        EXPECT_NEAR(map[i], expected[i], bound(rule.name, expected)) << rule.name << " " << i;
    }
  }
}

TEST(CamRules, NegativeValuesAreCutUnlessAskedFor) {
  GoldenNet net;
  const auto all = explain(net, net.input, parse_explainer("hirescam:relu=0")).values<float>();
  const auto cut = explain(net, net.input, parse_explainer("hirescam")).values<float>();
  EXPECT_LT(*std::min_element(all.begin(), all.end()), 0);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(cut[i], std::max(0.0F, all[i]));
}

// One channel of ones: the map is that channel's weight, a number in [-1, 1) that depends on the picture.
TEST(CamRules, RandomWeightsFollowFromThePicture) {
  const std::vector<float> A(4, 1.0F);
  const auto weight = [&](std::uint64_t item) {
    const CamMap map =
        cam_rule("randomcam")
            ->map({.A = A.data(), .g = nullptr, .K = 1, .n = 4, .random = {1, "randomcam", item}});
    EXPECT_EQ(map, CamMap(4, map[0]));
    return map[0];
  };
  double low = 1, high = -1, sum = 0;
  for (std::uint64_t item = 0; item < 1000; ++item) {
    low = std::min(low, weight(item));
    high = std::max(high, weight(item));
    sum += weight(item);
  }
  EXPECT_EQ(weight(5), weight(5));
  EXPECT_GE(low, -1);
  EXPECT_LT(high, 1);
  EXPECT_LT(low, -0.98);  // of 1000 uniform numbers none beyond 0.98: 2e-9 to go wrong, but the seed is fixed
  EXPECT_GT(high, 0.98);
  EXPECT_NEAR(sum / 1000, 0, 0.06);  // three deviations of the mean: 3 / sqrt(3 * 1000)
}

TEST(CamRules, ComponentsOfAConstantMapSayNothing) {
  const std::vector<float> A(12, 3.0F);
  for (const char* name : {"eigencam", "kpcacam"}) {
    const CamMap map =
        cam_rule(name)->map({.A = A.data(), .g = nullptr, .K = 3, .n = 4, .random = {1, "none"}});
    EXPECT_EQ(map, CamMap(4, 0.0)) << name;
  }
}

TEST(GradientMaps, AreTheirFormulas) {
  GoldenNet net;
  for (const auto& [name, settings] : {std::pair{"saliency", ""}, {"gradxinput", ":reduction=signed"}}) {
    const auto expected = net.file.at(cat(name, ".map")).values<double>();
    const auto map = explain(net, net.input, parse_explainer(cat(name, settings))).values<float>();
    ASSERT_EQ(map.size(), expected.size());
    for (std::size_t i = 0; i < map.size(); ++i)
      EXPECT_NEAR(map[i], expected[i], bound(name, expected)) << name << " " << i;
  }
}

}  // namespace
}  // namespace clearcut
