// Data sets in every layout, written by the tests; the real ones where they are there.
#include "data/dataset.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tensor/npy.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "tests/fresh_folder.h"
#include "tests/real_data.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::fresh_folder;

void write_picture(const std::string& path, std::int64_t height = 2, std::int64_t width = 3) {
  write_png(path, Tensor::full({height, width, 3}, 100, DType::kUInt8));
}

TEST(Dataset, ListOfPairsWithTheIgnoredClassLast) {
  const std::string root = fresh_folder();
  write_file(root + "/train.txt", "# comment\na/1.png m/1.png\n\na/2.png m/2.png\r\n");
  write_file(root + "/classes.txt", "0 Sky 128 128 128\n1 Sign Symbol 1 2 3\n2 Unlabelled 0 0 0\n");
  write_label_png(root + "/m/1.png", Tensor::from<std::int32_t>({1, 3}, {0, 1, 2}));
  const Dataset data = open_dataset({.format = "list", .root = root, .ignore = 2});
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"Sky", "Sign Symbol"}));
  EXPECT_EQ(data.colours[1], (Rgb{1, 2, 3}));
  EXPECT_EQ(data.items[1].name, "a/2.png");
  EXPECT_EQ(data.items[1].id, hash_name("a/2.png"));
  EXPECT_EQ(data.items[1].image, root + "/a/2.png");
  EXPECT_EQ(read_mask(data, data.items[0]).values<std::int32_t>(), (std::vector<std::int32_t>{0, 1, 2}));
  write_file(root + "/classes.txt", "0 Sky\n1 Sign Symbol\n255 void\n");
  EXPECT_EQ(open_dataset({.format = "list", .root = root, .limit = 1}).class_names.size(), 2U);
  expect_error([&] { open_dataset({.format = "list", .root = root, .ignore = 9}); },
               "the last line says that 255 is ignored, but `ignore` is 9");
}

TEST(Dataset, VocLayoutFindsPicturesByTheirEnding) {
  const std::string root = fresh_folder();
  write_picture(root + "/JPEGImages/x.png");
  fs::create_directories(root + "/SegmentationClass");
  write_file(root + "/val.txt", "x\ny\n");
  const Dataset data = open_dataset({.format = "voc", .root = root, .list = "val.txt"});
  EXPECT_EQ(data.items[0].image, root + "/JPEGImages/x.png");
  EXPECT_EQ(data.items[1].image, root + "/JPEGImages/y.jpg");  // not there: reading will name it
  EXPECT_EQ(data.items[1].mask, root + "/SegmentationClass/y.png");
  EXPECT_EQ(data.masks, MaskFormat::kPng);
}

TEST(Dataset, ClassListsAndClassFilesWithTabs) {
  const std::string root = fresh_folder();
  write_file(root + "/train.txt", "t/a b.jpg\t1\textra words\n");
  write_file(root + "/classes.txt", "0\ttench, Tinca\tn01440764\t0\n1\tspringer\tn02102040\t217\n");
  const Dataset data = open_dataset({.format = "classes", .root = root});
  EXPECT_EQ(data.items[0].name, "t/a b.jpg");
  EXPECT_EQ(data.items[0].classes, std::vector<int>{1});
  EXPECT_EQ(data.class_names[0], "tench, Tinca");
  const ClassFile file = read_class_file(root + "/classes.txt");
  EXPECT_EQ(file.wnids, (std::vector<std::string>{"n01440764", "n02102040"}));
  write_file(root + "/list.txt", "a.jpg 7 some name, with a comma\n");
  expect_error([&] { open_dataset({.format = "classes", .root = root, .list = "list.txt"}); },
               "list.txt:1: class 7 is outside 0 to 1");
}

TEST(Dataset, FolderPerClass) {
  const std::string root = fresh_folder();
  write_picture(root + "/dog/b.png");
  write_picture(root + "/cat/deep/a.JPEG");
  write_file(root + "/cat/notes.txt", "not a picture");
  fs::create_directories(root + "/.hidden");
  const Dataset data = open_dataset({.format = "folders", .root = root});
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.items[0].name, "cat/deep/a.JPEG");
  EXPECT_EQ(data.items[1].classes, std::vector<int>{1});
  fs::create_directories(root + "/empty");
  expect_error([&] { open_dataset({.format = "folders", .root = root}); }, "/empty has no pictures");
  expect_error([&] { open_dataset({.format = "folders", .root = root + "/dog"}); },
               "there must be one per class");
}

