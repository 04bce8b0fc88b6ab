// Agreement of members by its definition, and a threshold that no mask had a say in.
#include "explain/unlabelled.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

using test::Fuse;

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

// Fleiss 1971: P_i = (sum of n_ij^2 - m) / (m (m - 1)) over the two categories j, P = mean of P_i, P_e = sum
// of p_j^2. n: members that mark each pixel, of m.
double fleiss(const std::vector<double>& n, double m) {
  double P = 0, p = 0;
  for (const double marked : n) {
    P += (marked * marked + (m - marked) * (m - marked) - m) / (m * (m - 1));
    p += marked / m;
  }
  P /= static_cast<double>(n.size());
  p /= static_cast<double>(n.size());
  const double chance = p * p + (1 - p) * (1 - p);
  return (P - chance) / (1 - chance);
}

TEST(Agreement, IsFleissKappa) {
  AgreementSweep sweep({0.25, 0.5, 0.75, 2});
  sweep.add({row({0.1F, 0.3F, 0.6F, 0.9F, 0.5F}), row({0.0F, 0.6F, 0.8F, 0.7F, 0.2F}),
             row({0.3F, 0.2F, 0.5F, 1.0F, 0.1F})});
  EXPECT_NEAR(sweep.kappa(0), fleiss({1, 2, 3, 3, 1}, 3), 1e-12);
  EXPECT_NEAR(sweep.kappa(1), fleiss({0, 1, 3, 3, 1}, 3), 1e-12);  // a strength at the threshold reaches it
  EXPECT_NEAR(sweep.kappa(2), fleiss({0, 0, 1, 2, 0}, 3), 1e-12);
  EXPECT_TRUE(std::isnan(sweep.kappa(3)));  // nothing is marked
}

TEST(Agreement, OneMaskIsOneAndOppositeMasksAreBelowChance) {
  AgreementSweep same({0.5}), opposite({0.5}), alone({0.5});
  same.add({row({0, 1, 1}), row({0, 1, 1})});
  opposite.add({row({0, 1}), row({1, 0})});
  alone.add({row({0, 1})});
  EXPECT_DOUBLE_EQ(same.kappa(0), 1);
  EXPECT_DOUBLE_EQ(opposite.kappa(0), -1);
  EXPECT_TRUE(std::isnan(alone.kappa(0)));
  same.add(opposite);  // 5 pixels: 0, 2, 2, 1, 1 of 2
  EXPECT_NEAR(same.kappa(0), fleiss({0, 2, 2, 1, 1}, 2), 1e-12);
}

// Both networks see one channel, so all members agree on the squares at every threshold above 0; where the
// consensus is 25 or 36 of 256 pixels, the share is known.
TEST_F(Fuse, ChoosesWithoutMasks) {
  const Dataset set = data();
  Ensemble members = ensemble(set);
  const UnlabelledChoice choice =
      choose_without_labels(set, members, {.measures = {Measure::kValue}, .thresholds = {0, 0.5, 1}});
  EXPECT_EQ(choice.pictures, 3);
  EXPECT_EQ(choice.threshold, 0.5);  // of equal agreement the lowest; at 0 all is foreground
  EXPECT_DOUBLE_EQ(choice.agreement, 1);
  EXPECT_NEAR(choice.share, (25.0 + 36 + 25 + 36) / 4 / 256, 1e-12);
  EXPECT_DOUBLE_EQ(choice.curves[0].share[0], 1);
  EXPECT_DOUBLE_EQ(choice.curves[0].agreement[1].low, 1);
  EXPECT_TRUE(std::isnan(choice.curves[0].agreement[0].estimate));
}

TEST_F(Fuse, ComesNearestToAShare) {
  const Dataset set = data();
  Ensemble members = ensemble(set);
  UnlabelledOptions options{.measures = {Measure::kRank}, .thresholds = {0.5, 0.85, 0.9}, .share = 0.1};
  // Rank of a square's pixels: 231 / 256 or 220 / 256 lie below: 0.902 and 0.859.
  const UnlabelledChoice choice = choose_without_labels(set, members, options);
  EXPECT_EQ(choice.threshold, 0.5);
  EXPECT_NEAR(choice.share, 30.5 / 256, 1e-12);
  options.share = 0.05;
  EXPECT_EQ(choose_without_labels(set, members, options).threshold, 0.9);
  options.thresholds = {0.5, 1};  // no rank reaches 1
  options.share = 0.01;
  expect_error([&] { choose_without_labels(set, members, options); },
               "at the threshold nearest to that share");
}

TEST_F(Fuse, ChoosingNeedsTwoMembersAndNoVotes) {
  const Dataset set = data();
  Ensemble members = ensemble(set);
  expect_error(
      [&] { choose_without_labels(set, members, {.measures = {Measure::kVotes}, .thresholds = {0.5}}); },
      "a single member has no votes");
  std::vector<std::unique_ptr<Classifier>> nets;
  nets.push_back(test::colour_net("one"));
  Ensemble alone(std::move(nets), {.explainers = {parse_explainer("cam")}}, set.class_names, {1, 2});
  expect_error([&] { choose_without_labels(set, alone, {.thresholds = {0.5}}); }, "nobody to agree with");
}

}  // namespace
}  // namespace clearcut
