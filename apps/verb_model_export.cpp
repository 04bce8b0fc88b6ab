#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>
#include <optional>

#include "apps/network_options.h"
#include "apps/opened_model.h"
#include "apps/verbs.h"
#include "models/onnx_classifier.h"
#include "models/weights/export.h"
#include "train/program.h"

namespace clearcut::apps {

namespace {

struct ExportWords {
  std::string model, out, licence;
  NetworkOptions network;
  std::vector<std::int64_t> size;
};

// A network and what is written about it.
struct Source {
  ModelCard card;
  std::unique_ptr<Classifier> classifier = nullptr;  // one of the two
  std::unique_ptr<Segmenter> segmenter = nullptr;
  std::string graph = {};  // ONNX file that it was made of, or ""
};

Source source_by_name(const ExportWords& words, std::uint64_t seed) {
  Source source{.card = card_of(words.model, words.network)};
  source.card.spec.seed = seed;
  if (source.card.kind == ModelCard::Kind::kClassifier)
    source.classifier = make_classifier(source.card.spec);
  else
    source.segmenter = make_segmenter(source.card.spec);
  return source;
}

Source source_by_path(const std::string& path) {
  OpenedModel opened = open_model(path, Device::kCpu);
  Source source;
  if (!opened.classifies()) {
    source.card = opened.segmenter.card;
    source.segmenter = std::move(opened.segmenter.model);
    return source;
  }
  if (is_onnx(path)) {
    check(opened.input_known, "model export", path,
          " does not say how pictures are prepared; write NAME.json ",
          "beside it, as docs/models_to_bring.md shows");
    source.card.spec.name = std::filesystem::path(path).filename().string();
    source.card.spec.classes = opened.classifier->classes();
    source.card.spec.preprocess = opened.classifier->preprocess();
    source.graph = path;
  } else {
    source.card = read_model_card(path);
    if (is_onnx(source.card.spec.name)) source.graph = find_graph(path);
  }
  source.classifier = std::move(opened.classifier);
  return source;
}

int run_export(const ExportWords& words, std::uint64_t seed) {
  Source source = is_network(words.model) ? source_by_name(words, seed) : source_by_path(words.model);
  if (!words.licence.empty()) source.card.licence = words.licence;
  ExportOptions options{.program = cat("clearcut ", program_version()), .graph = source.graph};
  if (!words.size.empty()) options.size = {words.size[0], words.size[1]};
  if (source.classifier)
    export_model(*source.classifier, source.card, words.out, options);
  else
    export_model(*source.segmenter, source.card, words.out, options);
  std::cout
      << words.out << ": " << source.card.spec.name << ", "
      << (source.classifier ? source.classifier->registry() : source.segmenter->registry()).parameter_count()
      << " parameters, " << std::filesystem::file_size(words.out) << " bytes\n";
  return kDone;
}

}  // namespace

void add_model_export(CLI::App& model, Session& session) {
  auto* verb = model.add_subcommand("export",
                                    "a model -> FILE.safetensors or FILE.onnx (opset 13), with its "
                                    "classes and input as metadata");
  auto w = std::make_shared<ExportWords>();
  verb->add_option("model", w->model,
                   "a checkpoint or run's folder, FILE.safetensors, FILE.onnx, or the name of a network")
      ->required();
  verb->add_option("-o,--out", w->out, "file to write; its ending says the format")->required();
  verb->add_option("--size", w->size,
                   "ONNX: height and width of the pictures, for networks that pool to a grid (pspnet_...); "
                   "all others take any size")
      ->expected(2);
  verb->add_option("--licence", w->licence, "of the weights; default: what the checkpoint says");
  add_network_options(*verb, w->network);
  add_common(*verb, session, kSeed);
  on_run(*verb, session, [w, verb, &session] {
    for (const char* option : kNetworkOptions)
      if (verb->count(option) > 0 && !is_network(w->model))
        throw ConfigError(
            cat(option, " describes a network that is made by name; ", w->model, " has its own"));
    return run_export(*w, session.common.seed);
  });
}

}  // namespace clearcut::apps
