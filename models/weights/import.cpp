#include "models/weights/import.h"

#include <filesystem>

#include "models/weights/key_map.h"
#include "models/weights/state_diff.h"
#include "tensor/safetensors.h"
#include "tensor/sha256.h"

namespace clearcut {

namespace {

namespace fs = std::filesystem;

// The network of a card; one of the two is there.
struct Network {
  std::unique_ptr<Classifier> classifier;
  std::unique_ptr<Segmenter> segmenter;

  explicit Network(const ModelCard& card) {
    if (card.kind == ModelCard::Kind::kClassifier)
      classifier = make_classifier(card.spec);
    else
      segmenter = make_segmenter(card.spec);
  }
  Registry& registry() const { return classifier ? classifier->registry() : segmenter->registry(); }
};

LoadReport load(Registry& registry, const StateDict& weights, const ImportOptions& options,
                const std::string& from) {
  LoadOptions load{.allow = options.allow};
  load.allow.emplace_back("*num_batches_tracked");
  try {
    return registry.load(weights, load);
  } catch (const Error&) {
    fail("import", from, " does not fit ", options.card.spec.name, ":\n",
         compare_states(registry.state(), weights).text(),
         "Rename with a map, or allow names to keep their initial values, for example fc.*");
  }
}

}  // namespace

ImportReport import_weights(const std::string& from, const std::string& folder,
                            const ImportOptions& options) {
  const WeightsFile file = read_weights(from);
  ImportReport report{
      file.format, options.map.empty() ? guess_key_map(file.tensors) : options.map, file.notes, {}};
  const Network network(options.card);
  report.loaded = load(network.registry(), rename_keys(file.tensors, key_map(report.map)), options, from);
  fs::create_directories(folder);
  write_safetensors(folder + "/model.safetensors",
                    {network.registry().state(),
                     {{"format", "clearcut"},
                      {"model", options.card.spec.name},
                      {"source", fs::path(from).filename().string()},
                      {"source_sha256", sha256(read_file(find_weights(from), std::size_t{1} << 40))}}});
  ModelCard card = options.card;
  if (network.classifier) {
    card.spec.class_names = network.classifier->class_names();
    card.spec.class_ids = network.classifier->class_ids();
  }
  write_file(folder + "/model.json", to_json(card));
  return report;
}

}  // namespace clearcut
