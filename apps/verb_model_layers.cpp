#include <CLI/CLI.hpp>

#include <iostream>

#include "apps/opened_model.h"
#include "apps/verbs.h"
#include "models/network_tables.h"
#include "tensor/work.h"

namespace clearcut::apps {

namespace {

struct LookWords {
  std::string model;
  std::vector<std::int64_t> size;  // height and width; empty: the model's own
};

/// A model from a file, or a network by name, which has no weights then.
OpenedModel model_to_look_at(const std::string& name, Device device) {
  const std::optional<NetworkFacts> facts = network_facts(name);
  if (!facts) return open_model(name, device);
  const DryRun no_weights;
  ModelSpec spec{.name = name, .classes = facts->classes, .device = device};
  spec.preprocess.height = spec.preprocess.width = facts->side;
  OpenedModel model;
  if (facts->segments)
    model.segmenter = {make_segmenter(spec), {.kind = ModelCard::Kind::kSegmenter, .spec = spec}};
  else
    model.classifier = make_classifier(spec);
  model.registry().require_grad(false);
  return model;
}

/// Shows the model and an empty picture of the size that was asked for to `look`, which counts only.
template <class Look>
void look_at(const LookWords& words, Device device, const Look& look) {
  const OpenedModel model = model_to_look_at(words.model, device);
  const Preprocess& rule = model.preprocess();
  const std::int64_t height = words.size.empty() ? rule.height : words.size[0];
  const std::int64_t width = words.size.empty() ? rule.width : words.size[1];
  const DryRun dry;
  look(model, Tensor::zeros({1, 3, height, width}, DType::kFloat32, device));
}

void print_layers(const OpenedModel& model, const Tensor& x) {
  std::map<std::string, std::string> remarks;
  if (const std::string features = model.feature_path(); !features.empty())
    remarks[features] = "default layer of Grad-CAM";
  const auto cam = model.classifies() ? model.classifier->cam_weights() : std::nullopt;
  if (cam) {
    std::string& remark = remarks[cam->path];
    remark += remark.empty() ? "maps of CAM" : ", maps of CAM";
  }
  std::cout << layer_lines(layer_table(model.registry(), model.forward(), x), remarks,
                           cat(x.dim(2), " x ", x.dim(3)));
}

void print_graph(const OpenedModel& model, const Tensor& x) {
  std::cout << layer_graph(model.registry(), model.forward(), x);
}

void add_look(CLI::App& model, Session& session, const char* name, const char* description,
              void (*print)(const OpenedModel& model, const Tensor& x)) {
  auto* verb = model.add_subcommand(name, description);
  auto w = std::make_shared<LookWords>();
  verb->add_option("model", w->model,
                   "name of a network (see `model list`), NAME.onnx, a checkpoint folder or a run's folder")
      ->required();
  verb->add_option("--size", w->size, "height and width of the picture; default: the model's own")
      ->expected(2)
      ->check(CLI::PositiveNumber);
  add_common(*verb, session, kCompute);
  on_run(*verb, session, [w, print, &session] {
    look_at(*w, device_of(session.common), print);
    return kDone;
  });
}

}  // namespace

void add_model_layers(CLI::App& model, Session& session) {
  add_look(model, session, "layers", "every layer that can be tapped: shape, parameters, multiply-adds",
           print_layers);
  add_look(model, session, "graph",
           "a drawing for Graphviz: clearcut model graph NAME | dot -Tsvg -o NAME.svg", print_graph);
  auto* docs = model.add_subcommand("docs", "all networks by name as a page in Markdown: docs/models.md");
  on_run(*docs, session, [] {
    std::cout << networks_page(network_costs());
    return kDone;
  });
}

}  // namespace clearcut::apps
