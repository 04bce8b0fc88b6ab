// Tiny classifiers for tests of explainers.
#pragma once

#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/conv2d.h"
#include "autograd/elementwise.h"
#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/reduce.h"
#include "explain/explainer.h"
#include "models/classifier.h"
#include "tensor/random.h"

namespace clearcut::test {

inline Tensor random_tensor(const Shape& shape, std::string_view purpose, double deviation = 1) {
  Tensor x(shape);
  RandomStream(11, purpose).fill_normal(x, 0, deviation);
  return x;
}

/// Any function as a classifier. Inputs are pictures scaled to (pixel - 127.5) / 127.5.
class TestNet : public Classifier {
 public:
  using Function = std::function<Var(TestNet&, const Var& x)>;

  TestNet(std::int64_t classes, Function f, Device device = Device::kCpu)
      : registry_(1, device), f_(std::move(f)) {
    rule_.height = rule_.width = 16;
    for (std::int64_t c = 0; c < classes; ++c) names_.push_back(cat("class ", c));
  }

  const std::string& name() const override { return name_; }
  Var logits(const Var& x) const override { return f_(const_cast<TestNet&>(*this), x); }
  Registry& registry() override { return registry_; }
  const Preprocess& preprocess() const override { return rule_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  const std::vector<std::string>& class_ids() const override { return names_; }
  std::string feature_path() const override { return "features"; }
  std::optional<CamWeights> cam_weights() const override { return head; }

  std::optional<CamWeights> head;
  void rename(const std::string& name) { name_ = name; }
  void name_classes(const std::vector<std::string>& names) { names_ = names; }

 private:
  std::string name_ = "test_net";
  Registry registry_;
  Function f_;
  Preprocess rule_;
  std::vector<std::string> names_;
};

/// conv 3x3 - ReLU - conv 3x3 stride 2 - ReLU ("features") - mean - linear; 5 classes, random weights.
struct SmallNet : TestNet {
  explicit SmallNet(Device device = Device::kCpu, std::int64_t most_rows = 1000)
      : TestNet(
            5, [this, most_rows](TestNet&, const Var& x) { return forward(x, most_rows); }, device),
        conv1(registry().scope() / "conv1", random_tensor({6, 3, 3, 3}, "conv1", 0.3).to(device)),
        conv2(registry().scope() / "conv2", random_tensor({8, 6, 3, 3}, "conv2", 0.3).to(device)),
        weight(registry().scope() / "fc.weight", random_tensor({5, 8}, "fc").to(device)),
        bias(registry().scope() / "fc.bias", random_tensor({5}, "bias").to(device)) {
    head = CamWeights{.weights = weight.value(), .path = "features"};
  }

  Var forward(const Var& x, std::int64_t most_rows) {
    if (x.dim(0) > most_rows) fail("memory", "the system has no block of 123 bytes");
    Var y = relu(conv2d(x, conv1, {.padding = {1, 1, 1, 1}}));
    y = relu(conv2d(y, conv2, {.stride = {2, 2}, .padding = {1, 1, 1, 1}}));
    return linear(mean(registry().observe("features", y), {2, 3}), weight, bias);
  }

  Param conv1, conv2, weight, bias;
};

/// Logits that are linear in the input: z = <w_c, x>. w [C, 3 * 16 * 16].
struct LinearNet : TestNet {
  explicit LinearNet(Tensor w)
      : TestNet(w.dim(0), [w](TestNet&, const Var& x) { return linear(flatten(x), Var(w)); }) {}
};

/// The same target for every picture; their ids are 100, 101, ...
inline ExplainInput input_of(const Tensor& x, const Target& target) {
  ExplainInput input{.x = x};
  for (std::int64_t n = 0; n < x.dim(0); ++n) {
    input.targets.push_back(target);
    input.items.push_back(static_cast<std::uint64_t>(100 + n));
  }
  return input;
}

}  // namespace clearcut::test
