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

}  // namespace
}  // namespace clearcut
