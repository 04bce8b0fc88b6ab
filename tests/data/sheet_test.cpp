#include "data/sheet.h"

#include <gtest/gtest.h>

#include "data/text_picture.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

// Rows of a gray picture as text: '#' where it is dark.
std::vector<std::string> dots(const Tensor& picture) {
  std::vector<std::string> rows;
  const auto values = picture.values<std::uint8_t>();
  const auto W = static_cast<std::size_t>(picture.dim(1));
  for (std::size_t i = 0; i < values.size(); i += 3) {
    if (i % (3 * W) == 0) rows.emplace_back();
    rows.back() += values[i] < 128 ? '#' : '.';
  }
  return rows;
}

TEST(TextPicture, LettersAreDots) {
  const Tensor picture = Tensor::full({7, 11, 3}, 255, DType::kUInt8);
  draw_text(picture, "L7", 0, 0);
  EXPECT_EQ(dots(picture),
            (std::vector<std::string>{"#.....#####", "#.........#", "#........#.", "#.......#..",
                                      "#......#...", "#......#...", "#####..#..."}));
}

TEST(TextPicture, WhatLiesOutsideIsLeftOut) {
  const Tensor picture = Tensor::full({3, 3, 3}, 255, DType::kUInt8);
  draw_text(picture, "\x01\x01", -4, -2);  // two boxes: the lower right part of the first is inside
  EXPECT_EQ(dots(picture), (std::vector<std::string>{"..#", "..#", "###"}));
}

TEST(TextPicture, LinesBreakAtSpacesAndColons) {
  EXPECT_EQ(wrap_text("lime:samples=1000:off=mean", 13),
            (std::vector<std::string>{"lime:", "samples=1000:", "off=mean"}));
  EXPECT_EQ(wrap_text("abcdefgh", 3), (std::vector<std::string>{"abc", "def", "gh"}));
  EXPECT_EQ(wrap_text("", 3), std::vector<std::string>{});
}

// Two columns of 12 pixels with gaps of 8: pictures of 6 x 12 stand at (8, 8) and (8, 28).
TEST(Sheet, CellsStandInAGrid) {
  const Tensor red = Tensor::zeros({1, 2, 3}, DType::kUInt8);
  red.data<std::uint8_t>()[0] = red.data<std::uint8_t>()[3] = 200;
  const Tensor blue = Tensor::full({2, 2, 3}, 100, DType::kUInt8);
  const Tensor sheet = draw_sheet({{.picture = red, .title = "a"},
                                   {.picture = blue, .title = "b", .ramp = true, .low = 0, .high = 1},
                                   {.picture = red, .title = "c"}},
                                  2, 12);
  EXPECT_EQ(sheet.dim(1), 8 + 2 * 20);
  const auto at = [&](std::int64_t row, std::int64_t col, std::int64_t c) {
    return static_cast<int>(sheet.data<const std::uint8_t>()[(row * sheet.dim(1) + col) * 3 + c]);
  };
  EXPECT_EQ(at(7, 8, 0), 255);
  EXPECT_EQ(at(8, 8, 0), 200);
  EXPECT_EQ(at(13, 19, 0), 200);
  EXPECT_EQ(at(13, 19, 1), 0);
  EXPECT_EQ(at(8, 20, 0), 255);
  EXPECT_EQ(at(8, 28, 2), 100);
  EXPECT_EQ(at(19, 39, 2), 100);
  // Under the second picture (12 high) and its title (9) the ramp: dark violet on the left, yellow on the
  // right.
  EXPECT_EQ(at(8 + 12 + 2 + 9, 28, 0), 68);
  EXPECT_EQ(at(8 + 12 + 2 + 9, 39, 0), 253);
  EXPECT_EQ(sheet.dim(0), 8 + (12 + 9 + 6 + 9 + 8) + 8 + (6 + 9 + 8) + 8);
}

TEST(Sheet, NeedsCells) {
  expect_error([] { draw_sheet({}, 2); }, "needs cells");
}

}  // namespace
}  // namespace clearcut
