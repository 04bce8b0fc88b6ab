// The two networks of tests/golden/explain/walks.py.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "autograd/arithmetic.h"
#include "autograd/batch_norm.h"
#include "autograd/pool.h"
#include "explain/explainer.h"
#include "models/onnx_classifier.h"
#include "tensor/safetensors.h"
#include "tests/explain/small_net.h"

namespace clearcut::test {

inline std::map<std::string, Tensor> walk_goldens() {
  std::map<std::string, Tensor> file;
  for (auto& [name, tensor] : read_safetensors("tests/golden/explain/walks.safetensors").tensors)
    file.emplace(name, tensor);
  return file;
}

inline ExplainInput logit_input(const Tensor& x, const std::vector<int>& classes) {
  ExplainInput input{.x = x};
  for (std::size_t n = 0; n < classes.size(); ++n) {
    input.targets.push_back({.classes = {classes[n]}, .probability = false});
    input.items.push_back(n);
  }
  return input;
}

/// `own`: batch norms, max pooling, a residual, ReLU6, hard-swish and a gate. Taps: swish, features.
struct WalkNet : TestNet {
  explicit WalkNet(Device device = Device::kCpu)
      : TestNet(
            5, [this](TestNet&, const Var& x) { return forward(x); }, device),
        file(walk_goldens()) {
    for (auto& [name, tensor] : file) tensor = tensor.to(device);
  }

  Var at(const std::string& name) const { return Var(file.at("own." + name)); }
  Var conv(const std::string& name, const Var& x, std::int64_t padding = 1) const {
    return conv2d(x, at(name + ".w"), at(name + ".b"), {.padding = padding});
  }
  Var norm(const std::string& name, const Var& x) const {
    return batch_norm(x, at(name + ".weight"), at(name + ".bias"),
                      {file.at("own." + name + ".mean"), file.at("own." + name + ".var")}, {});
  }
  Var forward(const Var& x) {
    const Var y = max_pool2d(relu(norm("bn1", conv("conv1", x))), {.kernel = 3, .stride = 2, .padding = 1});
    const Var sum = relu6(norm("bn2", conv("conv2", y)) + y);
    const Var swish = registry().observe("swish", hard_swish(conv("conv3", sum)));
    const Var open = sigmoid(conv("gate", global_avg_pool(swish), 0));
    const Var features = registry().observe("features", relu(conv("conv4", swish * open)));
    return linear(mean(features, {2, 3}), at("fc.w"), at("fc.b"));
  }

  std::map<std::string, Tensor> file;
};

/// The ResNet of tests/golden/onnx/resnet_op13.onnx.
inline std::unique_ptr<Classifier> walk_onnx() {
  return load_onnx_classifier("tests/golden/onnx/resnet_op13.onnx", {.preprocess = Preprocess{}});
}

}  // namespace clearcut::test
