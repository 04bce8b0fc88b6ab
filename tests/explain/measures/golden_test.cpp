// Every measure against what NumPy, SciPy, scikit-learn, scikit-image and PyTorch make of its formula.
#include <gtest/gtest.h>

#include <cmath>

#include "explain/measures/impute.h"
#include "tensor/parallel.h"
#include "tests/explain/measures/golden_case.h"

namespace clearcut {
namespace {

using test::golden_choice;
using test::GoldenTrial;
using test::measure_array;
using test::measure_arrays;

// Float32 networks of at most 54 terms a sum against float64: scores and maps agree to a few 1e-6, and so do
// means, areas and ratios of them. Where a result comes from differences of scores (infidelity: squares of
// errors near 1e-3 of noise of 3e-3) or from ranks (a pair of near-equal values that changes places moves a
// rank correlation of 252 values by up to 2e-4), more is lost.
double bound(const std::string& measure) {
  if (measure.find("randomisation") != std::string::npos) return 1e-3;
  if (measure == "sensitivity_max" || measure == "completeness" || measure == "arcc") return 1e-4;
  return 2e-5;
}

void expect_near(double got, double expected, const std::string& name, double relative) {
  EXPECT_NEAR(got, expected, relative * std::max(1e-2, std::abs(expected))) << name;
}

// Parts and curve of one measure on picture k.
void expect_golden(const std::string& net, const MeasureRow& row, std::int64_t k, const Verdict& verdict) {
  const std::string name = net + "/" + row.name;
  const auto at = static_cast<std::size_t>(k);
  const double relative = bound(row.name);
  expect_near(verdict.value, measure_array(name).values<double>()[at], name, relative);
  std::size_t parts = 0;
  for (const auto& [part, value] : verdict.parts) {
    expect_near(value, measure_array(name + "." + part).values<double>()[at], name + "." + part, relative);
    ++parts;
  }
  for (const auto& [other, tensor] : measure_arrays())
    if (other.starts_with(name + ".") && !other.ends_with(".y")) --parts;
  EXPECT_EQ(parts, 0U) << name << " has other parts than its golden";
  if (measure_arrays().count(name + ".y") == 0) return;
  const auto curve = measure_array(name + ".y")[k].values<double>();
  ASSERT_EQ(verdict.y.size(), curve.size()) << name;
  for (std::size_t i = 0; i < curve.size(); ++i)
    expect_near(verdict.y[i], curve[i], cat(name, ".y ", i), relative);
}

TEST(Measures, EachIsItsPapersFormula) {
  for (const char* net : {"small", "onnx"})
    for (std::int64_t k = 0; k < 2; ++k) {
      GoldenTrial golden(net, k);
      for (const MeasureRow& row : measure_rows()) {
        if (measure_arrays().count(std::string(net) + "/" + row.name) == 0) {
          ADD_FAILURE() << row.name << " has no golden for " << net;
          continue;
        }
        expect_golden(net, row, k, golden_choice(row).judge(*golden.trial));
      }
    }
}

// A byte budget of 1 runs one row at a time.
TEST(Measures, SameBitsForAnyBatchAndThreads) {
  const auto judge_all = [](std::size_t budget, int threads) {
    set_threads(threads);
    GoldenTrial golden("small", 0, budget);
    std::vector<double> values;
    for (const MeasureRow& row : measure_rows()) {
      const Verdict verdict = golden_choice(row).judge(*golden.trial);
      values.push_back(verdict.value);
      for (const auto& [name, value] : verdict.parts) values.push_back(value);
      values.insert(values.end(), verdict.y.begin(), verdict.y.end());
    }
    set_threads(0);
    return values;
  };
  const std::vector<double> first = judge_all(std::size_t{1} << 30, 1);
  EXPECT_EQ(judge_all(1, 1), first);
  EXPECT_EQ(judge_all(std::size_t{1} << 20, 3), first);
}

TEST(Measures, LeaveTheNetworkAsItWas) {
  GoldenTrial golden("small", 0);
  const auto before = golden.net->registry().state();
  std::vector<std::vector<float>> values;
  for (const auto& [name, tensor] : before) values.push_back(tensor.values<float>());
  for (const MeasureRow& row : measure_rows()) golden_choice(row).judge(*golden.trial);
  const auto after = golden.net->registry().state();
  for (std::size_t i = 0; i < after.size(); ++i)
    EXPECT_EQ(after[i].second.values<float>(), values[i]) << after[i].first;
}

// Conjugate gradients to a residual of 1e-7 of the right side, then rounded to float32.
TEST(Impute, SolvesTheSparseSystem) {
  const auto flags = measure_array("impute/removed").values<std::uint8_t>();
  const Tensor y = impute(measure_array("small/x")[0], std::vector<char>(flags.begin(), flags.end()));
  const auto got = y.values<float>();
  const auto expected = measure_array("impute/y").values<double>();
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 2e-7) << i;
}

// A pixel between 0 and 1 becomes their mean; where nothing is left, 0.
TEST(Impute, ByHand) {
  const Tensor x = Tensor::from<float>({1, 1, 3}, {0, 9, 1});
  EXPECT_EQ(impute(x, {0, 1, 0}).values<float>(), (std::vector<float>{0, 0.5F, 1}));
  EXPECT_EQ(impute(x, {1, 1, 1}).values<float>(), (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(impute(x, {0, 0, 0}).values<float>(), x.values<float>());
}

}  // namespace
}  // namespace clearcut
