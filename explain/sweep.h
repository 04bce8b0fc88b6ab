// Pseudo masks against truth over thresholds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/metrics.h"
#include "explain/pssl.h"

namespace clearcut {

/// Thresholds low, low + step, ..., high: "0:1:0.01". Throws Error for another form.
std::vector<double> parse_thresholds(const std::string& text);

/// Confusion counts of make_label() with fg = bg = t for many t at once. A pixel of strength v is foreground
/// at all t <= v, so one pass over the pixels sorts them into bins between thresholds.
/// Labels are class indices of the truth; ties between classes are undecided. Pictures may be counted in
/// several groups, from which intervals are drawn: 8 groups (thresholds + 1) classes (classes + 1) bytes.
class ThresholdSweep {
 public:
  /// thresholds ascending. background and ignore as in the truth.
  ThresholdSweep(int classes, LabelSpace space, std::vector<double> thresholds, std::size_t groups = 1);

  /// One picture of the first group: the strengths of its labels (none: background everywhere) and its true
  /// mask int32 [H, W]. Throws Error if sizes differ or the truth has a value that is no class.
  void add(const std::vector<ClassStrength>& classes, const Tensor& truth);
  /// All of another sweep of one group, counted in `group`.
  void add(const ThresholdSweep& other, std::size_t group = 0);

  const std::vector<double>& thresholds() const { return thresholds_; }
  ConfusionMatrix at(std::size_t threshold) const;  // of all groups
  /// [threshold][group], from one look at each bin.
  std::vector<std::vector<ConfusionMatrix>> all() const;
  /// All that was counted, to be kept in a file; set_counts() throws Error unless it is as long.
  const std::vector<std::int64_t>& counts() const { return counts_; }
  void set_counts(std::vector<std::int64_t> counts);
  /// The threshold of the largest mIoU; of several the lowest.
  std::size_t best(const ScoreOptions& options) const;

 private:
  std::size_t cell(std::size_t bin, int truth, int predicted) const;

  int classes_;
  LabelSpace space_;
  std::vector<double> thresholds_;
  std::size_t groups_;
  // [group][bin][truth][predicted], bin = number of thresholds <= v; predicted == classes_: a tie.
  std::vector<std::int64_t> counts_;
};

/// How well a map finds an object (spec 9.5). map float32 [H, W], inside uint8 [H, W]: 1 on the object;
/// pixels with 255 do not count, for the maximum neither. A constant map has no maximum: it hits nothing.
struct Localisation {
  bool hit = false;                          // pointing game: the maximum lies within 15 pixels of the object
  double energy = 0;                         // share of the map's positive sum that lies on the object
  double precision = 0, recall = 0, f1 = 0;  // of the pixels above 0.25 of the maximum; eps 1e-6
  double auc = 0.5;  // area under the ROC curve; ties count half; 0.5 if all or none are inside
};
Localisation localise(const Tensor& map, const Tensor& inside, double tolerance = 15);

}  // namespace clearcut
