// The two kinds of training: classifiers from image labels, segmentation networks from masks.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "models/card.h"
#include "nn/loss.h"
#include "train/evaluate.h"
#include "train/loop.h"

namespace clearcut {

struct Accuracy {
  std::int64_t pictures = 0, right = 0;
  std::vector<Failure> failures;
  double top1() const {
    return pictures == 0 ? 0 : static_cast<double>(right) / static_cast<double>(pictures);
  }
};

/// Share of pictures whose largest logit is their first image label. Pictures without label do not count;
/// those that fail are listed. Restores the mode of the model.
Accuracy top1_accuracy(Classifier& model, const Dataset& data, Framing framing,
                       ProgressStyle progress = ProgressStyle::kNone, const PictureOptions& picture = {});

/// Cross-entropy of the logits with the picture's first image label; scored by top-1.
class ClassifyTask : public TrainTask {
 public:
  ClassifyTask(Classifier& model, ModelCard card, std::optional<Dataset> val, Framing framing,
               PictureOptions picture = {}, std::string graph = "")
      : model_(model),
        card_(std::move(card)),
        val_(std::move(val)),
        framing_(framing),
        picture_(picture),
        graph_(std::move(graph)) {}
  Registry& registry() override { return model_.registry(); }
  TrainLoss loss(const Batch& batch) override;
  bool has_evaluation() const override { return val_.has_value(); }
  Score evaluate() override;
  std::string card() const override { return to_json(card_); }
  std::string graph() const override { return graph_; }

 private:
  Classifier& model_;
  ModelCard card_;
  std::optional<Dataset> val_;
  Framing framing_;
  PictureOptions picture_;
  std::string graph_;
};

/// The weighted loss of spec 3.1 on all outputs; scored by mIoU. Pre-training on PSSL and fine-tuning differ
/// in data, weights and rates only.
class SegmentTask : public TrainTask {
 public:
  SegmentTask(Segmenter& model, ModelCard card, SegmentationLossOptions loss, std::optional<Dataset> val,
              EvaluateOptions evaluation)
      : model_(model),
        card_(std::move(card)),
        loss_(std::move(loss)),
        val_(std::move(val)),
        evaluation_(std::move(evaluation)) {}
  Registry& registry() override { return model_.registry(); }
  TrainLoss loss(const Batch& batch) override;
  bool has_evaluation() const override { return val_.has_value(); }
  Score evaluate() override;
  std::string card() const override { return to_json(card_); }
  /// The last evaluation, whole.
  const std::optional<Evaluation>& last() const { return last_; }
  /// Called with each evaluation before evaluate() returns; may be empty.
  std::function<void(const Evaluation&)> evaluated;

 private:
  Segmenter& model_;
  ModelCard card_;
  SegmentationLossOptions loss_;
  std::optional<Dataset> val_;
  EvaluateOptions evaluation_;
  std::optional<Evaluation> last_;
};

}  // namespace clearcut
