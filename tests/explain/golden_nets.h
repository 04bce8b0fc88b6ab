// The two networks of tests/golden/explain: one of ours and one in an ONNX file, with two pictures each.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "explain/explainer.h"
#include "models/onnx_classifier.h"
#include "tensor/safetensors.h"
#include "tests/explain/small_net.h"

namespace clearcut::test {

using Arrays = std::map<std::string, Tensor>;

inline Arrays golden_arrays(const std::string& name = "explainers") {
  Arrays arrays;
  for (auto& [key, tensor] : read_safetensors(cat("tests/golden/explain/", name, ".safetensors")).tensors)
    arrays.emplace(key, tensor);
  return arrays;
}

/// Pictures and classes of the network whose names begin with `prefix`, for the logit.
inline ExplainInput golden_input(const Arrays& arrays, const std::string& prefix) {
  ExplainInput input{.x = arrays.at(prefix + "x")};
  for (const std::int32_t c : arrays.at(prefix + "classes").values<std::int32_t>()) {
    input.items.push_back(input.targets.size());
    input.segments.push_back(arrays.at("segments"));
    input.targets.push_back({.classes = {c}, .probability = false});
  }
  return input;
}

/// Float32 against float64, at most a few hundred terms: 1e-5 of the largest value. Principal components
/// stand off by the rounding over the distance to the next one, variances by what cancels in them: ten times
/// that.
inline double golden_bound(const std::string& name, const std::vector<double>& expected) {
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  const bool loose = name.find("eigen") != std::string::npos || name == "kpcacam" || name == "vargrad" ||
                     name == "shapleycam";
  return (loose ? 1e-4 : 1e-5) * largest;
}

/// The network of explainers.py; its weights are arrays.
struct GoldenNet : TestNet {
  explicit GoldenNet(const Arrays& arrays)
      : TestNet(5, [this](TestNet&, const Var& x) { return forward(x); }),
        conv1(arrays.at("conv1")),
        conv2(arrays.at("conv2")),
        weight(arrays.at("weight")),
        bias(arrays.at("bias")) {
    head = CamWeights{.weights = weight.value(), .path = "features"};
  }
  Var forward(const Var& x) {
    Var y = registry().observe("first", relu(conv2d(x, conv1, {.padding = {1, 1, 1, 1}})));
    y = relu(conv2d(y, conv2, {.stride = {2, 2}, .padding = {1, 1, 1, 1}}));
    return linear(mean(registry().observe("features", y), {2, 3}), weight, bias);
  }
  Var conv1, conv2, weight, bias;
};

/// The network of onnx_net.py.
inline std::unique_ptr<Classifier> golden_onnx_net() {
  return load_onnx_classifier("tests/golden/explain/onnx_net.onnx", {.preprocess = Preprocess{}});
}

}  // namespace clearcut::test
