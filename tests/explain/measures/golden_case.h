// The two networks, pictures and maps of tests/golden/explain/measures.py.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "explain/measures/measure_table.h"
#include "tensor/safetensors.h"
#include "tests/explain/small_net.h"

namespace clearcut::test {

using Arrays = std::map<std::string, Tensor>;

inline const Arrays& measure_arrays() {
  static const Arrays all = [] {
    Arrays arrays;
    for (auto& [name, tensor] : read_safetensors("tests/golden/explain/measures.safetensors").tensors)
      arrays.emplace(name, tensor);
    return arrays;
  }();
  return all;
}

inline const Tensor& measure_array(const std::string& name) {
  const auto found = measure_arrays().find(name);
  check(found != measure_arrays().end(), "golden", "measures.safetensors has no ", name);
  return found->second;
}

/// conv - ReLU - conv stride 2 - ReLU - mean - linear, weights from "PREFIX/conv1.weight" on.
struct GoldenSmallNet : TestNet {
  explicit GoldenSmallNet(const std::string& prefix)
      : TestNet(5, [this](TestNet&, const Var& x) { return forward(x); }),
        conv1(registry().scope() / "conv1" / "weight", measure_array(prefix + "/conv1.weight").clone()),
        conv2(registry().scope() / "conv2" / "weight", measure_array(prefix + "/conv2.weight").clone()),
        weight(registry().scope() / "fc" / "weight", measure_array(prefix + "/fc.weight").clone()),
        bias(registry().scope() / "fc" / "bias", measure_array(prefix + "/fc.bias").clone()) {
    rename("small");
  }
  Var forward(const Var& x) {
    Var y = relu(conv2d(x, conv1, {.padding = {1, 1, 1, 1}}));
    y = relu(conv2d(y, conv2, {.stride = {2, 2}, .padding = {1, 1, 1, 1}}));
    return linear(mean(registry().observe("features", y), {2, 3}), weight, bias);
  }
  Param conv1, conv2, weight, bias;
};

inline std::unique_ptr<Classifier> golden_net(const std::string& name) {
  if (name == "small") return std::make_unique<GoldenSmallNet>("small");
  return load_classifier("tests/golden/explain/measures.onnx");
}

/// The same network with other weights.
inline std::unique_ptr<Classifier> shuffled_net(const std::string& name) {
  if (name == "small") return std::make_unique<GoldenSmallNet>("small/shuffled");
  auto net = load_classifier("tests/golden/explain/measures.onnx");
  for (Param* param : net->registry().params())
    param->replace(measure_array("onnx/shuffled/" + param->name()).clone());
  return net;
}

/// Picture k of a network with its saliency map as the explanation on trial.
struct GoldenTrial {
  GoldenTrial(const std::string& name, std::int64_t k, std::size_t budget = std::size_t{1} << 30)
      : net(golden_net(name)), shuffled(shuffled_net(name)) {
    const Tensor x = measure_array(name + "/x").slice(k, k + 1);
    const std::int64_t H = x.dim(2), W = x.dim(3);
    ExplainInput input{.x = x};
    const auto target = measure_array(name + "/classes").values<std::int32_t>()[static_cast<std::size_t>(k)];
    input.targets = {{.classes = {target}}};
    input.items = {static_cast<std::uint64_t>(100 + k)};
    input.seed = 5;
    input.budget_bytes = budget;
    said.maps = measure_array(name + "/map").slice(k, k + 1);
    said.empty = {false};
    const Box whole{0, 0, static_cast<double>(H), static_cast<double>(W)};
    subject = std::make_unique<Subject>(*net, input, Frame{whole, H, W, H, W},
                                        Evidence{.inside = measure_array(name + "/mask")[k],
                                                 .consensus = measure_array(name + "/mean")[k],
                                                 .shuffled = shuffled.get(),
                                                 .patch = Target{.classes = {1}}});
    trial = std::make_unique<Trial>(*subject, explainer, said);
  }

  std::unique_ptr<Classifier> net, shuffled;
  ExplainOptions explainer = parse_explainer("saliency:score=logit");
  Explanation said;
  std::unique_ptr<Subject> subject;
  std::unique_ptr<Trial> trial;
};

/// The settings that measures.py used.
inline MeasureChoice golden_choice(const MeasureRow& row) {
  if (row.name == "deletion" || row.name == "insertion") return parse_measure(row.name + ":steps=8");
  if (row.name == "pointing") return parse_measure("pointing:tolerance=0");
  if (row.name == "infidelity_captum") return parse_measure("infidelity_captum:noise=0.5");
  if (row.name == "model_randomisation") return parse_measure("model_randomisation:stages=3");
  return parse_measure(row.name);
}

}  // namespace clearcut::test
