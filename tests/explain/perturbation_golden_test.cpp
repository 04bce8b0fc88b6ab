// Explainers that change the picture against formulas in PyTorch, NumPy and scikit-learn:
// tests/golden/explain/perturbation.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "explain/global_prior.h"
#include "tests/explain/golden_nets.h"

namespace clearcut {
namespace {

struct Setting {
  const char* golden;
  const char* text;
};
// PRIOR is a file that the test writes.
constexpr Setting kSettings[] = {
    {"occlusion.mean", "occlusion:window=5:stride=3:reduction=signed"},
    {"occlusion.sum", "occlusion:window=4:stride=2:overlap=sum:reduction=signed"},
    {"rise.map", "rise:samples=20:cells=3:keep=0.5"},
    {"lime.weights", "lime:samples=60:grid=4"},
    {"lime.ridge", "lime:samples=60:grid=4:penalty=ridge:alpha=1"},
    {"lime.captum", "lime:preset=captum:grid=4"},
    {"kernelshap.many", "kernelshap:samples=60:grid=4:off=zero"},
    {"kernelshap.few", "kernelshap:samples=10:grid=4:off=zero"},
    {"ablation.values", "ablation:grid=4"},
    {"permutation.values", "permutation:samples=2:grid=4"},
    {"shapley.values", "shapley:samples=3:grid=4"},
    {"normlime.weights", "normlime:grid=4:prior=PRIOR"},
    {"glime.weights", "glime:samples=60:grid=4:prior=PRIOR"},
    {"scorecam.softmax", "scorecam:relu=0"},
    {"scorecam.corners", "scorecam:relu=0:corners=1"},
    {"scorecam.raw", "scorecam:relu=0:weights=raw"},
    {"ablationcam.map", "ablationcam:relu=0"},
    {"extremal.map", "extremal:area=0.2:iterations=30"}};

// Float32 networks against float64: 2e-5 of the largest value, also after thirty steps of a search. Fits
// spread the rounding of their scores.
double share_of(const std::string& name) {
  if (name.find("lime") != std::string::npos || name.find("shap") != std::string::npos) return 1e-4;
  return 2e-5;
}

void expect_golden(const std::string& name, const std::vector<double>& got,
                   const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size()) << name;
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], share_of(name) * largest) << name << " " << i;
}

// The maps of all pictures, or the coefficients of all pieces.
std::vector<double> values_of(const Explanation& e) {
  std::vector<double> all;
  for (const std::vector<double>& one : e.coefficients) all.insert(all.end(), one.begin(), one.end());
  if (!all.empty()) return all;
  const auto map = e.maps.values<float>();
  return {map.begin(), map.end()};
}

void expect_all(Classifier& net, const std::string& prefix) {
  const test::Arrays explainers = test::golden_arrays(), arrays = test::golden_arrays("perturbation");
  const ExplainInput input = test::golden_input(explainers, prefix);
  const std::string prior = (std::filesystem::path(testing::TempDir()) / "golden_prior.safetensors").string();
  const auto weights = arrays.at(prefix + "prior.weights").values<double>();
  write_prior(prior, {.layer = net.feature_path(),
                      .centres = arrays.at(prefix + "prior.centres"),
                      .weights = {{input.targets[0].classes, weights}, {input.targets[1].classes, weights}}});
  for (const Setting& setting : kSettings) {
    std::string text = setting.text;
    if (const auto at = text.find("PRIOR"); at != std::string::npos) text.replace(at, 5, prior);
    const Explanations e = explain_all(net, input, {parse_explainer(text)});
    expect_golden(setting.golden, values_of(e.by_explainer[0]),
                  arrays.at(prefix + setting.golden).values<double>());
  }
  std::filesystem::remove(prior);
}

TEST(PerturbationGolden, SmallNet) {
  test::GoldenNet net(test::golden_arrays());
  expect_all(net, "");
}

TEST(PerturbationGolden, OnnxNet) { expect_all(*test::golden_onnx_net(), "onnx."); }

}  // namespace
}  // namespace clearcut
