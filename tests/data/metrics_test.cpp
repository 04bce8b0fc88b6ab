// Hand-counted matrices; scikit-learn's and OpenCV's numbers; intervals against the normal approximation.
#include "data/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/boundary.h"
#include "tensor/npy.h"
#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

Tensor row(const std::vector<std::int32_t>& values) {
  return Tensor::from({1, static_cast<std::int64_t>(values.size())}, values);
}

// truth       0 0 0 1 1 2 255        class 0: TP 2, FN 1 (undecided), FP 1 -> IoU 2/4
// prediction  0 0 U 1 0 2 1          class 1: TP 1, FN 1, FP 0 -> 1/2;  class 2: 1/1
ConfusionMatrix hand_matrix(int classes) {
  ConfusionMatrix m(classes);
  m.add(row({0, 0, 255, 1, 0, 2, 1}), row({0, 0, 0, 1, 1, 2, 255}));
  return m;
}

TEST(Metrics, HandCountedScores) {
  const SegmentationScores s = scores(hand_matrix(3));
  EXPECT_EQ(s.iou, (std::vector<double>{0.5, 0.5, 1.0}));
  EXPECT_DOUBLE_EQ(s.miou, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.pixel_accuracy, 4.0 / 6);
  EXPECT_DOUBLE_EQ(s.mean_accuracy, (2.0 / 3 + 0.5 + 1) / 3);
  EXPECT_DOUBLE_EQ(s.precision, 1.0);     // both pixels called 1 or 2 are right
  EXPECT_DOUBLE_EQ(s.coverage, 5.0 / 6);  // one of six is undecided
  EXPECT_DOUBLE_EQ(s.class_precision[0], 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.class_recall[1], 0.5);
  EXPECT_DOUBLE_EQ(scores(hand_matrix(3), {.background_in_mean = false}).miou, 0.75);
}

TEST(Metrics, AbsentClassesFollowThePolicy) {
  const ConfusionMatrix m = hand_matrix(4);  // class 3 is nowhere
  EXPECT_DOUBLE_EQ(scores(m, {.absent = Absent::kExclude}).miou, 2.0 / 3);
  EXPECT_EQ(scores(m, {.absent = Absent::kExclude}).classes_in_mean, 3);
  EXPECT_DOUBLE_EQ(scores(m, {.absent = Absent::kZero}).miou, 2.0 / 4);
  EXPECT_DOUBLE_EQ(scores(m, {.absent = Absent::kOne}).miou, 3.0 / 4);
  EXPECT_TRUE(std::isnan(scores(m).iou[3]));
  EXPECT_EQ(absent_from_name("zero"), Absent::kZero);
  EXPECT_EQ(name_of(Absent::kOne), "one");
  expect_error([] { absent_from_name("skip"); }, "exclude, zero or one; got 'skip'");
}

TEST(Metrics, EmptyMatricesGiveNaNNotCrashes) {
  const SegmentationScores s = scores(ConfusionMatrix(2));
  EXPECT_TRUE(std::isnan(s.miou));
  EXPECT_TRUE(std::isnan(s.pixel_accuracy));
}

TEST(Metrics, CountsBeyondThirtyTwoBits) {
  ConfusionMatrix m(2);
  m.add(Tensor::zeros({1 << 10, 1 << 10}, DType::kInt32), Tensor::zeros({1 << 10, 1 << 10}, DType::kInt32));
  for (int i = 0; i < 13; ++i) m.add(ConfusionMatrix(m));  // doubled 13 times
  EXPECT_EQ(m.count(0, 0), std::int64_t{1} << 33);
}

TEST(Metrics, WrongValuesNameTheCause) {
  ConfusionMatrix m(3);
  expect_error([&] { m.add(row({0}), row({3})); },
               "the truth has the value 3 at pixel 0; classes are 0 to 2 and 255 is ignored");
  expect_error([&] { m.add(row({0, 9}), row({0, 1})); }, "the prediction has the value 9 at pixel 1");
  expect_error([&] { m.add(row({0}), row({0, 1})); }, "must have one size");
}

Tensor golden(const std::string& name) {
  static const NamedTensors arrays = read_npz("tests/golden/data/metrics.npz");
  return find_array(arrays, name, "metrics.npz");
}

