// Ensembles of classifiers and explainers as pipeline stages describe them.
#pragma once

#include <string>
#include <vector>

#include "data/dataset.h"
#include "explain/ensemble.h"

namespace clearcut {

class Config;

/// Keys:
///   classifiers  ONNX files and folders that `train` wrote
///   explainers   "cam", "smoothgrad:samples=10", ...
///   fusion       minmax | abs | square | percentile | rank | lime | regions, with :downweight or :drop, and
///                :accuracy or :agreement (explain/consensus.h)
///   accuracy     FILE for :accuracy (explain/classifier_ranks.h)
///   framing      whole | short;  groups: FILE
///   regions      superpixels: slic | quickshift | felzenszwalb, with settings (explain/superpixels.h)
struct EnsembleConfig {
  std::vector<std::string> classifiers;
  EnsembleOptions options;
};
EnsembleConfig read_ensemble_config(const Config& config);

/// Loads the classifiers for the classes that occur in `data`.
Ensemble make_ensemble(const EnsembleConfig& config, const Dataset& data, Device device, std::uint64_t seed);

}  // namespace clearcut
