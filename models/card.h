// What a checkpoint folder says about its model: model.json beside model.safetensors. With it a checkpoint
// can be used without the configuration that trained it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/label_png.h"
#include "models/build.h"

namespace clearcut {

struct ModelCard {
  enum class Kind { kClassifier, kSegmenter };
  Kind kind = Kind::kClassifier;
  ModelSpec spec;  // architecture, class names and ids, input; seed, device and dtype are not kept
  // Segmenters only.
  std::vector<Rgb> colours = {};  // one per class
  int background = -1;            // class index; -1: none
};

/// model.json and back. read_model_card takes what find_weights takes. Throws Error that names the file and
/// the key.
std::string to_json(const ModelCard& card);
ModelCard read_model_card(const std::string& path);

/// A checkpoint folder, a run's folder (its best checkpoint, else its last) or a .safetensors file -> the
/// path of the weights. Throws Error that says what was looked for.
std::string find_weights(const std::string& path);

/// Models from what `clearcut train` wrote; parameters frozen, mode evaluation. Throws Error if the
/// checkpoint is of the other kind.
std::unique_ptr<Classifier> load_trained_classifier(const std::string& path, Device device = Device::kCpu);
struct TrainedSegmenter {
  std::unique_ptr<Segmenter> model;
  ModelCard card;
};
TrainedSegmenter load_segmenter(const std::string& path, Device device = Device::kCpu);

}  // namespace clearcut
