#include "explain/pssl.h"

#include <gtest/gtest.h>

#include "explain/member_scores.h"
#include "explain/sweep.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

Tensor row(const std::vector<float>& values) {
  return Tensor::from<float>({1, static_cast<std::int64_t>(values.size())}, values);
}
Tensor labels(const std::vector<std::int32_t>& values) {
  return Tensor::from<std::int32_t>({1, static_cast<std::int64_t>(values.size())}, values);
}

TEST(Pssl, StrengthsByHand) {
  const Tensor E = row({2, 4, 4, 10});
  EXPECT_EQ(strength(E, Measure::kRank).values<float>(), (std::vector<float>{0, 0.25, 0.25, 0.75}));
  EXPECT_EQ(strength(E, Measure::kValue).values<float>(), (std::vector<float>{0, 0.25, 0.25, 1}));
  EXPECT_EQ(strength(E, Measure::kMax).values<float>(), (std::vector<float>{0.2F, 0.4F, 0.4F, 1}));
  EXPECT_EQ(strength(row({3, 3}), Measure::kRank).values<float>(), (std::vector<float>{0, 0}));
}

// Level 9 of rank deciles keeps the top tenth of distinct values: parity with the ten-level label set.
TEST(Pssl, LevelNineKeepsTheTopTenth) {
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i * 37 % 100));
  const LabelRule rule = parse_rule("level:9");
  const Tensor label = make_label({{.label = 3, .strength = strength(row(values), rule.measure)}}, rule, {});
  for (std::size_t i = 0; i < 100; ++i)
    EXPECT_EQ(label.values<std::int32_t>()[i], values[i] >= 90 ? 3 : 0) << values[i];
}

TEST(Pssl, RulesAreReadAndWritten) {
  EXPECT_EQ(describe(parse_rule("value:0.5:0.2")), "value:0.5:0.2");
  EXPECT_EQ(describe(parse_rule("rank:0.8:snap")), "rank:0.8:snap");
  EXPECT_EQ(describe(parse_rule("share:0.25")), "rank:0.75");
  EXPECT_EQ(describe(parse_rule("level:9")), "rank:0.9");
  EXPECT_EQ(parse_rule("votes:0.5").measure, Measure::kVotes);
  for (const char* wrong : {"rank", "rank:2", "rank:0.2:0.5", "level:x", "top:0.5", "rank:0.5:0.4:0.3"})
    EXPECT_THROW(parse_rule(wrong), Error) << wrong;
}

TEST(Pssl, IgnoreBandAndTwoClasses) {
  const LabelRule rule{.measure = Measure::kValue, .fg = 0.6, .bg = 0.3};
  const LabelSpace space{.background = 0, .ignore = 255};
  const Tensor a = row({0.9F, 0.5F, 0.1F, 0.7F, 0.7F, 0.2F});
  const Tensor b = row({0.1F, 0.2F, 0.1F, 0.8F, 0.7F, 0.2F});
  EXPECT_EQ(make_label({{1, a}}, rule, space).values<std::int32_t>(),
            (std::vector<std::int32_t>{1, 255, 0, 1, 1, 0}));
  // pixel 3: b is stronger; pixel 4: a tie of two foregrounds; pixel 5: a tie below the bar is background
  EXPECT_EQ(make_label({{1, a}, {2, b}}, rule, space).values<std::int32_t>(),
            (std::vector<std::int32_t>{1, 255, 0, 2, 255, 0}));
  const LabelShares shares = label_shares(labels({1, 255, 0, 2, 255, 0}), space);
  EXPECT_NEAR(shares.foreground, 2.0 / 6, 1e-12);
  EXPECT_NEAR(shares.ignored, 2.0 / 6, 1e-12);
}

