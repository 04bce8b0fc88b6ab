// Segmenter: what training, evaluation and prediction need from any segmentation network.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace clearcut {

/// A network for semantic segmentation: pictures in, class logits per pixel out.
class Segmenter {
 public:
  virtual ~Segmenter() = default;

  /// Name of the architecture: "pspnet_resnet18".
  virtual const std::string& name() const = 0;
  virtual std::int64_t classes() const = 0;
  /// x [N, 3, H, W] normalised -> logits [N, C, h, w], the main output first, then the auxiliary ones. They
  /// are not upsampled: the loss does that (upsampled_cross_entropy), prediction with resize_bilinear; both
  /// with align_corners = false.
  virtual std::vector<Var> logits(const Var& x) const = 0;
  /// The main output alone: prediction needs no more, and what serves the others is not computed.
  virtual Var main_logits(const Var& x) const = 0;
  /// Length of logits(); a recipe's list of loss coefficients has as many.
  virtual std::size_t outputs() const = 0;
  /// Parameters, taps and mode.
  virtual Registry& registry() = 0;

 protected:
  Segmenter() = default;
  Segmenter(const Segmenter&) = delete;
  Segmenter& operator=(const Segmenter&) = delete;
};

}  // namespace clearcut
