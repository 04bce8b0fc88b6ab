// A model that a verb was given: a classifier or a segmenter, from a file or folder.
#pragma once

#include <memory>
#include <string>

#include "models/card.h"
#include "models/inspect.h"

namespace clearcut::apps {

/// An ONNX file without its JSON can be looked at too: only its normalisation is not known.
struct OpenedModel {
  std::unique_ptr<Classifier> classifier;  // one of the two
  TrainedSegmenter segmenter;
  bool input_known = true;

  bool classifies() const { return classifier != nullptr; }
  Registry& registry() const { return classifies() ? classifier->registry() : segmenter.model->registry(); }
  const std::string& name() const { return classifies() ? classifier->name() : segmenter.model->name(); }
  const Preprocess& preprocess() const {
    return classifies() ? classifier->preprocess() : segmenter.card.spec.preprocess;
  }
  /// Runs it; the result is the logits, of a segmenter the main ones.
  Forward forward() const;
  /// Of Grad-CAM; "" for segmenters, and where none was found.
  std::string feature_path() const;
};

/// path: NAME.onnx, a checkpoint folder or a run's folder.
OpenedModel open_model(const std::string& path, Device device);

}  // namespace clearcut::apps
