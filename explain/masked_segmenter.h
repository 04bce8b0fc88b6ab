// A segmenter as a classifier, so that every explainer can say why it labels some pixels as it does.
#pragma once

#include "models/card.h"
#include "models/classifier.h"

namespace clearcut {

/// logits[n, c] = mean over the mask of the segmenter's logits of class c. The score of the target CLASS@MASK
/// is that mean (pytorch-grad-cam explains the sum over the mask: the same up to a factor). The mask lies
/// over the network's input, is shrunk to its output bilinearly, and is the same for all pictures of a batch:
/// mirrored views (flip=1) would leave it where it is.
///
/// mask  float32 [H, W], values in [0, 1]
/// Throws Error if nothing of the mask is left at the output's resolution. The default tap is the last
/// feature map of the trunk.
class MaskedSegmenter : public Classifier {
 public:
  MaskedSegmenter(TrainedSegmenter& segmenter, Tensor mask);

  const std::string& name() const override { return segmenter_.model->name(); }
  Var logits(const Var& x) const override;
  Registry& registry() override { return segmenter_.model->registry(); }
  const Preprocess& preprocess() const override { return segmenter_.card.spec.preprocess; }
  const std::vector<std::string>& class_names() const override { return names_; }
  const std::vector<std::string>& class_ids() const override { return names_; }
  std::string feature_path() const override { return feature_path_; }
  /// Logits are not linear in pooled features.
  std::optional<CamWeights> cam_weights() const override { return std::nullopt; }

 private:
  TrainedSegmenter& segmenter_;
  Tensor mask_;
  std::vector<std::string> names_;
  std::string feature_path_;
};

/// 1 where the segmenter puts class c before all others, at the size of x [1, 3, H, W]: float32 [H, W].
Tensor predicted_mask(TrainedSegmenter& segmenter, const Tensor& x, int c);

}  // namespace clearcut