// A part of ImageNet: the class file says which of the thousand classes a folder is.
TEST(Dataset, FoldersOfImageNetKeepItsClasses) {
  const std::string root = fresh_folder();
  write_picture(root + "/train/n02102040/a.JPEG");
  write_picture(root + "/train/n01440764/b.JPEG");
  write_file(root + "/train/n01440764/._b.JPEG", "left by another system");
  write_file(root + "/classes.txt", "0\tn01440764\ttench\n1\tn01443537\tgoldfish\n2\tn02102040\tspringer\n");
  const DatasetSpec spec{.format = "folders", .root = root + "/train", .classes = "../classes.txt"};
  const Dataset data = open_dataset(spec);
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"tench", "goldfish", "springer"}));
  EXPECT_EQ(data.items[0].classes, std::vector<int>{0});
  EXPECT_EQ(data.items[1].classes, std::vector<int>{2});
  write_picture(root + "/train/n09999999/a.JPEG");
  expect_error([&] { open_dataset(spec); }, "n09999999 is no class of");
}

TEST(Dataset, CsvOfImageLabels) {
  const std::string root = fresh_folder();
  write_file(root + "/labels.csv",
             "image,classes,split\nx,dog + cat+dog,train\n\"y, z\",,train\nw,dog,val\n");
  write_file(root + "/classes.txt", "0 background\n1 cat\n2 dog\n");
  const Dataset data = open_dataset({.format = "csv", .root = root, .split = "train"});
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.items[0].classes, (std::vector<int>{1, 2}));
  EXPECT_EQ(data.items[1].name, "y, z");
  EXPECT_TRUE(data.items[1].classes.empty());
  EXPECT_EQ(data.background, 0);
  EXPECT_EQ(data.masks, MaskFormat::kNone);
  fs::create_directories(root + "/masks");
  EXPECT_EQ(open_dataset({.format = "csv", .root = root, .masks = "masks"}).items[2].mask,
            root + "/masks/w.png");
  write_file(root + "/bad.csv", "image,classes\nx,wolf\n");
  expect_error([&] { open_dataset({.format = "csv", .root = root, .list = "bad.csv"}); },
               "bad.csv:2: class 'wolf' is not in the class file");
  write_file(root + "/columns.csv", "a,b\n");
  expect_error([&] { open_dataset({.format = "csv", .root = root, .list = "columns.csv"}); },
               "the columns 'image' and 'classes' are needed");
}

// Spec 2.5: background id (number of classes) everywhere, the folder's class where arr_0 is 1; -1 is
// background unless asked otherwise.
TEST(Dataset, PsslLayout) {
  const std::string root = fresh_folder();
  for (const char* name : {"n00000002/p.JPEG", "n00000001/q.JPEG"})
    write_npz(root + "/labels/train/" + name + "_eiseg.npz",
              {{"arr_0", Tensor::from<std::int32_t>({2, 2}, {0, 1, -1, 7})}});
  DatasetSpec spec{.format = "pssl", .root = root, .labels = "labels"};
  const Dataset data = open_dataset(spec);
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.items[1].name, "train/n00000002/p.JPEG");
  EXPECT_EQ(data.items[1].image, root + "/train/n00000002/p.JPEG");
  EXPECT_EQ(data.background, 2);
  EXPECT_EQ(data.ignore, 3);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"n00000001", "n00000002", "background"}));
  EXPECT_EQ(read_mask(data, data.items[1]).values<std::int32_t>(), (std::vector<std::int32_t>{2, 1, 2, 2}));
  spec.pssl_minus_one_ignored = true;
  const Dataset ignoring = open_dataset(spec);
  EXPECT_EQ(read_mask(ignoring, ignoring.items[1]).values<std::int32_t>(),
            (std::vector<std::int32_t>{2, 1, 3, 2}));
  write_file(root + "/labels/train.txt", "train/n00000002/p.JPEG_eiseg.npz\n");
  EXPECT_EQ(open_dataset(spec).items.size(), 1U);
  spec.list = "train.txt";  // beside the labels, as published
  EXPECT_EQ(open_dataset(spec).items.size(), 1U);
  spec.list = "";
  write_file(root + "/labels/imagenet_lsvrc_2015_synsets.txt", "n00000000\nn00000002\n");
  EXPECT_EQ(open_dataset(spec).items[0].classes, std::vector<int>{1});
  write_file(root + "/synsets.txt", "n00000001\nn00000003\n");
  spec.classes = "synsets.txt";
  expect_error([&] { open_dataset(spec); },
               "the folder 'n00000002' of 'train/n00000002/p.JPEG' is not a class");
}

