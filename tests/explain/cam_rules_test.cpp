#include "explain/cam_rules.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/explain/golden_nets.h"

namespace clearcut {
namespace {

// Behind a mean and a linear layer dz_c/dA_k[i] = W_{c,k} / n; here it is tilted, as other heads' are.
TEST(CamRules, GradientsThatDifferByPosition) {
  const test::Arrays arrays = test::golden_arrays();
  const ExplainInput input = test::golden_input(arrays, "");
  test::GoldenNet net(arrays);
  Tap tap(net.registry(), "features");
  net.logits(Var(input.x));
  const Tensor A = tap.activation();
  const auto W = arrays.at("weight").values<float>();
  const auto tilt = arrays.at("tilt").values<double>();
  const std::int64_t K = A.dim(1), n = A.dim(2) * A.dim(3);
  for (std::int64_t picture = 0; picture < 2; ++picture) {
    const int c = input.targets[static_cast<std::size_t>(picture)].classes[0];
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
      if (!rule.gradient || rule.product) continue;  // the rule of refinecam is that of gradcam
      const auto expected = arrays.at(cat(rule.name, ".tilted"))[picture].values<double>();
      const CamMap map = rule.map(in);
      for (std::size_t i = 0; i < map.size(); ++i)
        EXPECT_NEAR(map[i], expected[i], test::golden_bound(rule.name, expected)) << rule.name << " " << i;
    }
  }
}

TEST(CamRules, NegativeValuesAreCutUnlessAskedFor) {
  const test::Arrays arrays = test::golden_arrays();
  const ExplainInput input = test::golden_input(arrays, "");
  test::GoldenNet net(arrays);
  const auto all = explain(net, input, parse_explainer("hirescam:relu=0")).values<float>();
  const auto cut = explain(net, input, parse_explainer("hirescam")).values<float>();
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

// A singular vector has no sign of its own: the largest value is the positive one, turned maps or not.
TEST(CamRules, ComponentsPointToTheirLargestValue) {
  constexpr std::int64_t K = 5, n = 12;
  std::vector<float> A(K * n), turned(K * n), g(K * n, 0.5F);
  const RandomStream stream(3, "features");
  for (std::size_t i = 0; i < A.size(); ++i) {
    A[i] = static_cast<float>(stream.uniform(static_cast<std::int64_t>(i)));
    turned[i] = -A[i];
  }
  for (const char* name : {"eigencam", "eigengradcam", "segeigencam", "kpcacam"})
    for (const auto* features : {&A, &turned}) {
      const CamMap map =
          cam_rule(name)->map({.A = features->data(), .g = g.data(), .K = K, .n = n, .random = {1, "none"}});
      const auto [low, high] = std::minmax_element(map.begin(), map.end());
      EXPECT_GE(*high, -*low) << name;
      EXPECT_GT(*high, 0) << name;
    }
}

TEST(CamRules, ComponentsOfAConstantMapSayNothing) {
  const std::vector<float> A(12, 3.0F);
  for (const char* name : {"eigencam", "kpcacam"}) {
    const CamMap map =
        cam_rule(name)->map({.A = A.data(), .g = nullptr, .K = 3, .n = 4, .random = {1, "none"}});
    EXPECT_EQ(map, CamMap(4, 0.0)) << name;
  }
}

}  // namespace
}  // namespace clearcut
