// What a file of weights says about its model, in model.json beside model.safetensors or in the metadata of
// an exported file. With it the model can be used without the configuration that trained it.
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
  std::int64_t resize_short = 0;  // shorter side of the pictures that it was scored on; 0: as they are
  std::string licence = {};       // of the weights, as their owner calls it; "": not stated
};

/// The key under which exported files have the card in their metadata.
constexpr const char* kCardKey = "model_card";

/// model.json and back; `line` leaves out line feeds. `origin` names the source in errors.
std::string to_json(const ModelCard& card, bool line = false);
ModelCard parse_model_card(const std::string& json, const std::string& origin);
/// The card of what find_weights takes: from the metadata of the weights, or else from model.json beside
/// them. Throws Error that names the file and the key.
ModelCard read_model_card(const std::string& path);

/// A checkpoint folder, a run's folder (its best checkpoint, else its last) or a .safetensors file -> the
/// path of the weights. Throws Error that says what was looked for.
std::string find_weights(const std::string& path);

/// Networks that were read from an ONNX file have their graph in a file of this name beside the weights;
/// find_graph takes what find_weights takes.
constexpr const char* kGraphFile = "graph.onnx";
std::string find_graph(const std::string& path);

/// Models from what `clearcut train` wrote; parameters frozen, mode evaluation. Throws Error if the
/// checkpoint is of the other kind.
std::unique_ptr<Classifier> load_trained_classifier(const std::string& path, Device device = Device::kCpu);
struct TrainedSegmenter {
  std::unique_ptr<Segmenter> model;
  ModelCard card;
};
TrainedSegmenter load_segmenter(const std::string& path, Device device = Device::kCpu);

}  // namespace clearcut
