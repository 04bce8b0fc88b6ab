// The small pieces below the explainers: scores, least squares, path points, reductions.
#include "explain/target.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "explain/class_targets.h"
#include "explain/methods.h"
#include "tensor/file.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

// z = log(1, 2, 3, 4), so p = 0.1, 0.2, 0.3, 0.4.
const std::vector<float> kLogits = {0, std::log(2.0F), std::log(3.0F), std::log(4.0F)};

TEST(Target, ScoresByHand) {
  EXPECT_NEAR(target_score(kLogits.data(), 4, {.classes = {1}}), 0.2, 1e-7);
  EXPECT_NEAR(target_score(kLogits.data(), 4, {.classes = {1, 3}}), 0.6, 1e-7);
  EXPECT_NEAR(target_score(kLogits.data(), 4, {.classes = {2}, .probability = false}), std::log(3), 1e-7);
  EXPECT_NEAR(target_score(kLogits.data(), 4, {.classes = {1, 3}, .probability = false}), std::log(6), 1e-7);
}

TEST(Target, GradientsByHand) {
  std::vector<float> dz(4);
  const auto expect = [&](const std::vector<double>& expected) {
    for (std::size_t c = 0; c < 4; ++c) EXPECT_NEAR(dz[c], expected[c], 1e-7) << c;
  };
  target_gradient(kLogits.data(), 4, {.classes = {1, 3}}, dz.data());
  expect({0.1 * -0.6, 0.2 * 0.4, 0.3 * -0.6, 0.4 * 0.4});
  target_gradient(kLogits.data(), 4, {.classes = {1, 3}, .probability = false}, dz.data());
  expect({0, 2.0 / 6, 0, 4.0 / 6});
}

// 1 - s would round to 0 in double; the gradient of a sure classifier is small, not lost.
TEST(Target, GradientOfASureClassifier) {
  const std::vector<float> z = {60, 0};
  std::vector<float> dz(2);
  target_gradient(z.data(), 2, {.classes = {0}}, dz.data());
  EXPECT_NEAR(dz[0] / std::exp(-60.0), 1, 1e-6);
}

TEST(Target, RefusesWrongClasses) {
  EXPECT_THROW(check_target({.classes = {}}, 4), Error);
  EXPECT_THROW(check_target({.classes = {4}}, 4), Error);
  EXPECT_THROW(check_target({.classes = {1, 1}}, 4), Error);
}

// Two points: (1 -+ 1/sqrt 3) / 2. n points integrate x^(2n-1) exactly: 1 / 2n.
TEST(PathPoints, GaussLegendre) {
  const PathPoints two = path_points(PathRule::kGauss, 2);
  EXPECT_NEAR(two.at[0], (1 - 1 / std::sqrt(3.0)) / 2, 1e-14);
  EXPECT_NEAR(two.weight[0], 0.5, 1e-14);
  for (const int n : {1, 5, 10, 50}) {
    const PathPoints points = path_points(PathRule::kGauss, n);
    double power = 0;
    for (std::size_t i = 0; i < points.at.size(); ++i)
      power += points.weight[i] * std::pow(points.at[i], 2 * n - 1);
    EXPECT_NEAR(power, 1.0 / (2 * n), 1e-13) << n;
  }
}

TEST(PathPoints, UniformRules) {
  EXPECT_EQ(path_points(PathRule::kEnds, 3).at, (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(path_points(PathRule::kMidpoint, 2).at, (std::vector<double>{0.25, 0.75}));
}

TEST(Reduce, ChannelsByHand) {
  const std::vector<double> g = {1, -2, -3, 1, 2, -2};  // 3 channels, 2 pixels
  std::vector<float> map(2);
  const auto reduced = [&](Reduction r) {
    reduce_channels(g.data(), 3, 2, r, map.data());
    return map;
  };
  EXPECT_EQ(reduced(Reduction::kAbs), (std::vector<float>{6, 5}));
  EXPECT_EQ(reduced(Reduction::kSquare), (std::vector<float>{14.0F / 3, 3}));
  EXPECT_EQ(reduced(Reduction::kSigned), (std::vector<float>{0, -3}));
  EXPECT_EQ(reduced(Reduction::kPositive), (std::vector<float>{0, 0}));
}

// The file numbers the classes of ImageNet; a network that was trained for these very names has its own
// numbers.
TEST(ClassTargets, OwnNamesGoBeforeAGroupsFile) {
  const std::string file = testing::TempDir() + "/groups.json";
  write_file(file, std::string(R"({"groups": {"dog": {"ranges": [[0, 1]]}, "cat": {"ranges": [[3, 3]]}}})"));
  test::TestNet big(4, [](test::TestNet&, const Var& x) { return x; });
  big.name_classes({"beagle", "pug", "brick", "tabby, cat"});
  const std::vector<std::string> names = {"background", "cat", "dog"};
  EXPECT_EQ(class_targets(big, names, file), (std::vector<std::vector<int>>{{}, {3}, {0, 1}}));
  test::TestNet own(3, [](test::TestNet&, const Var& x) { return x; });
  own.name_classes({"background", "cat", "dog"});
  EXPECT_EQ(class_targets(own, names, file), (std::vector<std::vector<int>>{{0}, {1}, {2}}));
  std::remove(file.c_str());
}

}  // namespace
}  // namespace clearcut
