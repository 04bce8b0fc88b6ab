#include "models/classifier.h"

#include <filesystem>

#include "models/card.h"
#include "models/onnx_classifier.h"

namespace clearcut {

std::unique_ptr<Classifier> load_classifier(const std::string& path, Device device) {
  check(std::filesystem::exists(path), "classifier", "there is no ", path,
        "; give NAME.onnx, a checkpoint folder or a run's folder");
  if (std::filesystem::path(path).extension() == ".onnx")
    return load_onnx_classifier(path, {.device = device});
  return load_trained_classifier(path, device);
}

}  // namespace clearcut
