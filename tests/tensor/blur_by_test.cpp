// Pictures between blur levels on each device, by hand, and the gradient of the mask.
#include "tensor/ops/blur_by.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

class BlurBy : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, BlurBy, testing::Values(Device::kReference, Device::kCpu, Device::kCuda));

Tensor drawn(const Shape& shape, DType dtype, const char* name, Device device) {
  Tensor x(shape);
  RandomStream(3, name).fill_normal(x, 0, 1);
  return x.to(dtype).to(device);
}

std::vector<double> wide(const Tensor& x) { return x.to(Device::kCpu).to(DType::kFloat64).values<double>(); }

// A dot in a corner of the second channel. Level 6 has deviation 20 / 7 and ends 12 pixels away.
TEST_P(BlurBy, LevelsAreGaussiansCutAtFourDeviations) {
  double sum = 0;
  for (int i = -12; i <= 12; ++i) sum += std::exp(-(7 * i / 20.0) * (7 * i / 20.0) / 2);
  const auto tap = [&](int i) { return i > 12 ? 0 : std::exp(-(7 * i / 20.0) * (7 * i / 20.0) / 2) / sum; };
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    Tensor x = Tensor::zeros({2, 14, 17}, DType::kFloat64);
    x.data<double>()[14 * 17] = 1;
    x = x.to(dtype).to(GetParam());
    const Tensor levels = ops::blur_levels(x);
    ASSERT_EQ(levels.shape(), Shape({8, 2, 14, 17}));
    EXPECT_EQ(wide(levels[7]), wide(x));
    const auto got = wide(levels[6]);
    for (int y = 0; y < 14; ++y)
      for (int c = 0; c < 17; ++c) {
        ASSERT_EQ(got[static_cast<std::size_t>(y * 17 + c)], 0);
        ASSERT_NEAR(got[static_cast<std::size_t>((14 + y) * 17 + c)], tap(y) * tap(c),
                    dtype == DType::kFloat32 ? 1e-8 : 1e-16)  // a rounding of numbers up to 0.02
            << y << " " << c;
      }
    EXPECT_NEAR(wide(levels[0])[14 * 17], 1 / (800 * M_PI), 1e-6) << "1 / (2 pi 20^2), but for the cut";
  }
}

TEST_P(BlurBy, FromTheStrongestBlurToThePicture) {
  const Tensor x = drawn({3, 6, 5}, DType::kFloat32, "x", GetParam()), levels = ops::blur_levels(x);
  const Tensor y = zeros_like(x);
  const auto blurred = [&](double mask) {
    ops::blur_by(levels, Tensor::full({6, 5}, mask, DType::kFloat64, GetParam()), {}, y);
    return wide(y);
  };
  EXPECT_EQ(blurred(1), wide(x));
  EXPECT_EQ(blurred(1.25), wide(x)) << "cut to 1";
  EXPECT_EQ(blurred(0), wide(levels[0]));
  EXPECT_EQ(blurred(-0.25), wide(levels[0])) << "cut to 0";
  const auto between = blurred(2.25 / 7), low = wide(levels[2]), high = wide(levels[3]);
  for (std::size_t i = 0; i < 90; ++i)
    EXPECT_NEAR(between[i], 0.75 * low[i] + 0.25 * high[i], 1e-6);  // float rounding of numbers near 1
}

