// What networks cost, as text: for `clearcut model list`, `clearcut model layers` and docs/models.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/build.h"
#include "models/inspect.h"

namespace clearcut {

/// A network by name and what it costs: for network_facts().classes, on one picture, with its auxiliary
/// output. No weights are drawn and nothing is multiplied.
struct NetworkCost {
  std::string name;
  NetworkFacts facts;
  std::vector<LayerRow> layers;
  LayerTotals totals;
};
NetworkCost network_cost(const std::string& name);
/// Of every network that has a name: classifiers, then segmenters.
std::vector<NetworkCost> network_costs();

/// 25557032 -> "25,557,032"; 0 -> "".
std::string count_text(std::int64_t n);
/// 4089184256 -> "4.09 G", 40824 -> "40,824".
std::string short_count(std::int64_t n);

/// One line per network: name, parameters, multiply-adds, side of the picture, papers.
std::string network_list(const std::vector<NetworkCost>& costs);
/// One line per layer: path, shape of its output, parameters, multiply-adds, and what `remarks` says of the
/// path; the last line has the sums. picture: "224 x 224".
std::string layer_lines(const std::vector<LayerRow>& layers,
                        const std::map<std::string, std::string>& remarks, const std::string& picture);

/// Layers of a table that belong together: those of a stage, or a convolution and what follows it.
struct StageRow {
  std::string name;              // "layer2", or "conv1, bn1, maxpool"
  std::vector<LayerRow> layers;  // in their order
  LayerTotals totals;
  /// Of the one output; rank 0 if there are several, as behind HRNet's branches.
  Shape shape() const;
};
std::vector<StageRow> stages_of(const std::vector<LayerRow>& layers);

/// docs/models.md: the networks with their sizes, stages, sources and differences.
std::string networks_page(const std::vector<NetworkCost>& costs);

}  // namespace clearcut
