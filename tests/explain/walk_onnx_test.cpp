// Axioms of the explainers that walk, on every family of networks of tests/golden/onnx.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "explain/explainer.h"
#include "explain/walk_fullgrad.h"
#include "tensor/ops/arithmetic.h"
#include "tests/errors.h"
#include "tests/explain/walk_net.h"

namespace clearcut {
namespace {

constexpr int kClass = 2;

double sum_of(const Tensor& x) {
  const auto values = x.values<float>();
  return std::accumulate(values.begin(), values.end(), 0.0);
}

class EveryFamily : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Classifier> net_ =
      load_onnx_classifier(cat("tests/golden/onnx/", GetParam(), ".onnx"), {.preprocess = Preprocess{}});
  Tensor x_ = [] {
    for (auto& [name, tensor] : read_safetensors("tests/golden/onnx/networks.safetensors").tensors)
      if (name == "x") return tensor;
    return Tensor();
  }();
  ExplainInput input_ = test::logit_input(x_, {kClass, kClass});

  double logit(const Tensor& x, std::int64_t n) const {
    return net_->logits(Var(x)).value().data<const float>()[n * net_->classes() + kClass];
  }
  Tensor map(const char* text) { return explain(*net_, input_, parse_explainer(text)); }
};

// The logit is what pixels and biases of all kinds give (spec: to 1e-4 of it).
TEST_P(EveryFamily, FullGradientIsComplete) {
  const Var leaf(x_, true);
  const OpenPass pass(*net_, leaf);
  const Tensor dz = zeros_like(pass.logits().value());
  double expected = 0;
  for (const std::int64_t n : {0, 1}) {
    dz.data<float>()[n * net_->classes() + kClass] = 1;
    expected += logit(x_, n);
  }
  double total = 0;
  walk_full_gradient(pass, dz, "fullgrad", [&](const BiasPart& part) { total += sum_of(part.values); });
  total += sum_of(ops::mul(leaf.grad(), x_));
  EXPECT_NEAR(total, expected, 1e-4 * std::abs(expected));
}

TEST_P(EveryFamily, DeepLiftIsComplete) {
  const auto lift = [&] { return map("deeplift:reduction=signed"); };
  if (std::string(GetParam()).starts_with("mixed"))  // attention
    return expect_error(lift, "matmul: DeepLIFT has no rule for matrix products of two values");
  const Tensor parts = lift(), zero = zeros_like(x_);
  for (const std::int64_t n : {0, 1}) {
    const double difference = logit(x_, n) - logit(zero, n);
    // Quotients of small float differences: 2e-5 of the larger logits at most.
    EXPECT_NEAR(sum_of(parts[n]), difference, 1e-4 * (std::abs(logit(x_, n)) + std::abs(difference)));
  }
}

// Batch norms pass relevance on, biases and constants take none: nothing comes out of nothing. Where no input
// speaks for an output, its relevance ends there.
TEST_P(EveryFamily, RelevanceIsSharedOutOrRefused) {
  const std::string family = GetParam();
  if (family.starts_with("convnext"))
    return expect_error([&] { map("lrp"); }, "div: relevance has no rule for divisors");
  if (family.starts_with("mixed")) return expect_error([&] { map("lrp"); }, "relevance has no rule for");
  const Tensor R = map("lrp:bounds=0");
  const bool whole =
      family.starts_with("vgg") || family.starts_with("densenet");  // each output has an input for it
  for (const std::int64_t n : {0, 1}) {
    const double sum = sum_of(R[n]), z = logit(x_, n);
    EXPECT_TRUE(whole ? std::abs(sum - z) < 1e-4 * std::abs(z) : std::isfinite(sum)) << sum << " of " << z;
  }
}

INSTANTIATE_TEST_SUITE_P(Walks, EveryFamily,
                         testing::Values("resnet_op13", "vgg_op9", "densenet_op11", "mobilenet_v2_op10",
                                         "mobilenet_v3_op11", "mobilenet_v3_op14", "efficientnet_op15",
                                         "shufflenet_op12", "convnext_op16", "convnext_op17", "mixed_op11",
                                         "mixed_op17", "decoder_op13"),
                         [](const auto& row) { return std::string(row.param); });

}  // namespace
}  // namespace clearcut
