// What stands in a folder of labels, in both layouts, and what a second run does there.
#include "explain/label_store.h"

#include <gtest/gtest.h>

#include "explain/label_folder.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::Fuse, test::truth;

TEST_F(Fuse, PublishedLayout) {
  const FuseCounts counts = run("out", by_value(), 0, 1, LabelLayout::kPssl);
  EXPECT_EQ(counts.made, 2);
  EXPECT_EQ(counts.failed, 1);  // two classes in one picture
  const NamedTensors arrays = read_npz(root_ + "/out/train/red/a.JPEG_eiseg.npz");
  ASSERT_EQ(arrays[0].first, "arr_0");
  EXPECT_EQ(arrays[0].second.to(DType::kInt32).values<std::int32_t>(),
            truth(true, false).values<std::int32_t>());
  EXPECT_EQ(text("out/train.txt"), "train/red/a.JPEG_eiseg.npz\ntrain/green/b.JPEG_eiseg.npz\n");
  EXPECT_EQ(text("out/imagenet_lsvrc_2015_synsets.txt"), "background\nred\ngreen\n");
  // 0 background, 1 red, 2 green; the loader adds its own background 3
  const Dataset made = open_dataset({.format = "pssl", .root = root_ + "/out", .images = root_});
  EXPECT_EQ(made.items[0].image, root_ + "/images/a.png");
  EXPECT_EQ(made.background, 3);
  const auto mask = read_mask(made, made.items[1]).values<std::int32_t>();
  EXPECT_EQ(mask[10 * 16 + 10], 2);
  EXPECT_EQ(mask[0], 3);
}

// Maps are the squares' colours: strength 1 within, 0 outside. By rank 231 of 256 pixels lie below the red
// square, so its rank is 0.90 and everything else's 0.
TEST_F(Fuse, PublishedLevels) {
  FuseOptions options = by_value();
  options.rule = parse_rule("rank:0.9");
  EXPECT_EQ(run("out", options, 0, 1, LabelLayout::kPsslLevels).made, 3);  // ab: green is below
  EXPECT_EQ(text("out/train.txt"), "train/red/a.JPEG.png\ntrain/green/b.JPEG.png\ntrain/red/ab.JPEG.png\n");
  const LabelImage file = read_label_png(root_ + "/out/train/red/a.JPEG.png");
  EXPECT_EQ(file.labels.values<std::int32_t>()[3 * 16 + 3], 9);
  EXPECT_EQ(file.labels.values<std::int32_t>()[0], 0);
  // 36 green pixels: 220 of 256 lie below, 0.86: level 8, which is no object at threshold 0.9.
  EXPECT_EQ(read_label_png(root_ + "/out/train/green/b.JPEG.png").labels.values<std::int32_t>()[10 * 16 + 10],
            8);
  const Dataset made = open_dataset({.format = "pssl", .root = root_ + "/out", .images = root_});
  ASSERT_EQ(made.items.size(), 3u);
  EXPECT_EQ(read_mask(made, made.items[0]).values<std::int32_t>()[3 * 16 + 3], 1);
  EXPECT_EQ(read_mask(made, made.items[1]).values<std::int32_t>()[10 * 16 + 10], made.background);
  const LabelFolder folder(root_ + "/out", root_);
  EXPECT_EQ(folder.label(folder.line(0)).values<std::int32_t>(),
            read_mask(made, made.items[0]).values<std::int32_t>());
  EXPECT_EQ(run("out", options, 0, 1, LabelLayout::kPsslLevels).there, 4);  // and the one without a class
  expect_error([&] { check_layout(LabelLayout::kPsslLevels, false, parse_rule("rank:0.5")); },
               "the rule's threshold must be 0.9; got rank:0.5");
}

// The class of a label is its folder: that of the class that was kept.
TEST_F(Fuse, FlattenKeepsTheLargestClass) {
  EXPECT_EQ(run("out", by_value(), 0, 1, LabelLayout::kPssl, true).made, 3);
  EXPECT_FALSE(fs::exists(root_ + "/out/train/red/ab.JPEG_eiseg.npz"));
  const auto mask = read_npz(root_ + "/out/train/green/ab.JPEG_eiseg.npz")[0].second.values<std::uint8_t>();
  EXPECT_EQ(mask[3 * 16 + 3], 0);  // 25 pixels of red against 36 of green
  EXPECT_EQ(mask[10 * 16 + 10], 1);
}

TEST_F(Fuse, PublishedFoldersAreWordNetIdsWhereTheClassFileHasThem) {
  write_file(root_ + "/classes.txt", std::string("0\tred\tn00000009\n1\tgreen\tn00000003\n"));
  const LabelPlan plan = plan_labels(data(), LabelLayout::kPssl);
  EXPECT_EQ(plan.folders, (std::vector<std::string>{"n00000009", "n00000003"}));
  write_file(root_ + "/classes.txt", std::string("0 red\n1 ..\n"));
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\n"));
  expect_error([&] { plan_labels(data(), LabelLayout::kPssl); }, "'..' cannot name one");
}

TEST_F(Fuse, TwoPicturesNeverShareALabelFile) {
  fs::copy(root_ + "/images/a.png", root_ + "/images/a.jpg");
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\na.jpg,red\n"));
  expect_error([&] { run("png", by_value()); }, "'a.png' and 'a.jpg' would both be written to labels/a.png");
  expect_error([&] { run("npz", by_value(), 0, 1, LabelLayout::kPssl); },
               "would both be written to train/red/a.JPEG_eiseg.npz");
  // Two classes: two folders.
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\nsub/a.png,green\n"));
  fs::create_directories(root_ + "/images/sub");
  fs::copy(root_ + "/images/b.png", root_ + "/images/sub/a.png");
  EXPECT_EQ(run("two", by_value(), 0, 1, LabelLayout::kPssl).made, 2);
}

// Names of items may lead out of the data set; labels never lead out of their folder.
TEST_F(Fuse, LabelsStayBelowTheirFolder) {
  write_file(root_ + "/labels.csv",
             cat("image,classes\n../images/a.png,red\n", root_, "/images/b.png,green\n"));
  EXPECT_EQ(run("out", by_value()).made, 2);
  EXPECT_EQ(label("out", "images/a"), truth(true, false).values<std::int32_t>());
  EXPECT_EQ(label("out", (root_ + "/images/b").substr(1)), truth(false, true).values<std::int32_t>());
}

// A picture that was left out for want of a label gets its mask once it has one; another label, another mask.
TEST_F(Fuse, ChangedImageLabelsAreDoneAgain) {
  run("out", by_value());
  EXPECT_EQ(run("out", by_value()).there, 4);
  write_file(root_ + "/labels.csv",
             std::string("image,classes\na.png,red\nb.png,red\nab.png,red+green\nnone.png,red\n"));
  const FuseCounts again = run("out", by_value());
  EXPECT_EQ(again.there, 2);
  EXPECT_EQ(again.made + again.failed, 2);
}

TEST_F(Fuse, AnotherJobDoesNotMixIn) {
  run("out", by_value());
  FuseOptions other;
  other.rule = parse_rule("rank:0.9");
  EXPECT_THROW(run("out", other), Error);
}

}  // namespace
}  // namespace clearcut
