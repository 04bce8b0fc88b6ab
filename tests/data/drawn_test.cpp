#include "data/drawn.h"

#include <gtest/gtest.h>

#include <set>

#include "data/drawn_texture.h"
#include "tensor/error.h"

namespace clearcut {
namespace {

TEST(Drawn, APictureDependsOnItsNumberOnly) {
  const DrawnPicture first = draw_picture(41);
  draw_picture(7);
  const DrawnPicture again = draw_picture(41);
  EXPECT_EQ(first.image.values<std::uint8_t>(), again.image.values<std::uint8_t>());
  EXPECT_EQ(first.mask.values<std::int32_t>(), again.mask.values<std::int32_t>());
  EXPECT_NE(first.image.values<std::uint8_t>(), draw_picture(42).image.values<std::uint8_t>());
  EXPECT_NE(first.image.values<std::uint8_t>(), draw_picture(41, {.seed = 2}).image.values<std::uint8_t>());
}

TEST(Drawn, TheMaskHoldsTheNamedClasses) {
  int several_classes = 0;
  for (std::uint64_t i = 0; i < 120; ++i) {
    const DrawnPicture drawn = draw_picture(i);
    const std::vector<std::int32_t> labels = drawn.mask.values<std::int32_t>();
    std::set<int> seen(labels.begin(), labels.end());
    EXPECT_TRUE(seen.contains(0));
    seen.erase(0);
    EXPECT_EQ(std::vector<int>(seen.begin(), seen.end()), drawn.classes);
    EXPECT_EQ(drawn.main_class, 1 + static_cast<int>(i % 6));
    const auto area = [&](int c) { return std::count(labels.begin(), labels.end(), c); };
    for (const int c : drawn.classes) EXPECT_GE(area(drawn.main_class), area(c)) << "picture " << i;
    several_classes += drawn.classes.size() > 1 ? 1 : 0;
  }
  // 10 % of 120 are asked for; some find no place. Binomial: 2 to 24 is more than three deviations wide.
  EXPECT_GE(several_classes, 2);
  EXPECT_LE(several_classes, 24);
}

// The area of each outline is that of the disc of its radius (the star's is 1 + 0.25^2 / 2 of it): counted on
// a grid of 200 x 200 points, whose error is below 1 %.
TEST(Drawn, OutlinesHaveTheAreaOfTheirDisc) {
  for (int shape = 0; shape < drawn::kShapes; ++shape) {
    const drawn::Outline outline{
        .shape = static_cast<drawn::Shape2>(shape), .x = 5, .y = 5, .radius = 2.5, .angle = 0.3};
    int inside = 0;
    for (int i = 0; i < 200; ++i)
      for (int j = 0; j < 200; ++j) inside += outline.contains(0.05 * j + 0.025, 0.05 * i + 0.025) ? 1 : 0;
    const double expected =
        3.14159265 * 2.5 * 2.5 * (shape == static_cast<int>(drawn::Shape2::kStar) ? 1.03125 : 1);
    EXPECT_NEAR(inside * 0.05 * 0.05, expected, 0.01 * expected) << "shape " << shape;
  }
}

TEST(Drawn, LargerPicturesShowTheSameScene) {
  const DrawnPicture small = draw_picture(3, {.noise = 0}),
                     large = draw_picture(3, {.size = 128, .noise = 0});
  const auto *a = small.mask.data<const std::int32_t>(), *b = large.mask.data<const std::int32_t>();
  int same = 0;
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < 64; ++j) same += a[64 * i + j] == b[128 * (2 * i + 1) + 2 * j + 1] ? 1 : 0;
  EXPECT_GT(same, 64 * 64 * 97 / 100);  // they can differ on the outline only
}

TEST(Drawn, WrongOptionsAreRefused) {
  EXPECT_THROW(draw_picture(0, {.size = 16}), Error);
  EXPECT_THROW(draw_picture(0, {.two_classes = 0.9, .repeats = 0.2}), Error);
  EXPECT_THROW(write_drawn("build/never", {.train = 5, .val = 6}), Error);
}

}  // namespace
}  // namespace clearcut