// Shares that vote for the class; on background 1 - the largest; nothing where it is ignored.
TEST(Pssl, PixelWeightsByHand) {
  const LabelSpace space{.background = 0, .ignore = 255};
  const Tensor a = row({0.75F, 0.25F, 0.5F, 0.5F}), b = row({0, 0.5F, 0.5F, 1});
  EXPECT_EQ(pixel_weights(labels({1, 0, 255, 2}), {{1, a}, {2, b}}, space).values<float>(),
            (std::vector<float>{0.75F, 0.5F, 0, 1}));
  EXPECT_EQ(pixel_weights(labels({0, 0}), {}, space).values<float>(), (std::vector<float>{1, 1}));
  EXPECT_THROW(pixel_weights(labels({0, 0}), {{1, a}}, space), Error);
}

TEST(Sweep, ThresholdsAreRead) {
  EXPECT_EQ(parse_thresholds("0:1:0.5"), (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(parse_thresholds("0:1:0.01").size(), 101u);
  EXPECT_THROW(parse_thresholds("0:1"), Error);
  EXPECT_THROW(parse_thresholds("0:2:0.1"), Error);
}

TEST(Pssl, TenLevelsByHand) {
  const Tensor label = labels({3, 5, 3, 5, 5, 5});
  const ClassStrength object{.label = 3, .strength = row({0.95F, 0.95F, 0.9F, 0.89F, 0.1F, 0.05F})};
  EXPECT_EQ(pssl_levels(label, object).values<std::int32_t>(), (std::vector<std::int32_t>{9, 8, 9, 8, 1, 0}));
}

// Each threshold's counts are those of the mask that make_label() cuts there.
TEST(Sweep, CountsAreThoseOfTheMasks) {
  const std::vector<double> thresholds = {0, 0.3, 0.5, 0.7, 1};
  const LabelSpace space{.background = 0, .ignore = 9};
  const Tensor truth = labels({0, 1, 1, 2, 9, 0, 2});
  const std::vector<ClassStrength> classes = {{1, row({0.2F, 0.5F, 0.9F, 0.1F, 0.5F, 0.6F, 0.4F})},
                                              {2, row({0.2F, 0.1F, 0.3F, 1, 0.5F, 0.6F, 0.3F})}};
  ThresholdSweep sweep(3, space, thresholds);
  sweep.add(classes, truth);
  ThresholdSweep twice(3, space, thresholds, 3);
  twice.add(sweep);
  twice.add(sweep, 2);
  expect_error([&] { twice.add(sweep, 3); }, "no group 3");
  const auto all = twice.all();  // [threshold][group]
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    const LabelRule rule{.measure = Measure::kValue, .fg = thresholds[i], .bg = thresholds[i]};
    ConfusionMatrix expected(3);
    expected.add(make_label(classes, rule, space), truth, 9, 9);
    for (int t = 0; t < 3; ++t)
      for (int p = 0; p <= 3; ++p) {
        EXPECT_EQ(sweep.at(i).count(t, p), expected.count(t, p)) << thresholds[i] << " " << t << " " << p;
        EXPECT_EQ(twice.at(i).count(t, p), 2 * expected.count(t, p));
        EXPECT_EQ(all[i][1].count(t, p), 0);
        EXPECT_EQ(all[i][2].count(t, p), expected.count(t, p));
      }
  }
}

TEST(Sweep, BestThresholdAndErrors) {
  ThresholdSweep sweep(2, {.background = 0, .ignore = 255}, {0.1, 0.5, 0.9});
  sweep.add({{1, row({0.2F, 0.6F, 0.8F})}}, labels({0, 1, 1}));
  EXPECT_EQ(sweep.best({}), 1u);  // 0.5 separates exactly
  EXPECT_EQ(scores(sweep.at(1)).miou, 1);
  sweep.add({}, labels({0, 0, 1}));  // no label: background everywhere
  EXPECT_EQ(sweep.at(1).count(1, 0), 1);
  EXPECT_THROW(sweep.add({{1, row({0.2F})}}, labels({0, 1})), Error);
  EXPECT_THROW(sweep.add({{1, row({0.2F})}}, labels({7})), Error);
}

//  map 0 1 2 8, object on the last two pixels
TEST(Localisation, ByHand) {
  const Tensor inside = Tensor::from<std::uint8_t>({1, 4}, {0, 0, 1, 1});
  const Localisation l = localise(row({0, 1, 2, 8}), inside, 0);
  EXPECT_TRUE(l.hit);
  EXPECT_NEAR(l.energy, 10.0 / 11, 1e-12);
  EXPECT_NEAR(l.precision, 1, 1e-5);  // eps 1e-6
  EXPECT_NEAR(l.recall, 0.5, 1e-5);   // 2 is not above 0.25 * 8
  EXPECT_NEAR(l.f1, 2.0 / 3, 1e-5);
  EXPECT_EQ(l.auc, 1);
  // pairs (inside, outside): 3 against 3 ties, 3 > 1, 0 < 3, 0 < 1: 1.5 of 4
  EXPECT_NEAR(localise(row({3, 1, 3, 0}), inside, 0).auc, 1.5 / 4, 1e-12);
}

TEST(Localisation, PointingGameForgivesAFewPixels) {
  const Tensor inside = Tensor::from<std::uint8_t>({1, 4}, {0, 0, 0, 1});
  EXPECT_FALSE(localise(row({9, 0, 0, 1}), inside, 2).hit);
  EXPECT_TRUE(localise(row({9, 0, 0, 1}), inside, 3).hit);
}

// The largest value stands on a pixel that does not count; of the others the last is the largest.
TEST(Localisation, IgnoredPixelsAreNotTheMaximum) {
  const Localisation l = localise(row({9, 0, 0, 1}), Tensor::from<std::uint8_t>({1, 4}, {255, 0, 0, 1}), 0);
  EXPECT_TRUE(l.hit);
  EXPECT_NEAR(l.f1, 1, 1e-5);  // its bar is 0.25 of 1; eps 1e-6
  EXPECT_EQ(l.energy, 1);
  const Tensor none = Tensor::full({1, 2}, 255, DType::kUInt8);
  EXPECT_FALSE(localise(row({1, 2}), none).hit);
  EXPECT_EQ(localise(row({1, 2}), none).f1, 0);
}

TEST(Localisation, AConstantMapPointsNowhere) {
  EXPECT_FALSE(localise(row({3, 3, 3}), Tensor::from<std::uint8_t>({1, 3}, {1, 0, 0})).hit);
  EXPECT_FALSE(localise(row({9, 3, 3}), Tensor::from<std::uint8_t>({1, 3}, {255, 1, 0})).hit);
}

// Two classes, one pixel each. Under the second fusion the strengths are right, under the first swapped.
TEST(BestChoice, TakesTheFusionThatFitsTheTruth) {
  const Tensor truth = Tensor::from<std::int32_t>({1, 2}, {0, 1});
  const auto sweep = [&](float left, float right) {
    ThresholdSweep one(2, {}, {0.5, 0.75});
    one.add({{.label = 1, .strength = Tensor::from<float>({1, 2}, {left, right})}}, truth);
    return one;
  };
  MemberScoreOptions options;
  options.measures = {Measure::kRank, Measure::kValue};
  SubsetScores scores;
  scores.fusions = {parse_fusion("abs"), parse_fusion("lime:drop")};
  scores.sweeps = {sweep(0.8F, 0.2F), sweep(0.9F, 0.6F), sweep(0.6F, 0.7F), sweep(0.6F, 0.8F)};
  const Choice choice = best_choice(scores, options, {});
  EXPECT_EQ(choice.fusion, parse_fusion("lime:drop"));
  EXPECT_EQ(choice.measure, Measure::kValue);
  EXPECT_EQ(choice.threshold, 0.75);
}

}  // namespace
}  // namespace clearcut