// Counts are whole numbers, and both sides divide them in double.
void expect_equal(const std::vector<double>& ours, const std::string& name) {
  const auto theirs = golden(name).values<double>();
  for (std::size_t c = 0; c < theirs.size(); ++c) EXPECT_NEAR(ours[c], theirs[c], 1e-14) << name << " " << c;
}

TEST(Metrics, ScikitLearnAndOpenCvCountTheSame) {
  ConfusionMatrix all(5);
  Tally sum;
  for (int k = 0; k < 3; ++k) {
    const Tensor truth = golden(cat("truth", k)), prediction = golden(cat("prediction", k));
    ConfusionMatrix counts(5);
    counts.add(prediction, truth, 255, 254);
    all.add(counts);
    Tally one = tally_of(counts);
    one.boundary = edge_counts(prediction, truth, 5, 0.02, 255, 254);
    const auto edges = golden("edges").values<std::int64_t>();
    for (std::size_t c = 0; c < 5; ++c) {
      const std::int64_t* n = edges.data() + (static_cast<std::size_t>(k) * 5 + c) * 3;
      EXPECT_EQ(one.boundary[c].hit, n[0]) << k << " " << c;
      EXPECT_EQ(one.boundary[c].truth, n[1]) << k << " " << c;
      EXPECT_EQ(one.boundary[c].predicted, n[2]) << k << " " << c;
    }
    if (k == 0)
      sum = one;
    else
      sum.add(one);
  }
  const SegmentationScores s = scores(sum);
  expect_equal(s.iou, "iou");
  expect_equal(s.dice, "dice");
  expect_equal(s.class_precision, "precision");
  expect_equal(s.class_recall, "recall");
  expect_equal(s.boundary_iou, "boundary_iou");
  expect_equal({s.kappa}, "kappa");
  expect_equal({s.pixel_accuracy}, "accuracy");
  EXPECT_EQ(scores(all).miou, s.miou);
  EXPECT_TRUE(std::isnan(scores(all).mean_boundary_iou)) << "boundaries were not measured";
}

// The fifth class is nowhere: each mean takes it as the policy says.
TEST(Metrics, DiceAndBoundaryIouFollowThePolicyOfAbsentClasses) {
  Tally n;
  n.area = {{4, 5, 5}, {0, 0, 0}};      // Dice 8/10
  n.boundary = {{1, 2, 3}, {0, 0, 0}};  // 1/4
  EXPECT_DOUBLE_EQ(scores(n).mean_dice, 0.8);
  EXPECT_DOUBLE_EQ(scores(n, {.absent = Absent::kOne}).mean_dice, 0.9);
  EXPECT_DOUBLE_EQ(scores(n, {.absent = Absent::kZero}).mean_boundary_iou, 0.125);
  EXPECT_DOUBLE_EQ(scores(n, {.absent = Absent::kOne}).mean_boundary_iou, 0.625);
}

TEST(Metrics, KappaIsZeroByChanceAndNaNWhereOneClassIsAll) {
  ConfusionMatrix chance(2);
  for (const int t : {0, 1})
    for (const int p : {0, 1}) chance.add_count(t, p, 7);
  EXPECT_DOUBLE_EQ(scores(chance).kappa, 0);
  ConfusionMatrix one(2);
  one.add_count(0, 0, 9);
  EXPECT_TRUE(std::isnan(scores(one).kappa));
}

