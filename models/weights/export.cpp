#include "models/weights/export.h"

#include <filesystem>
#include <functional>

#include "models/onnx_classifier.h"
#include "models/onnx_encode.h"
#include "models/onnx_export.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"
#include "tensor/sha256.h"

namespace clearcut {

namespace {

using MakeGraph = std::function<onnx::Model(Size2 size)>;

std::string hash_of(const StateDict& state) {
  Bytes all;
  for (const auto& [name, tensor] : state) {
    const Tensor host = tensor.to(Device::kCpu);
    on_host<Numbers>("export", host.device(), host.dtype(), [&]<class T>(auto) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(host.data<const T>());
      all.insert(all.end(), bytes, bytes + host.bytes());
    });
  }
  return sha256(all);
}

std::map<std::string, std::string> metadata_of(const ModelCard& card, const StateDict& state,
                                               const std::string& program) {
  return {{"format", "clearcut"},     {"model", card.spec.name},
          {"producer", program},      {"licence", card.licence.empty() ? "not stated" : card.licence},
          {"sha256", hash_of(state)}, {kCardKey, to_json(card, true)}};
}

// The card of a graph whose input has a fixed size says that size.
void set_size(ModelCard& card, const onnx::Value& input) {
  Preprocess& rule = card.spec.preprocess;
  rule.any_size = input.sizes.size() != 4 || input.sizes[2] < 0;
  if (rule.any_size) return;
  rule.height = input.sizes[2];
  rule.width = input.sizes[3];
}

void write(const Registry& registry, ModelCard card, const std::string& path, const ExportOptions& options,
           const MakeGraph& make_graph) {
  const std::string ending = std::filesystem::path(path).extension().string();
  const StateDict state = registry.state();
  if (ending == ".safetensors") {
    check(!is_onnx(card.spec.name), "export", card.spec.name,
          " was read from an ONNX file; export it as .onnx, which holds its graph too");
    return write_safetensors(path, {state, metadata_of(card, state, options.program)});
  }
  check(ending == ".onnx", "export", path, " must end in .safetensors or .onnx");
  onnx::Model model = make_graph(options.size);
  set_size(card, model.graph.inputs.at(0));
  model.producer = options.program;
  model.metadata = metadata_of(card, state, options.program);
  write_file(path, onnx::encode_model(model));
}

}  // namespace

void export_model(Classifier& model, ModelCard card, const std::string& path, const ExportOptions& options) {
  card.spec.class_names = model.class_names();
  card.spec.class_ids = model.class_ids();
  write(model.registry(), card, path, options, [&](Size2 size) {
    return options.graph.empty()
               ? onnx::export_classifier(model, size)
               : onnx::with_weights(onnx::read_model(options.graph), model.registry().state());
  });
}

void export_model(Segmenter& model, const ModelCard& card, const std::string& path,
                  const ExportOptions& options) {
  write(model.registry(), card, path, options,
        [&](Size2 size) { return onnx::export_segmenter(model, size); });
}

}  // namespace clearcut
