// Pictures with regions painted over, on each device, by hand.
#include "tensor/ops/show_regions.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

class ShowRegions : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, ShowRegions,
                         testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

TEST_P(ShowRegions, PaintsThoseThatAreOff) {
  const Tensor labels = Tensor::from<std::int32_t>({2, 3}, {0, 0, 2, 1, 2, 2}, GetParam());
  const Tensor on = Tensor::from<std::uint8_t>({3}, {1, 0, 0}, GetParam());
  for (const auto dtype : {DType::kFloat32, DType::kFloat64}) {
    const Tensor x =
        Tensor::from<float>({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}).to(dtype).to(GetParam());
    const Tensor off = Tensor::from<float>({2, 3}, {-1, -2, -3, -4, -5, -6}).to(dtype).to(GetParam());
    const Tensor y = zeros_like(x);
    ops::show_regions(x, labels, on, off, y);
    EXPECT_EQ(y.to(Device::kCpu).to(DType::kFloat32).values<float>(),
              (std::vector<float>{1, 2, -3, -2, -3, -3, 7, 8, -6, -5, -6, -6}));
  }
}

// What is off shows the same place of another picture.
TEST_P(ShowRegions, ShowsAnotherPicture) {
  const Tensor labels = Tensor::from<std::int32_t>({2, 3}, {0, 0, 2, 1, 2, 2}, GetParam());
  const Tensor on = Tensor::from<std::uint8_t>({3}, {1, 0, 0}, GetParam());
  const Tensor x = Tensor::from<float>({2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, GetParam());
  const Tensor other =
      Tensor::from<float>({2, 2, 3}, {-1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12}, GetParam());
  const Tensor y = zeros_like(x);
  ops::show_regions(x, labels, on, other, y);
  EXPECT_EQ(y.values<float>(), (std::vector<float>{1, 2, -3, -4, -5, -6, 7, 8, -9, -10, -11, -12}));
}

// More values than one block has threads, and a last block that is not full.
TEST_P(ShowRegions, OfManyBlocks) {
  const std::int64_t H = 17, W = 31;
  Tensor x({3, H, W}), labels({H, W}, DType::kInt32);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = static_cast<float>(i);
  for (std::int64_t i = 0; i < H * W; ++i) labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(i % 5);
  const Tensor off = Tensor::full({3, 5}, -1, DType::kFloat32, GetParam()), y = zeros_like(x.to(GetParam()));
  ops::show_regions(x.to(GetParam()), labels.to(GetParam()),
                    Tensor::from<std::uint8_t>({5}, {1, 0, 1, 0, 1}, GetParam()), off, y);
  const auto got = y.to(Device::kCpu).values<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i)
    ASSERT_EQ(got[static_cast<std::size_t>(i)], i % (H * W) % 5 % 2 == 0 ? static_cast<float>(i) : -1) << i;
}

TEST(ShowRegionsErrors, SayWhatCame) {
  const Tensor x = Tensor::zeros({3, 2, 2}), off = Tensor::zeros({3, 4}),
               labels = Tensor::zeros({2, 2}, DType::kInt32), on = Tensor::zeros({4}, DType::kUInt8);
  expect_error(
      [&] {
        ops::show_regions(x, labels, on, Tensor::zeros({1, 4}), x);
      },
      "and off too or its channels, [3, K]; got y [3, 2, 2], off [1, 4]");
  expect_error([&] { ops::show_regions(x, on, on, off, x); }, "labels must be int32 [2, 2] on cpu; got [4]");
  expect_error([&] { ops::show_regions(x, labels, labels, off, x); },
               "shown must be uint8 [K] of 4 regions on cpu; got [2, 2]");
}

}  // namespace
}  // namespace clearcut
