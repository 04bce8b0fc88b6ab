// Runs and outlines against Python's numbers (tests/golden/data/labels.py).
#include "data/labels/shapes.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/random.h"
#include "tests/data/labels_golden.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

using test::golden, test::golden_text;

using Labels = std::vector<std::int32_t>;

Tensor blank(const Tensor& like) { return Tensor::zeros(like.shape(), DType::kInt32); }

TEST(Shapes, RunsAndTheirPackedTextAreCocos) {
  for (int i = 0; i < 6; ++i) {
    const Tensor mask = golden(cat("mask:", i)).to(DType::kInt32);
    const Runs runs = golden(cat("runs:", i)).values<std::int64_t>();
    const std::string packed = golden_text(cat("packed:", i));
    EXPECT_EQ(column_runs(mask, 1), runs) << i;
    EXPECT_EQ(pack_runs(runs), packed) << i;
    EXPECT_EQ(unpack_runs(packed, "f"), runs) << i;
    Tensor painted = blank(mask);
    paint_columns(runs, 1, painted, "f");
    EXPECT_EQ(painted.values<std::int32_t>(), mask.values<std::int32_t>()) << i;
  }
}

// The example of CVAT's documentation has this form: runs of a box, zeros first.
TEST(Shapes, RunsOfABoxGoRowByRow) {
  const Tensor labels = Tensor::from<std::int32_t>({3, 4}, {0, 0, 0, 0,  //
                                                            0, 7, 0, 7,  //
                                                            0, 7, 7, 0});
  const RegionBox box = box_of(labels, 7);
  EXPECT_EQ((std::vector<std::int64_t>{box.left, box.top, box.width, box.height}),
            (std::vector<std::int64_t>{1, 1, 3, 2}));
  EXPECT_EQ(area_of(labels, 7), 4);
  const Runs runs = {0, 1, 1, 3, 1};
  EXPECT_EQ(row_runs(labels, 7, box), runs);
  Tensor painted = blank(labels);
  paint_rows(runs, box, 7, painted, "f");
  EXPECT_EQ(painted.values<std::int32_t>(), labels.values<std::int32_t>());
}

TEST(Shapes, RunsThatDoNotFitAreRefused) {
  Tensor labels = Tensor::zeros({2, 3}, DType::kInt32);
  expect_error(
      [&] {
        paint_columns({1, 2}, 1, labels, "f");
      },
      "f: the runs cover 3 pixels, the picture has 6");
  expect_error(
      [&] {
        paint_columns({1, 7}, 1, labels, "f");
      },
      "f: run 1 of 7 pixels does not fit into 6 pixels");
  expect_error([&] { paint_columns({-1, 7}, 1, labels, "f"); }, "run 0 of -1");
  expect_error(
      [&] {
        paint_rows({0, 4}, {2, 0, 2, 2}, 1, labels, "f");
      },
      "a mask of 2 x 2 at row 0, column 2 leaves the picture of 2 x 3");
  expect_error([&] { paint_rows({0, 4}, {0, -1, 2, 2}, 1, labels, "f"); }, "leaves the picture");
  expect_error([] { unpack_runs("P", "f"); }, "f: the packed runs end early");
  expect_error([] { unpack_runs("\x7f", "f"); }, "f: the packed runs are damaged");
  expect_error([] { unpack_runs("PPPPPPPPPPPPPPPPPPP1", "f"); }, "damaged");
  expect_error([] { unpack_runs("O", "f"); }, "hold a run of -1");
}

TEST(Shapes, OutlinesCoverThePixelsWhoseCentresTheyHold) {
  for (int i = 0; i < 6; ++i) {
    const std::vector<double> numbers = golden(cat("polygons:", i)).values<double>();
    Outline outline;
    for (std::size_t k = 0; k < numbers.size(); k += 2) outline.push_back({numbers[k], numbers[k + 1]});
    const Tensor inside = golden(cat("inside:", i)).to(DType::kInt32);
    Tensor painted = blank(inside);
    paint_outline(outline, 1, painted, "f");
    EXPECT_EQ(painted.values<std::int32_t>(), inside.values<std::int32_t>()) << i;
  }
}

