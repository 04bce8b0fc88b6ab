#include "apps/opened_model.h"

#include <filesystem>

#include "models/onnx_classifier.h"

namespace clearcut::apps {

Forward OpenedModel::forward() const {
  return
      [this](const Var& x) { return classifies() ? classifier->logits(x) : segmenter.model->logits(x)[0]; };
}

Tensor OpenedModel::empty_picture() const {
  const Preprocess& rule = preprocess();
  return Tensor::zeros({1, 3, rule.height, rule.width}, DType::kFloat32, registry().device());
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
