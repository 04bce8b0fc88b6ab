#include "tensor/shape.h"

#include <gtest/gtest.h>

#include "tests/errors.h"

namespace clearcut {
namespace {

TEST(Shape, SizesAndNegativeIndices) {
  const Shape s{2, 3, 5};
  EXPECT_EQ(s.rank(), 3);
  EXPECT_EQ(s.numel(), 30);
  EXPECT_EQ(s[0], 2);
  EXPECT_EQ(s[-1], 5);
  EXPECT_EQ(s[-3], 2);
  EXPECT_EQ(s.with(-1, 7), (Shape{2, 3, 7}));
  EXPECT_EQ(s.without_leading(), (Shape{3, 5}));
  EXPECT_EQ(cat(s), "[2, 3, 5]");
}

TEST(Shape, ScalarsAndEmptyTensors) {
  EXPECT_EQ(Shape{}.rank(), 0);
  EXPECT_EQ(Shape{}.numel(), 1);
  EXPECT_EQ(cat(Shape{}), "[]");
  EXPECT_EQ((Shape{3, 0, 2}.numel()), 0);
  EXPECT_NE((Shape{1}), Shape{});
}

TEST(Shape, RefusesWhatCannotBe) {
  expect_error([] { Shape{1, 2, 3, 4, 5, 6, 7}; }, "at most 6 dimensions are supported, got 7");
  expect_error([] { Shape{2, -1}; }, "sizes must be >= 0, got [2, -1]");
  expect_error([] { Shape({1LL << 40, 1LL << 40}); }, "too many elements");
  expect_error(
      [] {
        Shape({0, 1LL << 40, 1LL << 40});
      },
      "too many elements");  // a later with() would have them
  expect_error([] { Shape({2, 3})[2]; }, "dimension 2 asked of rank 2 shape [2, 3]");
  expect_error([] { Shape({2, 3})[-3]; }, "dimension -3 asked");
  expect_error([] { Shape{}.without_leading(); }, "a scalar has no leading dimension");
}

// The cases of NumPy's manual, "Broadcasting".
TEST(Shape, Broadcast) {
  EXPECT_EQ(broadcast("op", {256, 256, 3}, {3}), (Shape{256, 256, 3}));
  EXPECT_EQ(broadcast("op", {8, 1, 6, 1}, {7, 1, 5}), (Shape{8, 7, 6, 5}));
  EXPECT_EQ(broadcast("op", {5, 4}, {1}), (Shape{5, 4}));
  EXPECT_EQ(broadcast("op", {15, 3, 5}, {15, 1, 5}), (Shape{15, 3, 5}));
  EXPECT_EQ(broadcast("op", {}, {2, 0}), (Shape{2, 0}));
  expect_error(
      [] {
        broadcast("add", {2, 1}, {8, 4, 3});
      },
      "add: shapes [2, 1] and [8, 4, 3] do not broadcast");
}

}  // namespace
}  // namespace clearcut
