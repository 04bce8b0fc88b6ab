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

/// What a class counts that is in neither truth nor prediction (its IoU is 0/0).
enum class Absent { kExclude, kZero, kOne };
Absent absent_from_name(std::string_view name);  // "exclude", "zero", "one"
std::string_view name_of(Absent absent);

struct ScoreOptions {
  Absent absent = Absent::kExclude;
  int background = 0;              // -1: there is none
  bool background_in_mean = true;  // count the background's IoU in the mean
};

/// All shares in 0..1; NaN where 0/0 (and for excluded classes).
struct SegmentationScores {
  std::vector<double> iou, class_precision, class_recall;  // per class: TP/(TP+FP+FN), TP/(TP+FP), TP/(TP+FN)
  double miou = 0;                                         // mean of iou under the policy
  double pixel_accuracy = 0;                               // right / all counted pixels
  double mean_accuracy = 0;                                // mean recall over classes in the truth
  double precision = 0;  // of the pixels called foreground, the share of the right class
  double coverage = 0;   // decided / all counted pixels
  int classes_in_mean = 0;
};
SegmentationScores scores(const ConfusionMatrix& counts, const ScoreOptions& options = {});

struct Interval {
  double estimate = 0, low = 0, high = 0;
};
struct BootstrapOptions {
  int samples = 1000;
  double level = 0.95;  // two-sided percentile interval
  std::uint64_t seed = 0;
};
/// mIoU of the summed matrices of all pictures, with a percentile interval over pictures drawn with
/// replacement. Source: Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.
Interval bootstrap_miou(const std::vector<ConfusionMatrix>& pictures, const ScoreOptions& options,
                        const BootstrapOptions& bootstrap = {});
/// mIoU(a) - mIoU(b) where both are resampled by the same pictures (paired). a[i] and b[i] are picture i.
Interval bootstrap_miou_difference(const std::vector<ConfusionMatrix>& a,
                                   const std::vector<ConfusionMatrix>& b, const ScoreOptions& options,
                                   const BootstrapOptions& bootstrap = {});

}  // namespace clearcut