// Labels of pictures that lie elsewhere, under other names than ImageNet's.
TEST(Dataset, PsslPicturesAreFound) {
  const std::string root = fresh_folder();
  for (const char* stem : {"a", "b", "c", "d", "e"})
    write_npz(root + "/labels/train/n1/" + stem + ".JPEG_eiseg.npz", {{"arr_0", Tensor::zeros({2, 2})}});
  for (const char* picture : {"train/n1/a.JPEG", "n1/a.png", "train/n1/b.jpg", "n1/c.png", "d.JPG"})
    write_file(root + "/pictures/" + picture, "x");
  const DatasetSpec spec{.format = "pssl", .root = root, .labels = "labels", .images = "pictures"};
  const Dataset data = open_dataset(spec);
  const std::string at = root + "/pictures/";
  const std::string expected[] = {"train/n1/a.JPEG", "train/n1/b.jpg", "n1/c.png", "d.JPG",
                                  "train/n1/e.JPEG"};
  ASSERT_EQ(data.items.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(data.items[i].image, at + expected[i]);
  write_file(root + "/labels/manifest.jsonl",
             "{\"image\": \"cats/7.png\", \"label\": \"train/n1/e.JPEG_eiseg.npz\"}\n");
  EXPECT_EQ(open_dataset(spec).items[4].image, at + "train/n1/e.JPEG");  // cats/7.png is not there
  write_file(at + "cats/7.png", "x");
  EXPECT_EQ(open_dataset(spec).items[4].image, at + "cats/7.png");
}

// ImageNet's thousand folders: background is 1000, ignored pixels are 1001.
TEST(Dataset, PsslLayoutOfAThousandClasses) {
  const std::string root = fresh_folder();
  std::string synsets;
  for (int c = 0; c < 1000; ++c) synsets += cat("n", 10000000 + c, "\n");
  write_file(root + "/imagenet_lsvrc_2015_synsets.txt", synsets);
  write_npz(root + "/train/n10000999/p.JPEG_eiseg.npz",
            {{"arr_0", Tensor::from<std::int32_t>({1, 3}, {0, 1, -1})}});
  const Dataset data = open_dataset({.format = "pssl", .root = root, .pssl_minus_one_ignored = true});
  EXPECT_EQ(read_mask(data, data.items[0]).values<std::int32_t>(),
            (std::vector<std::int32_t>{1000, 999, 1001}));
}

// The layout of 2021: levels 0 to 9, of which 9 is the object; 255 is ignored.
TEST(Dataset, PsslLayoutOfTenLevels) {
  const std::string root = fresh_folder();
  write_label_png(root + "/train/n00000001/a.JPEG.png", Tensor::from<std::int32_t>({1, 4}, {9, 8, 0, 255}));
  write_label_png(root + "/train/n00000002/b.JPEG.png", Tensor::from<std::int32_t>({1, 4}, {9, 8, 0, 255}));
  write_npz(root + "/train/n00000002/b.JPEG_eiseg.npz", {{"arr_0", Tensor::zeros({1, 4}, DType::kInt32)}});
  const Dataset data = open_dataset({.format = "pssl", .root = root});
  ASSERT_EQ(data.items.size(), 2U);
  EXPECT_EQ(data.items[0].name, "train/n00000001/a.JPEG");
  EXPECT_EQ(read_mask(data, data.items[0]).values<std::int32_t>(), (std::vector<std::int32_t>{0, 2, 2, 3}));
  EXPECT_EQ(data.items[1].mask, root + "/train/n00000002/b.JPEG_eiseg.npz");  // where both are, the array
  write_label_png(root + "/train/n00000001/a.JPEG.png", Tensor::from<std::int32_t>({1, 2}, {9, 10}));
  expect_error([&] { read_mask(data, data.items[0]); },
               "a.JPEG.png: level 10 at row 0, column 1; levels are 0 to 9, and 255 is ignored");
  write_file(root + "/train.txt", std::string("train/n00000001/a.JPEG.png\n"));
  EXPECT_EQ(open_dataset({.format = "pssl", .root = root}).items.size(), 1U);
}

TEST(Dataset, LabelsWithAManifest) {
  const std::string root = fresh_folder();
  write_file(root + "/out/manifest.jsonl",
             "{\"image\": \"a.png\", \"label\": \"l/a.png\", \"classes\": [1]}\n{\"image\": \"b.png\"}\n");
  write_file(root + "/out/classes.txt", "0\tbackground\n1\tcat\n");
  write_file(root + "/classes.txt", "0 of the pictures\n");  // those beside the labels count
  const Dataset data = open_dataset({.format = "labels", .root = root, .labels = "out"});
  ASSERT_EQ(data.items.size(), 1U);  // b has no label
  EXPECT_EQ(data.items[0].mask, root + "/out/l/a.png");
  EXPECT_EQ(data.class_names[1], "cat");
  EXPECT_EQ(data.background, 0);
  EXPECT_EQ(data.items[0].classes, std::vector<int>{1});
}

TEST(Dataset, WhatIsMissingOrWrongIsNamed) {
  const std::string root = fresh_folder();
  expect_error([] { open_dataset({.format = "list", .root = "/no/such/folder"}); },
               "the folder /no/such/folder does not exist");
  expect_error([&] { open_dataset({.format = "coco", .root = root}); },
               "format 'coco' is unknown; one of list, voc");
  expect_error([&] { open_dataset({.format = "list", .root = root}); }, "/train.txt does not exist");
  write_file(root + "/train.txt", "a.png\na.png\n");
  expect_error([&] { open_dataset({.format = "list", .root = root}); }, "train.txt:2: 'a.png' comes twice");
  write_file(root + "/train.txt", "\n");
  expect_error([&] { open_dataset({.format = "list", .root = root}); }, "has no items");
  write_file(root + "/classes.txt", "0 a\n2 b\n1 c\n");
  expect_error([&] { read_class_file(root + "/classes.txt"); }, "classes.txt:3: classes must be numbered");
}

TEST(Dataset, MasksOfAnotherSizeOrWithOtherValuesAreRefused) {
  Dataset data;
  data.class_names = {"a", "b"};
  data.masks = MaskFormat::kPng;
  const Item item{.name = "x", .image = "x.jpg", .mask = "x.png", .classes = {}};
  const Tensor good = Tensor::from<std::int32_t>({1, 3}, {0, 1, 255});
  check_mask(data, item, good, 1, 3);
  expect_error([&] { check_mask(data, item, good, 2, 3); },
               "x.png: the mask is 1 x 3, the picture x.jpg is 2 x 3; they must have one size");
  expect_error(
      [&] {
        check_mask(data, item, Tensor::from<std::int32_t>({1, 3}, {0, 2, 0}), 1, 3);
      },
      "x.png: label value 2 at row 0, column 1; classes are 0 to 1 and 255 is ignored");
  data.masks = MaskFormat::kPsslNpz;  // only the ratio of sides must agree
  check_mask(data, item, Tensor::zeros({100, 133}, DType::kInt32), 200, 267);
  expect_error(
      [&] {
        check_mask(data, item, Tensor::zeros({100, 150}, DType::kInt32), 200, 267);
      },
      "one ratio");
}

TEST(Dataset, SelectsByList) {
  const std::string root = fresh_folder();
  write_file(root + "/train.txt", "a.png\nb.png\nc.png\n");
  write_file(root + "/some.txt", "c.png\na.png\n");
  const Dataset data = open_dataset({.format = "list", .root = root});
  const Dataset some = select_items(data, root + "/some.txt");
  ASSERT_EQ(some.items.size(), 2U);
  EXPECT_EQ(some.items[0].name, "c.png");
  write_file(root + "/some.txt", "d.png\n");
  expect_error([&] { select_items(data, root + "/some.txt"); }, "some.txt:1: 'd.png' is not an item");
}

// Numbers of items and classes as the folder's description states them.
TEST(Dataset, OpensTheRealDataSets) {
  for (const char* name : {"camvid", "voc-animals", "imagenette"})
    if (test::real_data(name).empty()) GTEST_SKIP() << test::no_real_data(name);
  const Dataset camvid = open_dataset({.format = "list", .root = test::real_data("camvid"), .ignore = 11});
  EXPECT_EQ(camvid.items.size(), 367U);
  EXPECT_EQ(camvid.class_names.size(), 11U);
  check_mask(camvid, camvid.items[0], read_mask(camvid, camvid.items[0]), 180, 240);
  EXPECT_EQ(read_picture(camvid.items[0].image).shape(), Shape({180, 240, 3}));
  const std::string voc = test::real_data("voc-animals");
  EXPECT_EQ(open_dataset({.format = "voc", .root = voc, .list = "val.txt"}).items.size(), 223U);
  const Dataset labels = open_dataset({.format = "csv", .root = voc, .split = "train", .masks = "masks"});
  EXPECT_EQ(labels.items.size(), 3131U);
  EXPECT_EQ(labels.items[0].classes, std::vector<int>{3});
  const Dataset nette =
      open_dataset({.format = "classes", .root = test::real_data("imagenette"), .list = "val.txt"});
  EXPECT_EQ(nette.items.size(), 944U);
  EXPECT_EQ(nette.class_names.size(), 10U);
  EXPECT_EQ(read_picture(nette.items[0].image).shape(), Shape({128, 128, 3}));
}

}  // namespace
}  // namespace clearcut
