// Where predictions may not be written.
#include <gtest/gtest.h>

#include "data/picture.h"
#include "tensor/file.h"
#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/predict.h"

namespace clearcut {
namespace {

void expect_refused(const std::vector<std::string>& pictures, const std::string& out,
                    const std::string& text) {
  TrainedSegmenter no_model;  // refused before it is asked
  expect_error([&] { predict_files(no_model, {.pictures = pictures, .out = out, .overwrite = true}); }, text);
}

TEST(PredictFiles, ThatWouldReplaceAPictureAreRefused) {
  const test::Folder folder;
  write_png(folder / "a.png", Tensor::zeros({2, 2, 3}, DType::kUInt8));
  const auto before = read_file(folder / "a.png");
  expect_refused({folder / "a.png"}, folder.path(), "would be written over the picture ");
  expect_refused({folder / "a.png"}, folder / "x/..", "name another folder with -o");
  expect_refused({folder / "a.jpg", folder / "a.overlay.png"}, folder.path(), "over the picture ");
  EXPECT_EQ(read_file(folder / "a.png"), before);
}

TEST(PredictFiles, ThatWouldReplaceEachOtherAreRefused) {
  const test::Folder folder;
  expect_refused({folder / "a.png", folder / "b/a.jpg"}, folder / "out", "would write the same files a.png");
  expect_refused({folder / "a.png", folder / "a.overlay.jpg"}, folder / "out",
                 "would write the same files a.overlay.png");
  expect_refused({folder / "legend.jpg"}, folder / "out", "legend.png is the legend of all pictures");
}

// A second run into a folder below its input sees what the first one saw.
TEST(PredictFiles, WhatAnEarlierRunWroteIsNoPicture) {
  const test::Folder folder;
  for (const char* name : {"a.png", "b/c.JPG", "out/a.png", "out/a.overlay.png", "outer/d.png"})
    write_file(folder / name, "");
  using Paths = std::vector<std::string>;
  EXPECT_EQ(find_pictures({folder.path()}, folder / "out"),
            (Paths{folder / "a.png", folder / "b/c.JPG", folder / "outer/d.png"}));
  EXPECT_EQ(find_pictures({folder.path()}, folder / "b/../out/").size(), 3U);
  EXPECT_EQ(find_pictures({folder.path()}, folder / "new").size(), 5U);
  // Asked for by name, they are taken.
  EXPECT_EQ(find_pictures({folder / "out"}, folder / "out").size(), 2U);
}

}  // namespace
}  // namespace clearcut
