// Grids brought up to masks, on each device, by hand.
#include "tensor/ops/soft_grid.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

class SoftGrid : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, SoftGrid, testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

// Two lines brought up to 3 * 2 = 6: their middles lie at 1 and 4, so line i lies at (i + 1/2) / 3 - 1/2
// between them: -1/3, 0, 1/3, 2/3, 1, 4/3, and what lies outside is mirrored to 1/3 and 2/3.
TEST_P(SoftGrid, LinesLieWhereTheyShould) {
  const std::vector<double> at = {1.0 / 3, 0, 1.0 / 3, 2.0 / 3, 1, 2.0 / 3};
  for (const auto dtype : {DType::kFloat32, DType::kFloat64}) {
    const Tensor grid = Tensor::from<float>({2, 2}, {0, 1, 10, 11}).to(dtype).to(GetParam());
    const Tensor mask({6, 6}, dtype, GetParam());
    ops::soft_grid(grid, 2, {0, 0}, mask);
    const auto got = mask.to(Device::kCpu).to(DType::kFloat64).values<double>();
    const double tolerance = dtype == DType::kFloat32 ? 1e-6 : 1e-14;  // an ulp of 11
    for (std::size_t y = 0; y < 6; ++y)
      for (std::size_t x = 0; x < 6; ++x)
        EXPECT_NEAR(got[y * 6 + x], 10 * at[y] + at[x], tolerance) << y << ", " << x;
  }
}

// More pixels than a block has threads, cells that are no squares, a part from the middle.
TEST_P(SoftGrid, PartsAreThoseOfTheWhole) {
  Tensor grid({7, 7});
  for (std::int64_t i = 0; i < 49; ++i) grid.data<float>()[i] = static_cast<float>(i * i % 11);
  const Tensor here = grid.to(GetParam()), whole({24, 40}, DType::kFloat32, GetParam()),
               part({21, 33}, DType::kFloat32, GetParam());
  ops::soft_grid(here, {3, 5}, {0, 0}, whole);
  ops::soft_grid(here, {3, 5}, {2, 4}, part);
  const auto all = whole.values<float>(), some = part.values<float>();
  for (std::size_t y = 0; y < 21; ++y)
    for (std::size_t x = 0; x < 33; ++x) ASSERT_EQ(some[y * 33 + x], all[(y + 2) * 40 + x + 4]);
}

TEST_P(SoftGrid, OfOneCellIsFlat) {
  const Tensor mask({4, 6}, DType::kFloat32, GetParam());
  ops::soft_grid(Tensor::full({1, 1}, 3, DType::kFloat32, GetParam()), {2, 3}, {0, 0}, mask);
  EXPECT_EQ(mask.values<float>(), std::vector<float>(24, 3));
}

TEST(SoftGridErrors, SayWhatCame) {
  const Tensor grid = Tensor::zeros({2, 2}), mask = Tensor::zeros({5, 6});
  expect_error(
      [&] {
        ops::soft_grid(grid, 2, {2, 0}, mask);
      },
      "the mask [5, 6] must lie within the (6, 6) pixels of 2 + 1 cells of (2, 2); got the corner (2, 0)");
  expect_error(
      [&] {
        ops::soft_grid(Tensor::zeros({2, 3}), 2, {0, 0}, mask);
      },
      "[k, k] with k >= 1; got [2, 3]");
  expect_error([&] { ops::soft_grid(grid, 2, {0, 0}, Tensor::zeros({5, 6}, DType::kFloat64)); }, "float64");
}

}  // namespace
}  // namespace clearcut
