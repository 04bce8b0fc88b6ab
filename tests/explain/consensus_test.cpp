#include "explain/consensus.h"

#include <gtest/gtest.h>

#include <cmath>

namespace clearcut {
namespace {

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}

TEST(Consensus, SharesByHand) {
  const MemberMap member{.map = row({-1, 3, 1}), .square = {}, .segments = {}, .coefficients = {}};
  EXPECT_EQ(member_share(Variant::kAbs, member).values<float>(), (std::vector<float>{1, 3, 1}));
  EXPECT_EQ(member_share(Variant::kSquare, member).values<float>(), (std::vector<float>{1, 9, 1}));
  EXPECT_EQ(member_share(Variant::kMinMax, member).values<float>(), (std::vector<float>{0, 1, 0.5}));
  // Of several channels the mean of squares is not the square of the sum.
  MemberMap squared = member;
  squared.square = row({2, 7, 4});
  EXPECT_EQ(member_share(Variant::kSquare, squared).values<float>(), (std::vector<float>{2, 7, 4}));
}

// w = (3, -4): w^2 / ||w|| = 9/5, 16/5. Without coefficients w_j is the mean over the superpixel: (1, 2).
TEST(Consensus, LimeShareByHand) {
  MemberMap member{.map = row({0, 2, 2}), .square = {}, .segments = {}, .coefficients = {3, -4}};
  EXPECT_THROW(member_share(Variant::kLime, member), Error);
  member.segments = Tensor::from<std::int32_t>({1, 3}, {0, 0, 1});
  EXPECT_EQ(member_share(Variant::kLime, member).values<float>(), (std::vector<float>{1.8F, 1.8F, 3.2F}));
  member.coefficients.clear();
  const auto e = member_share(Variant::kLime, member).values<float>();
  EXPECT_NEAR(e[0], 1 / std::sqrt(5.0), 1e-6);
  EXPECT_NEAR(e[2], 4 / std::sqrt(5.0), 1e-6);
}

// Means over the superpixels {0, 2}, {2, 6}, {2} are 1, 4, 2: min-max scaled 0, 1, 1/3.
TEST(Consensus, RegionsShareByHand) {
  MemberMap member{.map = row({0, 2, 2, 6, 2}), .square = {}, .segments = {}, .coefficients = {}};
  EXPECT_THROW(member_share(Variant::kRegions, member), Error);
  member.segments = Tensor::from<std::int32_t>({1, 5}, {0, 0, 1, 1, 2});
  const auto e = member_share(Variant::kRegions, member).values<float>();
  EXPECT_EQ(e, (std::vector<float>{0, 0, 1, 1, 1.0F / 3}));
}

// numpy.percentile([0, 1, 2, 10], 99) = 9.76. Where 99 of 100 pixels are the smallest, minmax is left.
TEST(Consensus, PercentileShareByHand) {
  const MemberMap member{.map = row({0, 1, 2, 10}), .square = {}, .segments = {}, .coefficients = {}};
  const auto e = member_share(Variant::kPercentile, member).values<float>();
  EXPECT_EQ(e[0], 0);
  EXPECT_NEAR(e[1], 1 / 9.76, 1e-7);
  EXPECT_NEAR(e[2], 2 / 9.76, 1e-7);
  EXPECT_EQ(e[3], 1);
  std::vector<float> hundred(101);
  for (std::size_t i = 0; i < hundred.size(); ++i) hundred[i] = 5 + static_cast<float>(i * 37 % 101);
  const auto shares = member_share(Variant::kPercentile,
                                   {.map = row(hundred), .square = {}, .segments = {}, .coefficients = {}})
                          .values<float>();
  for (std::size_t i = 0; i < hundred.size(); ++i)  // the 99th percentile of 5 .. 105 is 104
    EXPECT_NEAR(shares[i], std::min(1.0F, (hundred[i] - 5) / 99), 1e-7F) << i;
  std::vector<float> sparse(200, 1);
  sparse[7] = 3;
  const auto one = member_share(Variant::kPercentile,
                                {.map = row(sparse), .square = {}, .segments = {}, .coefficients = {}})
                       .values<float>();
  EXPECT_EQ(one[7], 1);
  EXPECT_EQ(one[8], 0);
}

// scipy.stats.rankdata([4, 1, 4, 9, 0], "min") - 1 = 2, 1, 2, 4, 0.
TEST(Consensus, RankShareByHand) {
  const MemberMap member{.map = row({4, 1, 4, 9, 0}), .square = {}, .segments = {}, .coefficients = {}};
  EXPECT_EQ(member_share(Variant::kRank, member).values<float>(),
            (std::vector<float>{0.4F, 0.2F, 0.4F, 0.8F, 0}));
}

TEST(Consensus, FusionsHaveWords) {
  EXPECT_EQ(parse_fusion("regions:downweight"),
            (Fusion{.variant = Variant::kRegions, .wrong = Wrong::kDownweight}));
  for (const char* text :
       {"minmax", "abs:drop", "lime:downweight", "rank:agreement", "percentile:drop:accuracy"})
    EXPECT_EQ(describe(parse_fusion(text)), text);
  EXPECT_EQ(parse_fusion("rank:accuracy:drop"),
            (Fusion{.variant = Variant::kRank, .wrong = Wrong::kDrop, .weights = MemberWeights::kAccuracy}));
  EXPECT_EQ(describe(parse_fusion("square:keep")), "square");
  EXPECT_THROW(parse_fusion("mean"), Error);
  EXPECT_THROW(parse_fusion("minmax:often"), Error);
}

TEST(Consensus, ConstantMapsSayNothing) {
  const MemberMap member{.map = row({2, 2}), .square = {}, .segments = {}, .coefficients = {}};
  EXPECT_EQ(member_share(Variant::kAbs, member).values<float>(), (std::vector<float>{0, 0}));
}

TEST(Consensus, WeightedMeanAndVotes) {
  Consensus consensus(1, 3);
  EXPECT_TRUE(consensus.empty());
  consensus.add(row({0, 1, 2}), 1);
  consensus.add(row({4, 0, 1}), 3);
  consensus.add(row({0, 0, 0}), 5);  // says nothing
  consensus.add(row({9, 9, 0}), 0);  // does not count
  EXPECT_EQ(consensus.members(), 2);
  EXPECT_EQ(consensus.mean().values<float>(), (std::vector<float>{3, 0.25, 1.25}));
  // half of the way from minimum to maximum: the first votes for pixels 1 and 2, the second for 0
  EXPECT_EQ(consensus.votes().values<float>(), (std::vector<float>{0.75, 0.25, 0.25}));
  EXPECT_FALSE(consensus.empty());
}

// Pairwise cosines of (1,0), (0,1), (1,1): 0, 1/sqrt 2, 1/sqrt 2.
TEST(Consensus, AgreementIsTheMeanPairwiseCosine) {
  Consensus consensus(1, 2);
  EXPECT_TRUE(std::isnan(consensus.agreement()));
  consensus.add(row({0, 0}), 1);  // a member that says nothing
  EXPECT_TRUE(std::isnan(consensus.agreement()));
  consensus.add(row({1, 0}), 1);
  EXPECT_EQ(consensus.agreement(), 1);
  consensus.add(row({0, 7}), 2);
  EXPECT_NEAR(consensus.agreement(), 0, 1e-12);
  consensus.add(row({3, 3}), 1);
  EXPECT_NEAR(consensus.agreement(), 2 / std::sqrt(2.0) / 3, 1e-7);
}

// Mean cosines of each with the other two: (0 + 1/sqrt 2) / 2, the same, and (1/sqrt 2 + 1/sqrt 2) / 2.
TEST(Consensus, AgreementOfOneMember) {
  Consensus consensus(1, 2);
  consensus.add(row({1, 0}), 1);
  EXPECT_EQ(consensus.agreement_of(row({1, 0})), 1);
  consensus.add(row({0, 7}), 2);
  EXPECT_NEAR(consensus.agreement_of(row({0, 7})), 0, 1e-12);
  consensus.add(row({3, 3}), 1);
  EXPECT_NEAR(consensus.agreement_of(row({1, 0})), 1 / std::sqrt(2.0) / 2, 1e-7);
  EXPECT_NEAR(consensus.agreement_of(row({0, 7})), 1 / std::sqrt(2.0) / 2, 1e-7);
  EXPECT_NEAR(consensus.agreement_of(row({3, 3})), 1 / std::sqrt(2.0), 1e-7);
  EXPECT_EQ(consensus.agreement_of(row({0, 0})), 0);
}

TEST(Consensus, Cosine) {
  EXPECT_NEAR(cosine(row({3, 4}), row({4, 3})), 24.0 / 25, 1e-12);
  EXPECT_EQ(cosine(row({0, 0}), row({4, 3})), 0);
}

TEST(Consensus, WeightsOfWrongMembers) {
  const std::vector<Belief> beliefs = {{0.5, true}, {0.1, false}, {0, false}};
  EXPECT_EQ(belief_weights(Wrong::kKeep, beliefs), (std::vector<double>{1, 1, 1}));
  EXPECT_EQ(belief_weights(Wrong::kDownweight, beliefs), (std::vector<double>{0.5, 0.1, 0}));
  EXPECT_EQ(belief_weights(Wrong::kDrop, beliefs), (std::vector<double>{1, 0, 0}));
  // all wrong: by probability; no probability at all: alike
  EXPECT_EQ(belief_weights(Wrong::kDrop, {{0.2, false}, {0.1, false}}), (std::vector<double>{0.2, 0.1}));
  EXPECT_EQ(belief_weights(Wrong::kDrop, {{0, false}, {0, false}}), (std::vector<double>{1, 1}));
}

TEST(Consensus, AccuraciesMultiplyBeliefs) {
  const std::vector<Belief> beliefs = {{0.5, true}, {0.1, false}};
  EXPECT_EQ(classifier_weights(parse_fusion("minmax"), beliefs, {}), (std::vector<double>{1, 1}));
  EXPECT_EQ(classifier_weights(parse_fusion("minmax:accuracy"), beliefs, {0.75, 0.5}),
            (std::vector<double>{0.75, 0.5}));
  EXPECT_EQ(classifier_weights(parse_fusion("minmax:downweight:accuracy"), beliefs, {0.5, 0}),
            (std::vector<double>{0.25, 0}));
  // Nobody is left: all count alike.
  EXPECT_EQ(classifier_weights(parse_fusion("minmax:drop:accuracy"), beliefs, {0, 0.5}),
            (std::vector<double>{1, 1}));
  EXPECT_THROW(classifier_weights(parse_fusion("minmax:accuracy"), beliefs, {0.5}), Error);
}

TEST(Consensus, NamesRoundTrip) {
  for (const std::string& name : variant_names()) EXPECT_EQ(name_of(variant_from_name(name)), name);
  for (const char* name : {"keep", "downweight", "drop"}) EXPECT_EQ(name_of(wrong_from_name(name)), name);
  EXPECT_THROW(variant_from_name("mean"), Error);
}

}  // namespace
}  // namespace clearcut
