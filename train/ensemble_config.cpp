#include "train/ensemble_config.h"

#include <set>

#include "train/config.h"
#include "train/progress.h"

namespace clearcut {

EnsembleConfig read_ensemble_config(const Config& config) {
  EnsembleConfig e;
  EnsembleOptions& o = e.options;
  e.classifiers = config.texts("classifiers");
  for (const std::string& text : config.texts("explainers")) {
    try {
      o.explainers.push_back(parse_explainer(text));
    } catch (const Error& error) {
      config.fail("explainers", error.what());
    }
  }
  o.variant = variant_from_name(config.choice_or("consensus", {"abs", "square", "minmax", "lime"}, "minmax"));
  o.wrong = wrong_from_name(config.choice_or("wrong", {"keep", "downweight", "drop"}, "keep"));
  o.probability = config.choice_or("target", {"probability", "logit"}, "probability") == "probability";
  o.groups = config.text_or("groups", "");
  o.framing = config.choice_or("framing", {"whole", "short"}, "whole") == "whole" ? Framing::kWhole
                                                                                  : Framing::kShortSide;
  o.working_side = config.integer_or("working_side", o.working_side, {.low = 0, .high = 20'000});
  o.superpixels.segments =
      static_cast<int>(config.integer_or("superpixels", o.superpixels.segments, {.low = 1, .high = 1 << 20}));
  o.budget_bytes = parse_bytes(config.text_or("memory", "1GiB"));
  return e;
}

Ensemble open_ensemble(const EnsembleConfig& config, const Dataset& data, Device device, std::uint64_t seed) {
  std::vector<std::unique_ptr<Classifier>> classifiers;
  for (const std::string& path : config.classifiers) classifiers.push_back(load_classifier(path, device));
  std::set<int> needed;
  for (const Item& item : data.items) needed.insert(item.classes.begin(), item.classes.end());
  EnsembleOptions options = config.options;
  options.seed = seed;
  return {std::move(classifiers), options, data.class_names, {needed.begin(), needed.end()}};
}

}  // namespace clearcut
