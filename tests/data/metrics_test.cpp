// Hand-counted matrices; intervals against the normal approximation.
#include "data/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

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

}  // namespace
}  // namespace clearcut
