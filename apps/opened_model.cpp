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
    model.input_known = fs::exists(fs::path(path).replace_extension(".json"));
    OnnxOptions options{.device = device};
    if (!model.input_known) options.preprocess = Preprocess{};
    model.classifier = load_onnx_classifier(path, options);
  } else if (read_model_card(path).kind == ModelCard::Kind::kClassifier) {
    model.classifier = load_trained_classifier(path, device);
  } else {
    model.segmenter = load_segmenter(path, device);
  }
  return model;
}

}  // namespace clearcut::apps
