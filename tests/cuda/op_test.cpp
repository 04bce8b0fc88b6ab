// Every operator row on the cuda device: float and double against Reference in double, and the same bits in
// each order in which the emulator can run blocks and threads.
#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/op_case.h"
#include "tests/cuda/orders.h"
#include "tests/op_run.h"

namespace clearcut {
namespace {

using test::OpRun;

class CudaOpTest : public testing::TestWithParam<OpCase> {};

// In double 1e-4 of the float tolerance, near 1e-10 of the largest value, leaves room for another order of
// summation.
void expect_same(const OpCase& row, const OpRun& got, const OpRun& expected, DType dtype, std::size_t entry) {
  const double factor = dtype == DType::kFloat32 ? 1.0 : 1e-4;
  const std::string where = cat(row.name, " ", dtype, ", shapes ", entry);
  test::expect_close(got.y, expected.y, factor * test::op_tolerance(row, expected.y), where + " forward");
  for (std::size_t k = 0; k < expected.grads.size(); ++k)
    test::expect_close(got.grads[k], expected.grads[k], factor * test::op_tolerance(row, expected.grads[k]),
                       cat(where, " gradient ", k));
}

// Views of a tensor: no kernel has anything to do.
bool only_looks(const OpCase& row) { return row.name == "reshape" || row.name == "flatten"; }

TEST_P(CudaOpTest, AgreesWithReferenceInDouble) {
  const OpCase& row = GetParam();
  std::int64_t kernels = 0;
  for (std::size_t e = 0; e < row.shapes.size(); ++e) {
    const OpRun slow = test::run_op(row.f, draw_inputs(row, e, DType::kFloat64, Device::kReference));
    for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
      const OpRun got = test::run_op(row.f, draw_inputs(row, e, dtype, Device::kCuda));
      EXPECT_EQ(got.y.device(), Device::kCuda);
      kernels += got.fast_forward + got.fast_backward;
      expect_same(row, got, slow, dtype, e);
    }
  }
  EXPECT_EQ(kernels == 0, only_looks(row));
}

TEST_P(CudaOpTest, SameBitsInEveryOrder) {
  const OpCase& row = GetParam();
  for (std::size_t e = 0; e < row.shapes.size(); ++e) {
    const auto inputs = draw_inputs(row, e, DType::kFloat32, Device::kCuda);
    const OpRun first = test::run_op(row.f, inputs);
    test::in_each_order([&] {
      const OpRun again = test::run_op(row.f, inputs);
      EXPECT_EQ(again.y.values<float>(), first.y.values<float>()) << row.name;
      for (std::size_t k = 0; k < first.grads.size(); ++k)
        EXPECT_EQ(again.grads[k].values<float>(), first.grads[k].values<float>())
            << row.name << " gradient " << k;
    });
  }
}

std::string test_name(const testing::TestParamInfo<OpCase>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Row, CudaOpTest, testing::ValuesIn(all_cases()), test_name);

}  // namespace
}  // namespace clearcut
