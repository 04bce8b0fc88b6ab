// Boxes copied from map to map, on each device, by hand.
#include <gtest/gtest.h>

#include "tensor/ops/rearrange.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

class CopyBox : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, CopyBox, testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

TEST_P(CopyBox, LeavesTheRest) {
  const Tensor from = Tensor::from<float>({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, GetParam());
  const Tensor to = Tensor::zeros({2, 3, 4}, DType::kFloat32, GetParam());
  ops::copy_box(from, {0, 1}, to, {1, 2}, {2, 2});
  EXPECT_EQ(to.values<float>(), (std::vector<float>{0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 5,  6,  //
                                                    0, 0, 0, 0, 0, 0, 8, 9, 0, 0, 11, 12}));
  ops::copy_box(from, {2, 0}, to, {3, 0}, {0, 3});  // nothing, at the very end
  EXPECT_EQ(to.values<float>()[23], 12);
}

TEST_P(CopyBox, OfManyBlocks) {
  Tensor from({3, 40, 50});
  for (std::int64_t i = 0; i < from.numel(); ++i) from.data<float>()[i] = static_cast<float>(i);
  const Tensor to = Tensor::full({3, 30, 45}, -1, DType::kFloat32, GetParam());
  ops::copy_box(from.to(GetParam()), {7, 3}, to, {1, 2}, {29, 41});
  const auto got = to.values<float>();
  for (std::int64_t i = 0; i < to.numel(); ++i) {
    const std::int64_t c = i / (30 * 45), y = i / 45 % 30, x = i % 45;
    const bool inside = y >= 1 && x >= 2 && x < 43;
    const auto value = static_cast<float>((c * 40 + y + 6) * 50 + x + 1);
    ASSERT_EQ(got[static_cast<std::size_t>(i)], inside ? value : -1) << c << ", " << y << ", " << x;
  }
}

TEST(CopyBoxErrors, SayWhatCame) {
  const Tensor a = Tensor::zeros({2, 4, 5}), b = Tensor::zeros({2, 3, 3});
  expect_error(
      [&] {
        ops::copy_box(a, {2, 0}, b, {0, 0}, {3, 3});
      },
      "a box of (3, 3) must lie in [2, 4, 5] at (2, 0) and in [2, 3, 3] at (0, 0)");
  expect_error([&] { ops::copy_box(a, {0, 0}, b, {0, 1}, {3, 3}); }, "in [2, 3, 3] at (0, 1)");
  expect_error([&] { ops::copy_box(a, {0, 0}, b, {0, 0}, {-1, 1}); }, "a box of (-1, 1)");
  expect_error(
      [&] {
        ops::copy_box(a, {0, 0}, Tensor::zeros({3, 3}), {0, 0}, 1);
      },
      "the same leading sizes; got [2, 4, 5] and [3, 3]");
  expect_error(
      [&] {
        ops::copy_box(a, {0, 0}, Tensor::zeros({2, 3, 3}, DType::kInt32), {0, 0}, 1);
      },
      "int32");
}

}  // namespace
}  // namespace clearcut
