#include "apps/network_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "data/dataset.h"

namespace clearcut::apps {

namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void add_network_options(CLI::App& verb, NetworkOptions& o) {
  verb.add_option("--classes", o.classes_file, "file of class names");
  verb.add_option("--class-count", o.classes, "where there is no such file")->capture_default_str();
  verb.add_option("--width", o.spec.width, "factor of all channel counts")->capture_default_str();
  verb.add_option("--output-stride", o.spec.output_stride, "8, 16 or 32; 0: the network's own");
  verb.add_flag("--no-auxiliary", o.no_auxiliary, "a segmenter without its auxiliary output");
}

bool is_network(const std::string& name) {
  return has(classifier_names(), name) || has(segmenter_names(), name);
}

ModelCard card_of(const std::string& name, const NetworkOptions& o) {
  ModelCard card{
      .kind = has(segmenter_names(), name) ? ModelCard::Kind::kSegmenter : ModelCard::Kind::kClassifier,
      .spec = o.spec};
  card.spec.name = name;
  card.spec.classes = o.classes;
  card.spec.auxiliary = !o.no_auxiliary;
  if (o.classes_file.empty()) return card;
  const ClassFile file = read_class_file(o.classes_file);
  card.spec.class_names = file.names;
  card.spec.class_ids = file.wnids;
  card.spec.classes = static_cast<std::int64_t>(file.names.size());
  card.colours = file.colours;
  return card;
}

}  // namespace clearcut::apps