TEST(Shapes, OutlinesThatAreNoneAreRefused) {
  Tensor labels = Tensor::zeros({100000, 1}, DType::kInt32);
  expect_error(
      [&] {
        paint_outline({{0, 0}, {1, 1}}, 1, labels, "f");
      },
      "f: an outline has 3 to 1000000 corners");
  expect_error(
      [&] {
        paint_outline({{0, 0}, {1, 1}, {0, std::nan("")}}, 1, labels, "f");
      },
      "f: corner 2 is (0, nan)");
  Outline saw;
  for (int i = 0; i < 400; ++i) saw.push_back({0, i % 2 == 0 ? -1.0 : 1e9});
  expect_error([&] { paint_outline(saw, 1, labels, "f"); }, "crosses rows more than 4000000 times");
}

// One pixel; two that touch at a corner are two pieces; a ring is cut above its hole.
TEST(Shapes, OutlinesRunAlongTheEdgesOfPixels) {
  const Tensor corner = Tensor::from<std::int32_t>({2, 2}, {5, 0, 0, 5});
  EXPECT_EQ(outlines_of(corner, 5), (std::vector<std::vector<Outline>>{{{{0, 0}, {1, 0}, {1, 1}, {0, 1}}},
                                                                       {{{1, 1}, {2, 1}, {2, 2}, {1, 2}}}}));
  const Tensor ring = Tensor::from<std::int32_t>({3, 3}, {1, 1, 1, 1, 0, 1, 1, 1, 1});
  EXPECT_EQ(outlines_of(ring, 1), (std::vector<std::vector<Outline>>{
                                      {{{0, 0}, {3, 0}, {3, 1}, {0, 1}},
                                       {{0, 1}, {1, 1}, {1, 2}, {2, 2}, {2, 1}, {3, 1}, {3, 3}, {0, 3}}}}));
  EXPECT_EQ(twice_area({{0, 0}, {3, 0}, {3, 1}, {0, 1}}), 6);
  EXPECT_TRUE(outlines_of(ring, 9).empty());
}

/// Every pixel of a value is in one outline of its pieces, and nothing else is.
void expect_exact_cover(const Tensor& labels, std::int32_t value) {
  Tensor painted = blank(labels);
  double area = 0;
  for (const std::vector<Outline>& piece : outlines_of(labels, value))
    for (const Outline& outline : piece) {
      EXPECT_GT(twice_area(outline), 0);  // clockwise on a picture, whose y points down
      area += twice_area(outline) / 2;
      paint_outline(outline, value, painted, "f");
    }
  EXPECT_EQ(area, static_cast<double>(area_of(labels, value)));
  const Labels want = labels.values<std::int32_t>(), got = painted.values<std::int32_t>();
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_EQ(got[i] == value, want[i] == value) << i;
}

TEST(Shapes, OutlinesCoverAnyRegionExactly) {
  for (const std::int32_t value : {1, 2, 3, 255}) expect_exact_cover(golden("map"), value);
  for (std::uint64_t round = 0; round < 60; ++round) {
    const RandomStream random(5, "outlines", round);
    const std::int64_t H = 1 + random.below(0, 12), W = 1 + random.below(1, 12);
    Tensor labels(Shape{H, W}, DType::kInt32);
    for (std::int64_t i = 0; i < H * W; ++i)  // from sparse to dense: many holes, holes in holes
      labels.data<std::int32_t>()[i] = random.below(2 + i, 10) < 3 + static_cast<std::int64_t>(round % 6);
    expect_exact_cover(labels, 1);
  }
}

}  // namespace
}  // namespace clearcut
