// The ensemble of classifiers and explainers as configurations describe it.
#pragma once

#include <string>
#include <vector>

#include "explain/ensemble.h"

namespace clearcut {

class Config;

/// Keys:
///   classifiers   paths: NAME.onnx, or checkpoint or run folders of `clearcut train`
///   explainers    "gradcam", "smoothgrad:samples=10", ... (parse_explainer)
///   consensus     abs | square | minmax | lime
///   wrong         keep | downweight | drop: what a member that misses the label counts
///   target        probability | logit
///   groups        JSON file: which classes of the classifiers mean a class of the data; default: by name
///   framing       whole | short
///   working_side  longest side of maps and superpixels; 0: that of the picture
///   superpixels   about how many
///   memory        bytes of one forward and backward pass: 1GiB
struct EnsembleConfig {
  std::vector<std::string> classifiers;
  EnsembleOptions options;
};
EnsembleConfig read_ensemble_config(const Config& config);

/// Loads the classifiers; the classes that must be explained are those that occur in `data`.
Ensemble open_ensemble(const EnsembleConfig& config, const Dataset& data, Device device, std::uint64_t seed);

}  // namespace clearcut