// 0 0 0 1 1     The column of ones begins at 3; with width 1 the frame, its left column and the zeros beside
// 0 0 0 1 1     it are edge: only (1, 1) is not.
// 0 0 0 1 1
TEST(Boundary, EdgesAreAlongRegionsAndTheFrame) {
  const Tensor labels = Tensor::from<std::int32_t>({3, 5}, {0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1});
  EXPECT_EQ(edge_pixels(labels, 1).values<std::uint8_t>(),
            (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(edge_pixels(labels, 2).values<std::uint8_t>(), std::vector<std::uint8_t>(15, 1));
  EXPECT_EQ(edge_width(300, 400, 0.02), 10);
  EXPECT_EQ(edge_width(3, 4, 0.02), 1);
  expect_error([&] { edge_pixels(labels, 0); }, "at least 1 pixel");
}

// A prediction that is right wherever pixels count, whatever it says in the ignored ring around the object.
TEST(Boundary, WhatIsRightWhereItCountsHasBoundaryIouOne) {
  Tensor truth = Tensor::zeros({40, 40}, DType::kInt32), prediction = Tensor::zeros({40, 40}, DType::kInt32);
  for (std::int64_t y = 10; y < 30; ++y)
    for (std::int64_t x = 10; x < 30; ++x) {
      const bool ring = y < 12 || y >= 28 || x < 12 || x >= 28;
      truth.data<std::int32_t>()[y * 40 + x] = ring ? 255 : 1;
      prediction.data<std::int32_t>()[y * 40 + x] = ring ? static_cast<std::int32_t>((x + y) % 2) : 1;
    }
  Tally n{.area = {{}, {}}, .boundary = edge_counts(prediction, truth, 2, 0.02)};
  EXPECT_EQ(scores(n).boundary_iou, (std::vector<double>{1, 1}));
}

// Pictures of 10 pixels each, k of them right (class 1), the rest class 1 called 0; mIoU of class 1 alone is
// the share of right pixels, a mean over pictures. Its bootstrap interval must be near mean +- 1.96
// s/sqrt(n).
TEST(Metrics, BootstrapMatchesTheNormalApproximation) {
  std::vector<ConfusionMatrix> pictures;
  double sum = 0, squares = 0;
  const int n = 200;
  for (int i = 0; i < n; ++i) {
    const auto right = static_cast<std::size_t>(RandomStream(5, "pictures").below(i, 11));
    std::vector<std::int32_t> prediction(10, 0);
    std::fill_n(prediction.begin(), right, 1);
    pictures.emplace_back(2);
    pictures.back().add(row(prediction), Tensor::full({1, 10}, 1, DType::kInt32));
    const double share = static_cast<double>(right) / 10;
    sum += share;
    squares += share * share;
  }
  const double mean = sum / n, error = std::sqrt((squares / n - mean * mean) / n);
  const ScoreOptions options{.background_in_mean = false};
  const Interval i = bootstrap_miou(pictures, options, {.samples = 2000, .seed = 3});
  EXPECT_DOUBLE_EQ(i.estimate, mean);
  // The ends of a percentile interval from 2000 samples scatter by about 0.06 standard errors.
  EXPECT_NEAR(i.low, mean - 1.96 * error, 0.3 * error);
  EXPECT_NEAR(i.high, mean + 1.96 * error, 0.3 * error);
  const Interval same = bootstrap_miou_difference(pictures, pictures, options, {.samples = 50});
  EXPECT_EQ(same.low, 0);
  EXPECT_EQ(same.high, 0);
  const Interval again = bootstrap_miou(pictures, options, {.samples = 2000, .seed = 3});
  EXPECT_EQ(again.low, i.low);
  expect_error([&] { bootstrap_miou_difference(pictures, {ConfusionMatrix(2)}, options); }, "200 and 1");
}

// Every pixel has class 1 in the truth: recall of 1 = pixel accuracy = a mean over pictures as well, and with
// a the accuracy of a sample, Dice of class 1 is 2a/(1+a), a growing function: the ends of the interval map.
TEST(Metrics, OneDrawServesAllIntervals) {
  std::vector<Tally> pictures;
  for (const std::int64_t right : {1, 4, 6, 9, 10})
    pictures.push_back(
        {.area = {{0, 0, 10 - right}, {right, 10, right}}, .boundary = {{0, 0, 1}, {right, 10, 10}}});
  const ScoreIntervals i =
      bootstrap_scores(pictures, {.background_in_mean = false}, {.samples = 41, .seed = 2});
  EXPECT_DOUBLE_EQ(i.pixel_accuracy.estimate, 0.6);
  const auto dice = [](double a) { return 2 * a / (1 + a); };
  // 41 samples: the quantiles 0.025 and 0.975 are the second and the last but one, no interpolation.
  EXPECT_NEAR(i.mean_dice.low, dice(i.pixel_accuracy.low), 1e-14);
  EXPECT_NEAR(i.mean_dice.high, dice(i.pixel_accuracy.high), 1e-14);
  EXPECT_NEAR(i.miou.low, i.pixel_accuracy.low, 1e-14);
  EXPECT_NEAR(i.mean_boundary_iou.high, i.pixel_accuracy.high / (2 - i.pixel_accuracy.high), 1e-14);
  EXPECT_LT(i.pixel_accuracy.low, 0.6);
  EXPECT_EQ(i.kappa.estimate, 0);  // the truth is one class
}

}  // namespace
}  // namespace clearcut
