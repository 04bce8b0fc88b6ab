// From somebody's file of weights to a checkpoint folder of ours.
#pragma once

#include <string>
#include <vector>

#include "models/card.h"
#include "models/weights/weights_file.h"

namespace clearcut {

struct ImportOptions {
  ModelCard card;                       // the network that the weights are for, its classes and its input
  std::string map = "";                 // see key_map(); "": guess_key_map()
  std::vector<std::string> allow = {};  // names that may be missing or of another shape; `*` matches any text
};

struct ImportReport {
  std::string format, map;
  std::vector<std::string> notes;  // see WeightsFile
  LoadReport loaded;
};

/// Makes options.card's network, fills it with the weights in `from` under their names here, and writes
/// folder/model.safetensors (with what is known of its origin as metadata) and folder/model.json, which
/// load_classifier() and load_segmenter() take. Counters of batch norms may be missing: they do not matter.
/// Throws Error that lists every name that is missing, unexpected or of another shape, with suggestions.
ImportReport import_weights(const std::string& from, const std::string& folder, const ImportOptions& options);

}  // namespace clearcut
