#include "apps/opened_model.h"

#include <filesystem>

#include "models/onnx_classifier.h"

namespace clearcut::apps {

Forward OpenedModel::forward() const {
  return
      [this](const Var& x) { return classifies() ? classifier->logits(x) : segmenter.model->logits(x)[0]; };
}

std::string OpenedModel::feature_path() const {
  if (!classifies()) return "";
  try {
    return classifier->feature_path();
  } catch (const Error&) {
    return "";
  }
}

OpenedModel open_model(const std::string& path, Device device) {
  namespace fs = std::filesystem;
  OpenedModel model;
  if (fs::path(path).extension() == ".onnx") {
    const onnx::Model graph = onnx::read_model(path);
    model.input_known = onnx_preprocess(path, graph).has_value();
    model.classifier = load_onnx_classifier(path, graph, {.device = device, .preprocess = Preprocess{}});
  } else if (read_model_card(path).kind == ModelCard::Kind::kClassifier) {
    model.classifier = load_trained_classifier(path, device);
  } else {
    model.segmenter = load_segmenter(path, device);
  }
  return model;
}

}  // namespace clearcut::apps
