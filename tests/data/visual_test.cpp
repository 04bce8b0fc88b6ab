#include "data/visual.h"

#include <gtest/gtest.h>

#include "tensor/error.h"

namespace clearcut {
namespace {

Rgb pixel(const Tensor& picture, std::int64_t i) {
  const auto* p = picture.data<const std::uint8_t>() + 3 * i;
  return {p[0], p[1], p[2]};
}

TEST(Visual, HeatRunsFromTheRampsFirstToItsLastColour) {
  const Tensor y = heat_picture(Tensor::from<float>(Shape{1, 3}, {-2, 0.5, 3}));
  EXPECT_EQ(pixel(y, 0), (Rgb{68, 1, 84}));
  EXPECT_EQ(pixel(y, 1), (Rgb{35, 144, 139}));  // half-way: mean of ramp colours 4 and 5, rounded up
  EXPECT_EQ(pixel(y, 2), (Rgb{253, 231, 37}));
}

TEST(Visual, AFlatMapIsGray) {
  EXPECT_EQ(pixel(heat_picture(Tensor::full(Shape{2, 2}, 7)), 3), (Rgb{128, 128, 128}));
}

TEST(Visual, LabelsTakeTheirColours) {
  const Tensor labels = Tensor::from<std::int32_t>(Shape{1, 4}, {0, 1, 255, 9});
  const Tensor y = label_picture(labels, {{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(pixel(y, 0), (Rgb{1, 2, 3}));
  EXPECT_EQ(pixel(y, 1), (Rgb{4, 5, 6}));
  EXPECT_EQ(pixel(y, 2), (Rgb{224, 224, 224}));
  EXPECT_EQ(pixel(y, 3), (Rgb{0, 0, 0}));
}

TEST(Visual, OverlayMixesInsideAndMarksTheEdge) {
  const Tensor picture = Tensor::full(Shape{1, 4, 3}, 100, DType::kUInt8);
  const Tensor labels = Tensor::from<std::int32_t>(Shape{1, 4}, {0, 1, 1, 1});
  const Tensor y = overlay(picture, labels, {{0, 0, 0}, {200, 0, 50}}, {.opacity = 0.5});
  EXPECT_EQ(pixel(y, 0), (Rgb{100, 100, 100}));  // background shows the picture
  EXPECT_EQ(pixel(y, 1), (Rgb{200, 0, 50}));     // edge
  EXPECT_EQ(pixel(y, 3), (Rgb{150, 50, 75}));    // half and half
  EXPECT_THROW(overlay(picture, Tensor::zeros(Shape{2, 2}, DType::kInt32), {}), Error);
}

}  // namespace
}  // namespace clearcut
