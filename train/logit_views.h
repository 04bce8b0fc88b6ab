// What a network says about a picture from several views, joined at the picture's size in bands of rows.
#pragma once

#include <vector>

#include "tensor/tensor.h"
#include "train/predict.h"

namespace clearcut {

/// Runs the network on every view of a picture (scales, mirror images, windows) and keeps the logits as small
/// as they come. Pixel (y, x) of the picture then has
///
///   mean over scales and mirror images of   sum_k w_k z_k / sum_k w_k   over the windows k that hold it
///
/// with z_k the window's logits sampled bilinearly at the pixel's centre, and w_k the blending weight. Maps
/// of all classes at the picture's size exist for a band of rows at a time: C * rows * W floats. Source: spec
/// section 4 (whole picture, "flip", "ms+flip"); the Gaussian is nnU-Net's: Isensee et al. 2021,
/// doi 10.1038/s41592-020-01008-z (deviation 1/8 of the window's side).
class LogitViews {
 public:
  LogitViews(Segmenter& model, const Tensor& picture, const Normalize& normalize,
             const PredictOptions& options);

  /// Logits of rows [begin, end): float32 [C, end - begin, W].
  Tensor rows(std::int64_t begin, std::int64_t end) const;
  /// Per pixel the class with the largest logit: int32 [H, W]. Bands are as high as `memory` bytes allow, at
  /// least one row; the labels do not depend on it.
  Tensor labels(std::size_t memory) const;

 private:
  // The pixels of one axis that a window holds: they lie between the window's logits low and high.
  struct Axis {
    std::vector<std::int64_t> pixel, low, high;
    std::vector<float> weight;  // of high
    std::vector<float> blend;
  };
  struct Patch {
    Tensor logits;  // float32 [C, h, w]
    Axis rows, columns;
  };
  struct Step;  // from a pixel to its place in a view
  static Axis axis_of(const Step& step, std::int64_t start, std::int64_t side, std::int64_t logits,
                      Blend blend);
  void add_view(Segmenter& model, const Tensor& input, bool mirror, const PredictOptions& options);
  void add_class(const std::vector<Patch>& view, std::int64_t c, std::int64_t begin, std::int64_t end,
                 const float* weights, float* sum) const;

  std::int64_t classes_ = 0, height_ = 0, width_ = 0;
  double held_[2] = {1, 1};  // the picture's share of the padded input, by rows and by columns
  std::vector<std::vector<Patch>> views_;
};

/// Where windows of `side` begin so that they cover `length` and neighbours lie `stride` apart; the last one
/// ends at the end. One window where side >= length.
std::vector<std::int64_t> window_starts(std::int64_t length, std::int64_t side, std::int64_t stride);

}  // namespace clearcut
