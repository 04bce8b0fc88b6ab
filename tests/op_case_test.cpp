// What every operator row must pass; see autograd/op_case.h.
#include "autograd/op_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gradcheck.h"
#include "tensor/parallel.h"
#include "tests/golden.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

using test::expect_close, test::op_tolerance, test::OpRun, test::run_op;

class OpTest : public testing::TestWithParam<OpCase> {};

class FastOpTest : public OpTest {};
class BadOpTest : public OpTest {};

TEST_P(FastOpTest, AgreesWithReferenceInDouble) {
  const OpCase& row = GetParam();
  for (std::size_t e = 0; e < row.shapes.size(); ++e) {
    const OpRun fast = run_op(row.f, draw_inputs(row, e, DType::kFloat32, Device::kCpu));
    const OpRun slow = run_op(row.f, draw_inputs(row, e, DType::kFloat64, Device::kReference));
    EXPECT_EQ(fast.fast_forward > 0, row.fast_forward)
        << row.name << ": fast body entered in the forward pass";
    EXPECT_EQ(fast.fast_backward > 0, row.fast_backward)
        << row.name << ": fast body entered in the backward pass";
    EXPECT_EQ(slow.fast_forward + slow.fast_backward, 0) << row.name << ": Reference ran a fast body";
    expect_close(fast.y, slow.y, op_tolerance(row, slow.y), cat(row.name, " forward, shapes ", e));
    for (std::size_t k = 0; k < slow.grads.size(); ++k)
      expect_close(fast.grads[k], slow.grads[k], op_tolerance(row, slow.grads[k]),
                   cat(row.name, " gradient ", k, ", shapes ", e));
  }
}

TEST_P(OpTest, GradientMatchesCentralDifferences) {
  const OpCase& row = GetParam();
  for (std::size_t e = 0; e < row.shapes.size(); ++e) {
    const auto result = gradcheck(row.f, draw_inputs(row, e, DType::kFloat64, Device::kReference));
    EXPECT_TRUE(result.passed) << row.name << ", shapes " << e << ": " << result.where;
  }
}

TEST_P(OpTest, SameBitsForOneAndManyThreads) {
  const OpCase& row = GetParam();
  const auto inputs = draw_inputs(row, row.shapes.size() - 1, DType::kFloat32, Device::kCpu);
  const int before = threads();
  set_threads(1);
  const OpRun one = run_op(row.f, inputs);
  set_threads(3);
  const OpRun many = run_op(row.f, inputs);
  set_threads(before);
  EXPECT_EQ(one.y.values<float>(), many.y.values<float>()) << row.name;
  for (std::size_t k = 0; k < one.grads.size(); ++k)
    EXPECT_EQ(one.grads[k].values<float>(), many.grads[k].values<float>()) << row.name << " gradient " << k;
}

// The oracle from outside: numbers that PyTorch wrote in double, or a hand case.
TEST_P(OpTest, ReferenceMatchesOracle) {
  const OpCase& row = GetParam();
  ASSERT_TRUE(row.oracle || !row.golden.empty()) << row.name << " has no oracle";
  if (row.oracle) row.oracle();
  if (row.golden.empty()) return;
  const test::OpGolden golden = test::op_golden(row.golden);
  std::vector<Tensor> inputs;
  for (const Tensor& x : golden.inputs) inputs.push_back(x.to(Device::kReference));
  const OpRun got = run_op(row.f, inputs, golden.dy.to(Device::kReference));
  // Both sides run in double: 1e-4 of the float tolerance, near 1e-10 of the largest value, leaves room for
  // another order of summation.
  const double tol = 1e-4 * op_tolerance(row, golden.y);
  expect_close(got.y, golden.y, std::max(tol, 1e-12), row.name + " forward");
  for (std::size_t k = 0; k < golden.grads.size(); ++k)
    expect_close(got.grads[k], golden.grads[k], std::max(1e-4 * op_tolerance(row, golden.grads[k]), 1e-12),
                 cat(row.name, " gradient ", k));
}

TEST_P(BadOpTest, IsRefusedWithTheRule) {
  for (const BadCall& bad : GetParam().bad) {
    try {
      bad.call();
      ADD_FAILURE() << GetParam().name << ": accepted, expected an error with: " << bad.text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(bad.text), std::string::npos) << "said: " << error.what();
    }
  }
}

std::string test_name(const testing::TestParamInfo<OpCase>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

// Rows with a fast Cpu body; for the others the Cpu device runs the reference loop itself.
std::vector<OpCase> fast_cases() {
  std::vector<OpCase> rows;
  std::copy_if(all_cases().begin(), all_cases().end(), std::back_inserter(rows),
               [](const OpCase& row) { return row.fast_forward || row.fast_backward; });
  return rows;
}

std::vector<OpCase> bad_cases() {
  std::vector<OpCase> rows;
  std::copy_if(all_cases().begin(), all_cases().end(), std::back_inserter(rows),
               [](const OpCase& row) { return !row.bad.empty(); });
  return rows;
}

INSTANTIATE_TEST_SUITE_P(Row, OpTest, testing::ValuesIn(all_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Row, FastOpTest, testing::ValuesIn(fast_cases()), test_name);
INSTANTIATE_TEST_SUITE_P(Row, BadOpTest, testing::ValuesIn(bad_cases()), test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FastOpTest);

}  // namespace

void PrintTo(const OpCase& row, std::ostream* out) { *out << row.name; }

}  // namespace clearcut
