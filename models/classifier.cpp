#include "models/classifier.h"

#include <filesystem>

#include "models/card.h"
#include "models/onnx_classifier.h"

namespace clearcut {

CamWeights cam_of_class_maps(std::int64_t classes, const std::string& path) {
  Tensor identity = Tensor::zeros({classes, classes});
  for (std::int64_t c = 0; c < classes; ++c) identity.data<float>()[c * (classes + 1)] = 1;
  return {.weights = identity, .path = path};
}

std::unique_ptr<Classifier> load_classifier(const std::string& path, Device device) {
  check(std::filesystem::exists(path), "classifier", "there is no ", path,
        "; give NAME.onnx, a checkpoint folder or a run's folder");
  if (std::filesystem::path(path).extension() == ".onnx")
    return load_onnx_classifier(path, {.device = device});
  return load_trained_classifier(path, device);
}

}  // namespace clearcut
