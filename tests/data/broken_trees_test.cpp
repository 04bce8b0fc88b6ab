// Data sets as people really have them, each broken in one way: `data check` must name the cause and the fix.
#include <gtest/gtest.h>

#include <filesystem>

#include "data/check.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using Labels = std::vector<std::int32_t>;

struct Tree {
  std::string root;
  DatasetSpec spec;
};

// Three pictures of 2 x 3 pixels with masks of two classes, in the layout of format list.
Tree good_tree() {
  Tree tree;
  tree.root = testing::TempDir() + "clearcut_broken_tree";
  fs::remove_all(tree.root);
  std::string list;
  for (int i = 0; i < 3; ++i) {
    const std::string name = cat("p", i);
    write_png(tree.root + "/images/" + name + ".png", Tensor::full({2, 3, 3}, 10 * i, DType::kUInt8));
    write_label_png(tree.root + "/masks/" + name + ".png",
                    Tensor::from<std::int32_t>({2, 3}, {0, 1, 0, 1, 0, 1}));
    list += cat("images/", name, ".png masks/", name, ".png\n");
  }
  write_file(tree.root + "/train.txt", list);
  write_file(tree.root + "/classes.txt", "0 ground 0 0 0\n1 thing 128 0 0\n");
  tree.spec = {.format = "list", .root = tree.root};
  return tree;
}

void set_masks(const Tree& tree, const Labels& labels) {
  for (int i = 0; i < 3; ++i)
    write_label_png(cat(tree.root, "/masks/p", i, ".png"), Tensor::from<std::int32_t>({2, 3}, labels));
}

void replace_in_list(const Tree& tree, const std::string& from, const std::string& to) {
  std::string list = read_text(tree.root + "/train.txt");
  for (std::size_t at = 0; (at = list.find(from, at)) != std::string::npos; at += to.size())
    list.replace(at, from.size(), to);
  write_file(tree.root + "/train.txt", list);
}

struct Break {
  const char* name;
  void (*apply)(Tree& tree);
  const char *kind, *cause, *fix;
  std::size_t items;  // that the finding names
};

const Break kBreaks[] = {
    {"paths start elsewhere", [](Tree& t) { replace_in_list(t, "images/", "JPEGImages/"); },
     "missing picture", "paths start from another folder", "JPEGImages: name the folder", 3},
    {"Windows paths", [](Tree& t) { replace_in_list(t, "images/", "images\\"); }, "missing picture",
     "written on Windows", "write '/'", 3},
    {"commas in the list", [](Tree& t) { replace_in_list(t, ".png masks", ".png,masks"); }, "missing picture",
     "commas stand between", "spaces or tabs", 3},
    {"another ending", [](Tree& t) { replace_in_list(t, "p1.png masks", "p1.jpg masks"); }, "missing picture",
     "another ending", "p1.png is there", 1},
    {"a mask is missing", [](Tree& t) { fs::remove(t.root + "/masks/p2.png"); }, "missing mask", "not copied",
     "take the item off the list", 1},
    {"cut off", [](Tree& t) { fs::resize_file(t.root + "/images/p0.png", 60); }, "unreadable picture",
     "damaged, or was copied only in part", "replace the file", 1},
    {"empty file", [](Tree& t) { fs::resize_file(t.root + "/images/p0.png", 0); }, "unreadable picture",
     "an empty file", "replace the file", 1},
    {"a folder",
     [](Tree& t) {
       fs::remove(t.root + "/images/p0.png");
       fs::create_directory(t.root + "/images/p0.png");
     },
     "unreadable picture", "a folder, or something else", "replace the file", 1},
    {"a web page", [](Tree& t) { write_file(t.root + "/images/p1.png", "<!DOCTYPE html><html>"); },
     "unreadable picture", "a web page was saved", "download the file again", 1},
    {"Git LFS",
     [](Tree& t) { write_file(t.root + "/masks/p1.png", "version https://git-lfs.github.com/spec/v1\n"); },
     "unreadable mask", "Git LFS pointer", "git lfs pull", 1},
    {"TIFF", [](Tree& t) { write_file(t.root + "/masks/p1.png", std::string("II*\0....", 8)); },
     "unreadable mask", "a TIFF file", "convert it to PNG", 1},
    {"JPEG masks", [](Tree& t) { write_file(t.root + "/masks/p1.png", "\xFF\xD8\xFF\xE0...."); },
     "unreadable mask", "compression smears labels", "save the labels as PNG", 1},
    {"colour masks",
     [](Tree& t) {
       write_png(t.root + "/masks/p1.png", Tensor::full({2, 3, 3}, 128, DType::kUInt8));
     },
     "mask holds colours", "colour picture", "clearcut data convert --colours", 1},
    {"labels from 1",
     [](Tree& t) {
       set_masks(t, {1, 2, 1, 2, 1, 2});
     },
     "label value outside the classes", "the labels count from 1", "subtract 1", 3},
    {"black and white",
     [](Tree& t) {
       set_masks(t, {0, 255, 0, 255, 0, 255});
     },
     "masks of 0 and 255", "white is 255", "--map 255:1", 1},
    {"values lost",
     [](Tree& t) {
       set_masks(t, {0, 0, 0, 0, 0, 0});
     },
     "all masks hold one value", "values were lost", "from the original labels", 1},
    {"shades",
     [](Tree& t) {
       write_label_png(t.root + "/masks/p1.png",
                       Tensor::from<std::int32_t>({2, 6}, {0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99}));
       write_png(t.root + "/images/p1.png", Tensor::zeros({2, 6, 3}, DType::kUInt8));
     },
     "label value outside the classes", "shades of gray", "resize masks by nearest", 1},
    {"another ignore value",
     [](Tree& t) {
       t.spec.ignore = 9, set_masks(t, {0, 1, 255, 0, 1, 0});
     },
     "label value outside the classes", "255 usually marks pixels to ignore", "set ignore: 255", 3},
    {"mask of another size",
     [](Tree& t) {
       write_label_png(t.root + "/masks/p0.png", Tensor::zeros({4, 6}, DType::kInt32));
     },
     "mask of another size", "another copy of the picture", "resize one of them", 1},
    {"turned mask",
     [](Tree& t) {
       write_label_png(t.root + "/masks/p0.png", Tensor::zeros({3, 2}, DType::kInt32));
     },
     "mask of another size", "EXIF orientation", "--exif apply", 1},
    {"lists in different orders",
     [](Tree& t) {
       replace_in_list(t, "masks/p0", "masks/x");
       replace_in_list(t, "masks/p1", "masks/p0");
       replace_in_list(t, "masks/x", "masks/p1");
     },
     "mask of another picture", "different orders", "by name", 2},
    {"one mask twice", [](Tree& t) { replace_in_list(t, "masks/p1", "masks/p0"); },
     "one mask for several pictures", "mistake in the list", "by name", 1},
    {"masks that a tool converted",
     [](Tree& t) {
       fs::create_directories(t.root + "/annotations");
       fs::create_directories(t.root + "/pictures");
       fs::rename(t.root + "/images", t.root + "/pictures/training");
       fs::rename(t.root + "/masks", t.root + "/annotations/training");
       fs::rename(t.root + "/pictures", t.root + "/images");
       write_label_png(t.root + "/annotations/training/p0.png", Tensor::full({2, 3}, 255, DType::kInt32));
       t.spec = {.format = "ade20k", .root = t.root};
     },
     "label value outside the classes", "a tool converted already", "format list", 1},
};