// Every pixel has its own value of the mask, in more than one block; mirrored, its column is another.
TEST_P(BlurBy, PixelByPixelWithinMargins) {
  const Tensor x = drawn({2, 19, 23}, DType::kFloat64, "x", GetParam()), levels = ops::blur_levels(x);
  const Tensor mask = drawn({25, 28}, DType::kFloat64, "mask", GetParam()), y = zeros_like(x);
  const auto all = wide(levels), m = wide(mask);
  for (const bool mirrored : {false, true}) {
    ops::blur_by(levels, mask, {.margin = 4, .mirrored = mirrored}, y);
    const auto got = wide(y);
    for (std::size_t i = 0; i < got.size(); ++i) {
      const std::size_t c = i / (19 * 23), row = i / 23 % 19, column = mirrored ? 22 - i % 23 : i % 23;
      const double level = 7 * std::clamp(m[(row + 4) * 28 + column + 4], 0.0, 1.0);
      const auto low = std::min<std::size_t>(6, static_cast<std::size_t>(level));
      const auto at = [&](std::size_t l) { return all[((l * 2 + c) * 19 + row) * 23 + column]; };
      const double share = level - static_cast<double>(low);
      ASSERT_NEAR(got[i], (1 - share) * at(low) + share * at(low + 1), 1e-14) << i;
    }
  }
}

// y is a line between two levels, so differences are exact but for rounding, as long as no level is crossed.
TEST_P(BlurBy, GradientIsThatOfTheMask) {
  const Tensor x = drawn({2, 9, 11}, DType::kFloat64, "x", GetParam()), levels = ops::blur_levels(x);
  const Tensor dy = drawn({2, 9, 11}, DType::kFloat64, "dy", GetParam()), y = zeros_like(x);
  const auto weights = wide(dy);
  std::vector<double> mask(16 * 18);
  for (std::size_t u = 0; u < mask.size(); ++u)
    mask[u] = (static_cast<double>(u % 7) + 0.2 + 0.1 * static_cast<double>(u % 5)) / 7;
  const auto mask_of = [&](const std::vector<double>& m) {
    return Tensor::from<double>({16, 18}, m, GetParam());
  };
  for (const bool mirrored : {false, true}) {
    const ops::BlurPlace place{.margin = 3, .mirrored = mirrored};
    const Tensor dmask = Tensor::full({16, 18}, 5, DType::kFloat64, GetParam());
    ops::blur_by_backward(levels, mask_of(mask), dy, place, dmask);
    const auto got = wide(dmask);
    const auto loss = [&](std::size_t u, double step) {
      std::vector<double> m = mask;
      m[u] += step;
      ops::blur_by(levels, mask_of(m), place, y);
      double sum = 0;
      const auto values = wide(y);
      for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * weights[i];
      return sum;
    };
    for (std::size_t u = 0; u < mask.size(); ++u)
      ASSERT_NEAR(got[u], (loss(u, 1e-2) - loss(u, -1e-2)) / 2e-2, 1e-11) << u;
    EXPECT_EQ(got[0], 0);
    EXPECT_NE(got[3 * 18 + 3], 0);
    EXPECT_NE(got[11 * 18 + 13], 0);
  }
  const Tensor dmask = Tensor::full({9, 11}, 5, DType::kFloat64, GetParam());
  ops::blur_by_backward(levels, Tensor::full({9, 11}, 1, DType::kFloat64, GetParam()), dy, {}, dmask);
  EXPECT_EQ(wide(dmask), std::vector<double>(99)) << "where the mask is 1";
}

TEST(BlurByErrors, SayWhatCame) {
  const Tensor x = Tensor::zeros({3, 4, 5}), levels = ops::blur_levels(x);
  const Tensor mask = Tensor::zeros({6, 7}, DType::kFloat64);
  expect_error([&] { ops::blur_levels(x[0]); }, "x must be [C, H, W]");
  expect_error([&] { ops::blur_by(levels, mask, {}, x[0]); },
               "the picture [C, H, W]; got [8, 3, 4, 5] and [4, 5]");
  expect_error([&] { ops::blur_by(levels, mask, {.margin = 3}, x); },
               "a picture [3, 4, 5] with a margin of 3 pixels does not fit a mask [6, 7]");
  expect_error(
      [&] {
        ops::blur_by(levels, Tensor::zeros({6, 7}), {}, x);
      },
      "mask must be float64 on cpu; got float32 on cpu");
  expect_error([&] { ops::blur_by_backward(levels, mask, x, {}, mask[0]); }, "dmask must be [6, 7]; got [7]");
}

}  // namespace
}  // namespace clearcut
