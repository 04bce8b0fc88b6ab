#include <CLI/CLI.hpp>

#include <algorithm>
#include <iomanip>
#include <iostream>

#include "apps/network_options.h"
#include "apps/opened_model.h"
#include "apps/verbs.h"
#include "models/weights/import.h"
#include "models/weights/key_map.h"
#include "models/weights/state_diff.h"

namespace clearcut::apps {

namespace {

struct ImportWords {
  std::string from, out, arch, map, licence, resize = "triangle";
  NetworkOptions network;
  std::vector<std::int64_t> size = {224, 224};
  std::vector<double> mean = {123.675, 116.28, 103.53}, deviation = {58.395, 57.12, 57.375};
  std::vector<std::string> allow;
};

ImportOptions import_options(const ImportWords& words) {
  ImportOptions options{.card = card_of(words.arch, words.network), .map = words.map, .allow = words.allow};
  options.card.licence = words.licence;
  Preprocess& rule = options.card.spec.preprocess;
  rule.height = words.size[0];
  rule.width = words.size[1];
  rule.filter = from_option("--resize", [&] { return filter_from_name(words.resize); });
  for (std::size_t i = 0; i < 3; ++i) {
    rule.pixels.mean[i] = words.mean[i];
    rule.pixels.scale[i] = 1 / words.deviation[i];
  }
  return options;
}

int run_import(const ImportWords& words) {
  const ImportReport report = import_weights(words.from, words.out, import_options(words));
  std::cout << words.from << ": " << report.format << ", names by the map '" << report.map << "'\n";
  for (const std::string& note : report.notes) std::cout << "  " << note << "\n";
  std::cout << report.loaded.loaded.size() << " tensors written to " << words.out << "\n";
  return kDone;
}

void add_import(CLI::App& model, Session& session) {
  auto* verb =
      model.add_subcommand("import", "weights of PyTorch, Paddle, ONNX, safetensors -> a checkpoint folder");
  auto w = std::make_shared<ImportWords>();
  verb->add_option("weights", w->from, ".pth, .pt, .pdparams, .safetensors, .onnx, .npz")->required();
  verb->add_option("--arch", w->arch, "network that they are for; see `model list`")->required();
  verb->add_option("-o,--out", w->out, "folder to write")->required();
  add_network_options(*verb, w->network);
  verb->add_option(
      "--map", w->map,
      "none, paddleseg, paddleclas_..., trunk or a file of rules FROM -> TO; default: by the names");
  verb->add_option("--licence", w->licence, "of the weights, kept in model.json and in what is exported");
  verb->add_option("--allow", w->allow, "names that may keep their initial values, as head.*");
  verb->add_option("--size", w->size, "height and width of the input")->expected(2)->capture_default_str();
  verb->add_option("--resize", w->resize, "triangle, cubic, bilinear, area, nearest")->capture_default_str();
  verb->add_option("--mean", w->mean, "of red, green, blue, in 0..255")->expected(3)->capture_default_str();
  verb->add_option("--std", w->deviation, "of red, green, blue, in 0..255")
      ->expected(3)
      ->capture_default_str();
  on_run(*verb, session, [w] { return run_import(*w); });
}

// A model or a file of weights as a list of tensors.
StateDict weights_of(const std::string& path, const std::string& map) {
  const StateDict tensors = read_weights(path).tensors;
  return rename_keys(tensors, key_map(map.empty() ? guess_key_map(tensors) : map));
}

void add_diff(CLI::App& model, Session& session) {
  auto* verb =
      model.add_subcommand("diff", "missing, unexpected and mis-shaped names between two files of weights");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto map = std::make_shared<std::string>();
  verb->add_option("models", *paths, "what is wanted, and what there is: files of weights or checkpoints")
      ->expected(2)
      ->required();
  verb->add_option("--map", *map, "names of both by this map; default: by the names");
  on_run(*verb, session, [paths, map] {
    const StateDiff diff = compare_states(weights_of((*paths)[0], *map), weights_of((*paths)[1], *map));
    std::cout << diff.text();
    return diff.fits() ? kDone : kDataCheckFailed;
  });
}

void print_differences(const Verification& result) {
  std::size_t width = 5;
  for (const LayerDifference& d : result.layers) width = std::max(width, d.path.size());
  const auto column = static_cast<int>(width);
  std::cout << std::left << std::setw(column) << "layer"
            << "  " << std::setw(22) << "shape" << std::right << std::setw(12) << "largest" << std::setw(12)
            << "relative"
            << "\n";
  for (const LayerDifference& d : result.layers)
    std::cout << std::left << std::setw(column) << d.path << "  " << std::setw(22) << cat(d.ours)
              << std::right << std::setprecision(3) << std::setw(12) << d.largest << std::setw(12)
              << d.relative << (d.ours == d.theirs ? "" : cat("  the reference has ", d.theirs)) << "\n";
  for (const std::string& name : result.unknown) std::cout << "no layer of this network: " << name << "\n";
}

void add_verify(CLI::App& model, Session& session) {
  struct Words {
    std::string path, reference;
    double tolerance = 1e-4;
  };
  auto* verb = model.add_subcommand("verify", "compare every layer with the numbers of another program");
  auto w = std::make_shared<Words>();
  verb->add_option("model", w->path, "NAME.onnx, a checkpoint folder or a run's folder")->required();
  verb->add_option("--ref", w->reference, "dump.npz: input, output and layers; docs/models_to_bring.md")
      ->required();
  verb->add_option("--tol", w->tolerance, "largest difference of a layer, relative to its largest value")
      ->capture_default_str();
  add_common(*verb, session, kCompute);
  on_run(*verb, session, [w, &session] {
    const OpenedModel opened = open_model(w->path, device_of(session.common));
    const Verification result =
        verify_layers(opened.registry(), opened.forward(), read_npz(w->reference), w->reference);
    print_differences(result);
    const LayerDifference* first = result.first_above(w->tolerance);
    if (first == nullptr)
      std::cout << "all " << result.layers.size() << " within " << w->tolerance << "\n";
    else
      std::cout << "first above " << w->tolerance << ": " << first->path << "\n";
    return first == nullptr ? kDone : kDataCheckFailed;
  });
}

}  // namespace

void add_model_weights(CLI::App& model, Session& session) {
  add_import(model, session);
  add_diff(model, session);
  add_verify(model, session);
}

}  // namespace clearcut::apps
