// How good label maps are: confusion counts, IoU and its relatives, bootstrap intervals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// Pixel counts [truth class][predicted class], 64 bits. A last column counts pixels that the prediction
/// leaves undecided (its own ignore value): they are wrong for recall and IoU, and lower the coverage.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int classes);

  /// prediction and truth int32 [H, W] (or any equal shape). Pixels whose truth is truth_ignore do not count.
  /// Throws Error on other values outside 0 .. classes-1, naming value, pixel and the likely cause.
  void add(const Tensor& prediction, const Tensor& truth, int truth_ignore = 255, int undecided = 255);
  void add(const ConfusionMatrix& other);
  /// n pixels at once; predicted == classes(): undecided.
  void add_count(int truth, int predicted, std::int64_t n);

  int classes() const { return classes_; }
  std::int64_t count(int truth, int predicted) const;  // predicted == classes(): undecided
  std::int64_t total() const;

 private:
  std::size_t at(int truth, int predicted) const;
  int classes_;
  std::vector<std::int64_t> counts_;
};

/// All of them together; there must be one.
ConfusionMatrix sum_of(const std::vector<ConfusionMatrix>& matrices);

/// What the scores of one class are made of: pixels of both (TP), of the truth (TP + FN), of the prediction
/// (TP + FP).
struct ClassCounts {
  std::int64_t hit = 0, truth = 0, predicted = 0;
};

/// The counts of one picture, or of many: three numbers per class where a matrix has one per pair of classes,
/// and enough for every score. Undecided pixels are in the truth of a class and in no prediction.
struct Tally {
  std::vector<ClassCounts> area;      // one per class
  std::vector<ClassCounts> boundary;  // the same of pixels on edges (data/boundary.h); empty: not measured
  void add(const Tally& other);       // throws Error if one measured boundaries and the other did not
};
Tally tally_of(const ConfusionMatrix& counts);

/// What a class counts that is in neither truth nor prediction (its IoU and Dice are 0/0). The released
/// evaluation of PaddleSeg counts 1 (spec section 4).
enum class Absent { kExclude, kZero, kOne };
Absent absent_from_name(std::string_view name);  // "exclude", "zero", "one"
std::string_view name_of(Absent absent);

struct ScoreOptions {
  Absent absent = Absent::kExclude;
  int background = 0;              // -1: there is none
  bool background_in_mean = true;  // count the background in the means
};

/// Shares in 0..1 (kappa in -1..1); NaN where 0/0 (and for excluded classes). Boundary IoU is NaN if it was
/// not measured. With o = pixel_accuracy and e = sum over c of truth_c predicted_c / pixels^2:
///
///   iou = TP/(TP+FP+FN)   dice = 2TP/(2TP+FP+FN)   precision = TP/(TP+FP)   recall = TP/(TP+FN)
///   kappa = (o - e) / (1 - e)
///
/// Sources: Cohen, "A coefficient of agreement for nominal scales", 1960; Dice 1945; Cheng et al. 2021,
/// arXiv:2103.16562 (boundary IoU).
struct SegmentationScores {
  std::vector<double> iou, dice, boundary_iou, class_precision, class_recall;  // per class
  double miou = 0, mean_dice = 0, mean_boundary_iou = 0;                       // means under the policy
  double pixel_accuracy = 0;                                                   // right / all counted pixels
  double mean_accuracy = 0;  // mean recall over classes in the truth
  double kappa = 0;
  double precision = 0;  // of the pixels called foreground, the share of the right class
  double coverage = 0;   // decided / all counted pixels
  int classes_in_mean = 0;
};
SegmentationScores scores(const Tally& counts, const ScoreOptions& options = {});
SegmentationScores scores(const ConfusionMatrix& counts, const ScoreOptions& options = {});

struct Interval {
  double estimate = 0, low = 0, high = 0;
};
struct BootstrapOptions {
  int samples = 1000;
  double level = 0.95;  // two-sided percentile interval
  std::uint64_t seed = 0;
};
/// Scores of the summed counts of all pictures, with percentile intervals over pictures drawn with
/// replacement; one draw serves all five. Source: Efron & Tibshirani, "An introduction to the bootstrap",
/// 1993, chapter 13. Cost: samples * pictures * classes.
struct ScoreIntervals {
  Interval miou, pixel_accuracy, kappa, mean_dice, mean_boundary_iou;
};
ScoreIntervals bootstrap_scores(const std::vector<Tally>& pictures, const ScoreOptions& options,
                                const BootstrapOptions& bootstrap = {});
Interval bootstrap_miou(const std::vector<ConfusionMatrix>& pictures, const ScoreOptions& options,
                        const BootstrapOptions& bootstrap = {});
/// mIoU(a) - mIoU(b) where both are resampled by the same pictures (paired). a[i] and b[i] are picture i.
Interval bootstrap_miou_difference(const std::vector<Tally>& a, const std::vector<Tally>& b,
                                   const ScoreOptions& options, const BootstrapOptions& bootstrap = {});
Interval bootstrap_miou_difference(const std::vector<ConfusionMatrix>& a,
                                   const std::vector<ConfusionMatrix>& b, const ScoreOptions& options,
                                   const BootstrapOptions& bootstrap = {});

}  // namespace clearcut
