#include "train/ensemble_config.h"

#include <set>

#include "train/config.h"

namespace clearcut {

EnsembleConfig read_ensemble_config(const Config& config) {
  EnsembleConfig c;
  c.classifiers = config.texts("classifiers");
  for (const std::string& text : config.texts("explainers"))
    c.options.explainers.push_back(parsed(config, "explainers", [&] { return parse_explainer(text); }));
  c.options.fusion =
      parsed(config, "fusion", [&] { return parse_fusion(config.text_or("fusion", "minmax")); });
  c.options.framing = config.choice_or("framing", {"whole", "short"}, "whole") == "whole"
                          ? Framing::kWhole
                          : Framing::kShortSide;
  c.options.groups = config.text_or("groups", "");
  c.options.accuracy = config.text_or("accuracy", "");
  c.options.superpixels =
      parsed(config, "regions", [&] { return parse_superpixels(config.text_or("regions", "slic")); });
  return c;
}

Ensemble make_ensemble(const EnsembleConfig& config, const Dataset& data, Device device, std::uint64_t seed) {
  std::set<int> needed;
  for (const Item& item : data.items) needed.insert(item.classes.begin(), item.classes.end());
  EnsembleOptions options = config.options;
  options.seed = seed;
  return {classifier_files(config.classifiers, device),
          options,
          data.class_names,
          {needed.begin(), needed.end()}};
}

}  // namespace clearcut
