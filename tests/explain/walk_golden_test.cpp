// Explainers by walks against tests/golden/explain/walks.py.
#include <gtest/gtest.h>

#include <cmath>

#include "explain/explainer.h"
#include "tests/explain/walk_net.h"

namespace clearcut {
namespace {

struct Row {
  const char* golden;
  const char* explainer;  // its text, without the layer
  bool layer;
};

// The goldens have signs, unless it is said otherwise here.
const Row kRows[] = {
    {"guided.map", "guided:reduction=abs", false},
    {"deconvnet.map", "deconvnet:reduction=abs", false},
    {"guided_gradcam.map", "guided_gradcam:reduction=abs", true},
    {"deeplift.map", "deeplift:reduction=abs", false},
    {"deeplift_shap.map", "deeplift_shap:reduction=abs", false},
    {"lrp.epsilon", "lrp:rule=epsilon:epsilon=0.01:bounds=0:reduction=signed", false},
    {"lrp.gamma", "lrp:rule=gamma:epsilon=0.01:bounds=0:reduction=signed", false},
    {"lrp.alphabeta", "lrp:rule=alphabeta:reduction=signed", false},
    {"lrp.apart", "lrp:preset=interpretdl:reduction=signed", false},
    {"excitation.map", "excitation", true},
    {"contrastive.map", "contrastive:relu=0", true},
    {"fullgrad.map", "fullgrad", false},
    {"simple_fullgrad.map", "simple_fullgrad", false},
    {"smooth_fullgrad.silent", "smooth_fullgrad:samples=2:noise=0", false},
    {"linear.map", "linear", true},
    {"conductance.map", "conductance:steps=4:relu=0", true},
    {"conductance.gauss", "conductance:preset=captum:steps=4", true},
    {"layerig.map", "layerig:steps=4:relu=0", true},
};

void compare(Classifier& net, const std::string& prefix, const ExplainInput& input, const std::string& tap,
             const std::map<std::string, Tensor>& file) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(cat(prefix, " ", row.golden));
    const std::string text = cat(row.explainer, row.layer ? ":layer=" + tap : "");
    const auto map = explain(net, input, parse_explainer(text));
    const Tensor golden = file.at(prefix + row.golden);
    ASSERT_EQ(map.shape(), golden.shape());
    const auto got = map.values<float>(), expected = golden.values<float>();
    double largest = 0;
    for (const float v : expected) largest = std::max(largest, std::abs(static_cast<double>(v)));
    // Float32 against float64 through a dozen layers of sums of up to 100 terms, some of which divide by a
    // sum.
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-4 * largest) << i;
  }
}

TEST(Walks, AreTheirPapersFormulas) {
  test::WalkNet net;
  compare(net, "", test::logit_input(net.file.at("own.x"), {2, 4}), "swish", net.file);
}

TEST(Walks, AreTheirPapersFormulasOnOnnxGraphs) {
  const auto net = test::walk_onnx();
  const auto goldens = read_safetensors("tests/golden/explain/walks.safetensors");
  compare(*net, "onnx.", test::logit_input(test::walk_goldens().at("onnx.x"), {1, 3}),
          goldens.metadata.at("onnx_tap"), test::walk_goldens());
}

}  // namespace
}  // namespace clearcut
