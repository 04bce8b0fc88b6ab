// Imported labels that become a folder of their own.
#include <filesystem>

#include "explain/label_status.h"
#include "tests/errors.h"
#include "tests/explain/label_import_fixture.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

using test::LabelImport;
using test::Labels;

TEST_F(LabelImport, IntoANewFolder) {
  correct("u/a.png", {0, 1, 2, 2, 255, 0});
  correct("b.png", {0, 0, 0, 0, 0, 0});
  correct("none.png", {0, 0, 0, 0, 0, 0});
  write_file(root_ + "/classes.txt", std::string("0 cat\n1 dog\n"));
  LabelImportOptions options = from("png-palette");
  expect_error([&] { import_labels(options); }, "--classes must name its class file");
  options.classes = root_ + "/classes.txt";
  options.images = root_ + "/images";
  const LabelImportCounts counts = import_labels(options);
  EXPECT_EQ(counts.added, 2);
  ASSERT_EQ(counts.failures.size(), 1U);
  EXPECT_NE(counts.failures[0].error.find("there is no picture 'none' in"), std::string::npos);
  EXPECT_EQ(label("labels/u/a.png"), (Labels{0, 1, 2, 2, 255, 0}));
  const Dataset data =
      open_dataset({.format = "labels", .root = root_, .labels = "labels", .images = "images"});
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"background", "cat", "dog"}));
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.items[0].name, "b.png");
  EXPECT_EQ(data.items[1].classes, (std::vector<int>{1, 2}));
  EXPECT_TRUE(fs::exists(data.items[1].image));
  EXPECT_EQ(line("u/a.jpg").object("made").object("imported").text("by"), "Jane");
  const std::string pictures = JsonObject::read(root_ + "/labels/job.json").object("data").text("root");
  EXPECT_TRUE(fs::exists(pictures + "/" + line("u/a.jpg").text("image")));
  EXPECT_EQ(read_failures(root_ + "/labels/failures.jsonl").size(), 1U);
  const LabelStatus status = label_status(root_ + "/labels");
  EXPECT_EQ(status.total, 3);
  EXPECT_EQ(status.missing(), 0);
}

TEST_F(LabelImport, WhatFailedInANewFolderIsTriedAgain) {
  correct("b.png", {0, 0, 0, 0, 0, 1});
  correct("none.png", {2, 0, 0, 0, 0, 0});
  write_file(root_ + "/new/u/a.png", std::string("no PNG"));
  write_file(root_ + "/classes.txt", std::string("0 cat\n1 dog\n"));
  LabelImportOptions options = from("png-palette");
  options.classes = root_ + "/classes.txt";
  options.images = root_ + "/images";
  LabelImportCounts counts = import_labels(options);
  EXPECT_EQ(counts.added, 1);
  EXPECT_EQ(counts.failures.size(), 2U);
  correct("u/a.png", {0, 1, 2, 2, 255, 0});
  correct("b.png", {2, 0, 0, 0, 0, 1});
  counts = import_labels(options);
  EXPECT_EQ(counts.added, 1);
  EXPECT_EQ(counts.corrected, 1);
  EXPECT_EQ(counts.unchanged, 1) << "the one that was added";
  ASSERT_EQ(counts.failures.size(), 1U);
  EXPECT_EQ(counts.failures[0].id, "none");
  EXPECT_EQ(label("labels/u/a.png"), (Labels{0, 1, 2, 2, 255, 0}));
  EXPECT_EQ(label("originals/labels/b.png"), (Labels{0, 0, 0, 0, 0, 1}));
  write_png(root_ + "/images/none.png", Tensor::zeros({2, 3, 3}, DType::kUInt8));
  counts = import_labels(options);
  EXPECT_EQ(counts.added, 1);
  EXPECT_EQ(counts.unchanged, 3);
  EXPECT_TRUE(counts.failures.empty());
  EXPECT_FALSE(fs::exists(root_ + "/labels/failures.jsonl"));
  EXPECT_EQ(line("b.png").objects("corrections").size(), 1U);
  EXPECT_EQ(import_labels(options).unchanged, 3);
}

}  // namespace
}  // namespace clearcut
