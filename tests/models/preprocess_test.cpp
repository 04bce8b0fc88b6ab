// Frames, normalisation and the way back from a map to the picture, on numbers worked out by hand.
#include "models/preprocess.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

using Floats = std::vector<float>;

TEST(Preprocess, FramesSayWhatTheInputShows) {
  Preprocess rule{.height = 8, .width = 8, .pixels = {}, .any_size = true};
  const Frame whole = frame_of(rule, 20, 40);
  EXPECT_EQ(whole.box.height, 20);
  EXPECT_EQ(whole.box.width, 40);
  EXPECT_EQ(whole.input_width, 8);
  // The square of side 0.875 * 20 = 17.5 in the middle of 20 x 40.
  const Frame centre = frame_of(rule, 20, 40, Framing::kCentreCrop);
  EXPECT_EQ(centre.box.height, 17.5);
  EXPECT_EQ(centre.box.width, 17.5);
  EXPECT_EQ(centre.box.top, 1.25);
  EXPECT_EQ(centre.box.left, 11.25);
  const Frame shorter = frame_of(rule, 20, 41, Framing::kShortSide);
  EXPECT_EQ(shorter.input_height, 8);
  EXPECT_EQ(shorter.input_width, 16);  // 41 * 8 / 20 = 16.4
  rule.any_size = false;
  expect_error([&] { frame_of(rule, 20, 41, Framing::kShortSide); }, "takes 8 x 8 inputs only");
  expect_error([&] { frame_of(rule, 0, 41); }, "the picture is empty: 0 x 41");
  rule.crop = 1.5;
  expect_error([&] { frame_of(rule, 4, 4); }, "crop must be in (0, 1], got 1.5");
}

// One red and one blue pixel through a BGR network: (pixel - mean) * scale in the order B, G, R.
TEST(Preprocess, NormalisesInTheOrderOfTheNetworkAndBack) {
  const Preprocess rule{
      .height = 1, .width = 2, .pixels = {.mean = {10, 20, 30}, .scale = {1, 2, 0.5}, .bgr = true}};
  const Tensor picture = Tensor::from<std::uint8_t>({1, 2, 3}, {200, 50, 7, 0, 1, 255});
  const Tensor x = to_input(rule, picture);
  EXPECT_EQ(x.values<float>(), (Floats{-3, 245, 60, -38, 85, -15}));
  EXPECT_EQ(to_picture(rule, x).values<std::uint8_t>(), picture.values<std::uint8_t>());
}

TEST(Preprocess, BatchesNeedOneSize) {
  const Preprocess rule{.height = 4, .width = 4, .pixels = {}, .any_size = true};
  const Tensor square = Tensor::zeros({8, 8, 3}, DType::kUInt8),
               wide = Tensor::zeros({8, 16, 3}, DType::kUInt8);
  EXPECT_EQ(to_batch(rule, {square, wide}).shape(), (Shape{2, 3, 4, 4}));
  expect_error([&] { to_batch(rule, {square, wide}, Framing::kShortSide); }, "picture 1 becomes [3, 4, 8]");
  expect_error([&] { to_batch(rule, {}); }, "at least one picture");
}

// Two cells over four pixels: centres at 1/8, 3/8, 5/8, 7/8 of the width, that is -0.25, 0.25, 0.75, 1.25
// cells.
TEST(Preprocess, MapsGoBackToThePicture) {
  const Tensor map = Tensor::from<float>({1, 2}, {0, 1});
  const Frame whole{.box = {0, 0, 1, 4}, .picture_height = 1, .picture_width = 4};
  EXPECT_EQ(map_to_picture(whole, map).values<float>(), (Floats{0, 0.25, 0.75, 1}));
  const Frame middle{.box = {0, 1, 1, 2}, .picture_height = 1, .picture_width = 4};
  EXPECT_EQ(map_to_picture(middle, map, -1).values<float>(), (Floats{-1, 0, 1, -1}));
  const Frame square{.box = {0, 0, 2, 2}, .picture_height = 2, .picture_width = 2};
  EXPECT_EQ(map_to_picture(square, Tensor::from<float>({1, 1}, {3})).values<float>(), Floats(4, 3));
  expect_error([&] { map_to_picture(square, Tensor::zeros({0, 2})); }, "the map is empty");
}

}  // namespace
}  // namespace clearcut
