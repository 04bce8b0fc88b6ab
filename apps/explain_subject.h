// What `clearcut explain` explains of one picture: a class of a classifier, or of a segmenter within a mask.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/opened_model.h"
#include "explain/explainer.h"
#include "explain/masked_segmenter.h"

namespace clearcut::apps {

/// --target: "top1", "class:INDEX", the name of a class or group; for segmenters "seg:CLASS@MASK", MASK a
/// label PNG of which all pixels but 0 count, or "predicted": where the segmenter sees CLASS.
struct TargetWords {
  std::string text, groups;
  bool of_segmenter() const { return text.rfind("seg:", 0) == 0; }
};

/// A model and the target for each picture.
class ExplainSubject {
 public:
  /// Throws ConfigError if the kind of target does not fit the kind of model.
  ExplainSubject(const std::string& model_path, Device device, TargetWords words);

  const std::string& name() const { return model_.name(); }
  const Preprocess& preprocess() const { return model_.preprocess(); }
  /// Sets input.targets from input.x [1, 3, H, W]. What it returns lives until the next call.
  /// Throws ConfigError for a target that the model does not have.
  Classifier& ask(ExplainInput& input);

 private:
  Target class_target(Classifier& classifier, const ExplainInput& input) const;
  int class_index(const Classifier& classifier, const std::string& word) const;

  OpenedModel model_;
  TargetWords words_;
  std::unique_ptr<MaskedSegmenter> masked_;
};

}  // namespace clearcut::apps
