#include "data/baselines.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "data/drawn.h"
#include "data/metrics.h"
#include "data/picture.h"
#include "tensor/error.h"

namespace clearcut {
namespace {

double miou(const Baseline& baseline) {
  ConfusionMatrix sum(kDrawnClasses);
  for (const ConfusionMatrix& picture : baseline.pictures) sum.add(picture);
  return 100 * scores(sum).miou;
}

Dataset drawn(const std::string& folder, const std::string& split) {
  Dataset data = open_dataset({.format = "csv", .root = folder, .split = split, .masks = "masks"});
  data.background = 0;
  return data;
}

// The limits that make the drawn data set worth solving: neither colours nor places may give the classes
// away.
TEST(Baselines, ColoursAndPlacesFailOnDrawnPictures) {
  const std::string folder = testing::TempDir() + "drawn";
  std::filesystem::remove_all(folder);
  write_drawn(folder, {.train = 300, .val = 120});
  const Dataset train = drawn(folder, "train"), val = drawn(folder, "val");
  ASSERT_EQ(train.items.size(), 300u);
  ASSERT_EQ(val.items.size(), 120u);
  EXPECT_LT(miou(colour_baseline(train, val)), 40);
  EXPECT_LT(miou(box_baseline(train, val)), 35);
  EXPECT_GT(miou(box_baseline(train, val)), miou(background_baseline(val)));
}

TEST(Baselines, TheFilesHoldWhatWasDrawn) {
  const std::string folder = testing::TempDir() + "drawn_files";
  std::filesystem::remove_all(folder);
  write_drawn(folder, {.train = 12, .val = 6});
  const Dataset val = drawn(folder, "val");
  const DrawnPicture first = draw_picture(12);  // val begins where train ends
  EXPECT_EQ(val.items[0].name, "val/bricks/000012.png");
  EXPECT_EQ(val.items[0].classes, first.classes);
  EXPECT_EQ(read_picture(val.items[0].image).values<std::uint8_t>(), first.image.values<std::uint8_t>());
  EXPECT_EQ(read_mask(val, val.items[0]).values<std::int32_t>(), first.mask.values<std::int32_t>());
  const Dataset folders =
      open_dataset({.format = "folders", .root = folder + "/train", .classes = "../objects.txt"});
  EXPECT_EQ(folders.class_names,
            (std::vector<std::string>{"bricks", "checks", "chevrons", "dots", "rings", "stripes"}));
  EXPECT_EQ(folders.items.size(), 12u);
  const Dataset list = open_dataset({.format = "list", .root = folder});
  EXPECT_EQ(list.items.size(), 12u);
}

// By hand: red pixels are class 1 three times of four, class 0 once; blue ones are class 0.
TEST(Baselines, ColourClassifierCounts) {
  ColourClassifier colours(2, 4);
  const Tensor picture = Tensor::from<std::uint8_t>(
      Shape{1, 6, 3}, {255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255});
  colours.add(picture, Tensor::from<std::int32_t>(Shape{1, 6}, {1, 1, 1, 0, 0, 255}));
  EXPECT_EQ(colours.predict(picture).values<std::int32_t>(), (std::vector<std::int32_t>{1, 1, 1, 1, 0, 0}));
  EXPECT_THROW(colours.add(picture, Tensor::full(Shape{1, 6}, 2, DType::kInt32)), Error);
}

TEST(Baselines, TheBoxCoversItsShare) {
  const Tensor box = centred_box(8, 8, 0.25, 3);  // a quarter of the area: the middle 4 x 4
  const std::vector<std::int32_t> labels = box.values<std::int32_t>();
  EXPECT_EQ(std::count(labels.begin(), labels.end(), 3), 16);
  EXPECT_EQ(labels[8 * 2 + 2], 3);
  EXPECT_EQ(labels[8 * 1 + 2], 0);
}

}  // namespace
}  // namespace clearcut
