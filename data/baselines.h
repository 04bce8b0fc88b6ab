// Answers that need no network: what every pseudo label must beat.
#pragma once

#include <vector>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "data/metrics.h"
#include "data/picture.h"

namespace clearcut {

/// Tells the class of a pixel from its colour alone: a histogram of colours per class.
class ColourClassifier {
 public:
  /// Each channel of 0..255 falls into `bins` equal parts.
  explicit ColourClassifier(int classes, int bins = 16);

  /// Counts the pixels of a picture uint8 [H, W, 3] under their classes, int32 [H, W].
  void add(const Tensor& picture, const Tensor& mask, int ignore = 255);

  /// argmax over classes c of  log p(colour | c) + prior * log p(c),  p with one added count per cell.
  /// prior 1 is Bayes' rule; 0 gives rare classes the same say. int32 [H, W].
  Tensor predict(const Tensor& picture, double prior = 1) const;

 private:
  std::size_t cell(const std::uint8_t* pixel) const;
  int classes_, bins_;
  std::vector<std::int64_t> counts_;  // [bins^3][classes]
  std::vector<std::int64_t> totals_;  // [classes]
};

/// `label` in a centred box of the picture's proportions that covers `share` of it, background elsewhere.
Tensor centred_box(std::int64_t height, std::int64_t width, double share, int label, int background = 0);

/// A baseline's counts on the pictures of `score`, one matrix per picture, under the setting (prior, or share
/// of the box) that gives the best mIoU on `choose`. Pictures of `choose` that cannot be read, or whose mask
/// does not fit, are failures, and the others choose. Throws Error if there are no others, and for such a
/// picture of `score`.
struct Baseline {
  double setting = 0;
  std::vector<ConfusionMatrix> pictures;
  std::vector<Failure> failures = {};  // of `choose`
};
/// Histograms of `choose`'s true masks; the prior is one of 0, 0.5, 1.
Baseline colour_baseline(const Dataset& choose, const Dataset& score, const PictureOptions& options = {});
/// The box carries the picture's first class; its share is one of 0.1, 0.2, ... 1.
Baseline box_baseline(const Dataset& choose, const Dataset& score, const PictureOptions& options = {});
/// Background everywhere.
Baseline background_baseline(const Dataset& score, const PictureOptions& options = {});

}  // namespace clearcut
