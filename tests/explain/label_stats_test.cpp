// Numbers of labels against scikit-image, SciPy and scikit-learn, and by hand.
#include "explain/label_stats.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"
#include "tests/explain/golden_file.h"

namespace clearcut {
namespace {

using test::explain_golden, test::Fuse, test::squares, test::truth;

// tests/golden/explain/label_stats.py
TEST(LabelStats, PiecesAreScikitImages) {
  const LabelPieces pieces = label_pieces(explain_golden("label_stats", "labels"), {.background = 0});
  const auto expected = explain_golden("label_stats", "pieces").values<double>();
  EXPECT_EQ(static_cast<double>(pieces.count), expected[0]);
  EXPECT_NEAR(pieces.largest, expected[1], 1e-12);
}

// Two edges whose order a last bit decides change the area by one over the number of pairs, 5e-7 here.
TEST(LabelStats, AlignmentIsScikitLearns) {
  EXPECT_NEAR(border_alignment(explain_golden("label_stats", "picture"),
                               explain_golden("label_stats", "labels"), {.background = 0}),
              explain_golden("label_stats", "alignment").values<double>()[0], 5e-6);
}

TEST(LabelStats, PiecesByHand) {
  // 1 and 2 touch but are two pieces; the two 1 touch at a corner and are one; 255 and 0 belong to none.
  const Tensor labels = Tensor::from<std::int32_t>({3, 4}, {1, 0, 255, 255,  //
                                                            0, 1, 2, 0,      //
                                                            0, 0, 0, 2});
  const LabelPieces pieces = label_pieces(labels, {});
  EXPECT_EQ(pieces.count, 2);
  EXPECT_DOUBLE_EQ(pieces.largest, 0.5);
  const LabelPieces none = label_pieces(Tensor::zeros({2, 2}, DType::kInt32), {});
  EXPECT_EQ(none.count, 0);
  EXPECT_TRUE(std::isnan(none.largest));
}

TEST(LabelStats, AlignmentByHand) {
  // A red square on black whose border is the label's. Sobel gives at least sqrt(10) (in units of the red) on
  // the 16 pixels inside and 20 outside of its border, sqrt(2) on the four outer corners, 0 elsewhere.
  EXPECT_DOUBLE_EQ(border_alignment(squares(true, false), truth(true, false), {}), 1);
  // One colour has no edges: all pixels tie.
  EXPECT_DOUBLE_EQ(border_alignment(squares(false, false), truth(true, false), {}), 0.5);
  // Without a border, or with the border to ignored pixels alone, there is nothing to align.
  EXPECT_TRUE(std::isnan(border_alignment(squares(true, false), truth(false, false), {})));
  EXPECT_TRUE(
      std::isnan(border_alignment(squares(true, false), truth(true, false), {.background = 0, .ignore = 1})));
  expect_error(
      [] {
        border_alignment(squares(true, false), Tensor::zeros({3, 3}, DType::kInt32), {});
      },
      "the picture has the size");
}

TEST_F(Fuse, StatsOfAFolder) {
  run("out", by_value());
  LabelStats stats = label_stats(LabelFolder(root_ + "/out", root_), {.masks = root_ + "/masks"});
  EXPECT_TRUE(stats.failures.empty());
  EXPECT_EQ(stats.without, 1);
  ASSERT_EQ(stats.labels.size(), 3u);
  const LabelFigures& ab = stats.labels[2];  // 5 x 5 red, 6 x 6 green, on 16 x 16
  EXPECT_EQ(ab.name, "ab.png");
  EXPECT_EQ(ab.classes, (std::vector<int>{1, 2}));
  EXPECT_DOUBLE_EQ(ab.foreground, 61.0 / 256);
  EXPECT_EQ(ab.components, 2);
  EXPECT_DOUBLE_EQ(ab.largest, 36.0 / 61);
  EXPECT_DOUBLE_EQ(ab.iou, 1);        // the masks are the coloured squares
  EXPECT_DOUBLE_EQ(ab.agreement, 1);  // all members see the same channel
  std::filesystem::remove(root_ + "/images/b.png");
  write_file(root_ + "/out/labels/a.png", std::string("damaged"));
  stats = label_stats(LabelFolder(root_ + "/out", root_), {});
  EXPECT_EQ(stats.labels.size(), 1u);
  ASSERT_EQ(stats.failures.size(), 2u);
  EXPECT_EQ(stats.failures[0].id, "a.png");
  EXPECT_TRUE(std::isnan(stats.labels[0].iou));
}

// The label says red and green, the picture has red alone: nobody can agree about green.
TEST_F(Fuse, ClassesThatNobodySeesHaveNoAgreement) {
  write_png(root_ + "/images/ab.png", squares(true, false));
  run("out", by_value());
  const JsonObject made = read_jsonl(root_ + "/out/manifest.jsonl")[2].object("made");
  EXPECT_EQ(made.integers("empty"), std::vector<std::int64_t>{2});
  EXPECT_NEAR(made.numbers("agreement")[0], 1, 1e-6);
  EXPECT_TRUE(std::isnan(made.numbers("agreement")[1]));
  const LabelStats stats = label_stats(LabelFolder(root_ + "/out", root_), {});
  EXPECT_NEAR(stats.labels[2].agreement, 1, 1e-6);
}

}  // namespace
}  // namespace clearcut
