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

TEST(Consensus, FusionsHaveWords) {
  EXPECT_EQ(parse_fusion("regions:downweight"),
            (Fusion{.variant = Variant::kRegions, .wrong = Wrong::kDownweight}));
  for (const char* text : {"minmax", "abs:drop", "lime:downweight"})
    EXPECT_EQ(describe(parse_fusion(text)), text);
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
  consensus.add(row({1, 0}), 1);
  EXPECT_EQ(consensus.agreement(), 1);
  consensus.add(row({0, 7}), 2);
  EXPECT_NEAR(consensus.agreement(), 0, 1e-12);
  consensus.add(row({3, 3}), 1);
  EXPECT_NEAR(consensus.agreement(), 2 / std::sqrt(2.0) / 3, 1e-7);
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

TEST(Consensus, NamesRoundTrip) {
  for (const char* name : {"abs", "square", "minmax", "lime"})
    EXPECT_EQ(name_of(variant_from_name(name)), name);
  for (const char* name : {"keep", "downweight", "drop"}) EXPECT_EQ(name_of(wrong_from_name(name)), name);
  EXPECT_THROW(variant_from_name("mean"), Error);
}

}  // namespace
}  // namespace clearcut