TEST(BrokenTrees, EachIsFoundWithCauseAndFix) {
  const Tree good = good_tree();
  EXPECT_TRUE(check_data(open_dataset(good.spec)).findings.empty());
  for (const Break& broken : kBreaks) {
    Tree tree = good_tree();
    broken.apply(tree);
    const Dataset data = open_dataset(tree.spec);
    const DataReport report = check_data(data);
    EXPECT_TRUE(has_errors(report.findings)) << broken.name;
    const Finding* found = nullptr;
    for (const Finding& f : report.findings)
      if (f.kind == broken.kind) found = &f;
    ASSERT_NE(found, nullptr) << broken.name << ":\n" << describe(report, data);
    EXPECT_EQ(found->severity, Severity::kError) << broken.name;
    EXPECT_NE(found->cause.find(broken.cause), std::string::npos) << broken.name << ": " << found->cause;
    EXPECT_NE(found->fix.find(broken.fix), std::string::npos) << broken.name << ": " << found->fix;
    EXPECT_EQ(found->details.size(), broken.items) << broken.name;
  }
}

// What cannot even be opened says so at once.
TEST(BrokenTrees, TreesThatDoNotOpen) {
  const Tree tree = good_tree();
  fs::create_directories(tree.root + "/VOC2012/JPEGImages");
  expect_error([&] { open_dataset({.format = "voc2012", .root = tree.root}); },
               "the root seems to be " + tree.root + "/VOC2012");
  expect_error([&] { open_dataset({.format = "cityscapes", .root = tree.root}); },
               "leftImg8bit/train does not exist, which format cityscapes needs; see docs/data.md");
  write_file(tree.root + "/classes.txt", "1 ground\n2 thing\n");
  expect_error([&] { open_dataset(tree.spec); },
               "classes.txt:1: classes are numbered from 0; this file begins at 1");
}

TEST(BrokenTrees, WithoutAClassFileItSaysSo) {
  const Tree tree = good_tree();
  fs::remove(tree.root + "/classes.txt");
  const DataReport report = check_data(open_dataset(tree.spec));
  ASSERT_EQ(report.findings.size(), 1U);
  EXPECT_EQ(report.findings[0].kind, "classes are not known");
  EXPECT_EQ(report.findings[0].severity, Severity::kWarning);
  EXPECT_EQ(report.findings[0].details[0], "values 0 to 1");
}

}  // namespace
}  // namespace clearcut
