// Data sets written anew, packed, split and merged; expected labels by hand.
#include "data/write_data.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "data/hold_out.h"
#include "data/loader.h"
#include "data/voc_aug.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/fresh_folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::fresh_folder;
using Labels = std::vector<std::int32_t>;

// Pictures of one row in different grays; masks as given.
std::string two_pictures(const std::string& root, const Labels& first, const Labels& second) {
  int gray = 40;
  for (const auto& [name, mask] : {std::pair{"a/1", &first}, std::pair{"b/2", &second}}) {
    const auto width = static_cast<std::int64_t>(mask->size());
    write_png(root + "/pictures/" + name + ".png", Tensor::full({1, width, 3}, gray += 7, DType::kUInt8));
    write_label_png(root + "/labels/" + name + ".png", Tensor::from<std::int32_t>({1, width}, *mask));
  }
  write_file(root + "/train.txt", "pictures/a/1.png labels/a/1.png\npictures/b/2.png labels/b/2.png\n");
  write_file(root + "/classes.txt", "0 sky 1 2 3\n1 old tree 4 5 6\n2 car 7 8 9\n");
  return root;
}

Labels mask_of(const Dataset& data, std::size_t i) {
  return read_mask(data, data.items.at(i)).values<std::int32_t>();
}

TEST(WriteData, PlainFilesHoldTheSameClassesAndPictures) {
  const std::string root = two_pictures(fresh_folder(), {0, 1, 2}, {255, 1, 1});
  const Dataset data = open_dataset({.format = "list", .root = root});
  EXPECT_TRUE(write_data(data, {.folder = root + "/out"}).empty());
  const Dataset out = open_dataset({.format = "list", .root = root + "/out"});
  ASSERT_EQ(out.items.size(), 2U);
  EXPECT_EQ(out.items[0].name, "images/pictures/a/1.png");
  EXPECT_EQ(out.class_names, (std::vector<std::string>{"sky", "old tree", "car"}));
  EXPECT_EQ(out.colours[2], (Rgb{7, 8, 9}));
  EXPECT_EQ(mask_of(out, 0), (Labels{0, 1, 2}));
  EXPECT_EQ(mask_of(out, 1), (Labels{255, 1, 1}));
  EXPECT_EQ(read_file(out.items[1].image), read_file(data.items[1].image));  // byte by byte
  EXPECT_EQ(read_label_png(out.items[0].mask).palette[1], (Rgb{4, 5, 6}));
  expect_error([&] { write_data(data, {.folder = root + "/out"}); }, "is not empty; write into a new one");
}

TEST(WriteData, ValuesAreMappedBeforeTheyAreChecked) {
  const std::string root = two_pictures(fresh_folder(), {1, 2, 3}, {0, 3, 3});
  Dataset data = open_dataset({.format = "list", .root = root});
  const auto failures = write_data(data, {.folder = root + "/bad"});
  ASSERT_EQ(failures.size(), 2U);
  EXPECT_NE(failures[0].error.find("label value 3 at row 0, column 2"), std::string::npos)
      << failures[0].error;
  EXPECT_EQ(read_failures(root + "/bad/failures.jsonl").size(), 2U);

  const auto values = parse_value_map("0:ignore,1:0,2:1,3:2", 255);
  EXPECT_TRUE(write_data(data, {.folder = root + "/out", .values = values}).empty());
  const Dataset out = open_dataset({.format = "list", .root = root + "/out"});
  EXPECT_EQ(mask_of(out, 0), (Labels{0, 1, 2}));
  EXPECT_EQ(mask_of(out, 1), (Labels{255, 2, 2}));
  expect_error([] { parse_value_map("1:2,3", 255); }, "got '3'");
  expect_error([] { parse_value_map("1:2,1:3", 255); }, "the value 1 is mapped twice");
}

TEST(WriteData, NewNamesAndScaling) {
  const std::string root = fresh_folder();
  write_png(root + "/p.png", Tensor::full({4, 8, 3}, 50, DType::kUInt8));
  write_label_png(root + "/m.png", Tensor::full({4, 8}, 1, DType::kInt32));
  write_file(root + "/train.txt", "p.png m.png\n");
  const Dataset data = open_dataset({.format = "list", .root = root});
  EXPECT_TRUE(
      write_data(data, {.folder = root + "/out", .longest = 4, .values = {{1, 0}}, .names = {"thing"}})
          .empty());
  const Dataset out = open_dataset({.format = "list", .root = root + "/out"});
  EXPECT_EQ(out.class_names, std::vector<std::string>{"thing"});
  EXPECT_EQ(read_picture(out.items[0].image).shape(), Shape({2, 4, 3}));
  EXPECT_EQ(mask_of(out, 0), Labels(8, 0));
}

// With more classes than 8 bits hold, ids have 16 bits and 65535 is ignored.
TEST(WriteData, ManyClasses) {
  const std::string root = fresh_folder();
  for (const char* wnid : {"n01443537"}) {
    write_png(root + "/validation/" + wnid + "/x.JPEG", Tensor::full({1, 3, 3}, 9, DType::kUInt8));
    write_png(root + "/validation-segmentation/" + wnid + "/x.png",
              Tensor::from<std::uint8_t>({1, 3, 3}, {44, 1, 0, 0, 0, 0, 232, 3, 0}));  // 300, 0, 1000
  }
  for (int c = 0; c < 320; ++c) fs::create_directories(root + "/validation/n9" + std::to_string(1000000 + c));
  const Dataset data = open_dataset({.format = "imagenet-s", .root = root, .split = "val"});
  EXPECT_TRUE(write_data(data, {.folder = root + "/out"}).empty());
  const Dataset out = open_dataset({.format = "list", .root = root + "/out", .ignore = 65535});
  EXPECT_EQ(out.class_names.size(), 322U);
  EXPECT_EQ(mask_of(out, 0), (Labels{300, 0, 65535}));
  EXPECT_EQ(out.items[0].name, "images/n01443537/x.JPEG");
}

TEST(WriteData, ColoursOfTheClassFileBecomeIndices) {
  const std::string root = two_pictures(fresh_folder(), {0, 0, 0, 0}, {0, 0, 0, 0});
  for (const char* name : {"a/1", "b/2"})  // car, sky, old tree, VOC's 255
    write_png(root + "/labels/" + name + ".png",
              Tensor::from<std::uint8_t>({1, 4, 3}, {7, 8, 9, 1, 2, 3, 4, 5, 6, 224, 224, 192}));
  const Dataset data = with_colour_masks(open_dataset({.format = "list", .root = root}));
  EXPECT_EQ(mask_of(data, 0), (Labels{2, 0, 1, 255}));
  EXPECT_TRUE(write_data(data, {.folder = root + "/out"}).empty());
  EXPECT_EQ(mask_of(open_dataset({.format = "list", .root = root + "/out"}), 1), (Labels{2, 0, 1, 255}));
}

struct Seen {
  std::vector<float> pixels;
  Labels labels;
  friend bool operator==(const Seen&, const Seen&) = default;
};

Seen one_epoch(const Dataset& data) {
  const std::vector<Transform> steps = {[](LabelledPicture& x, const RandomKey& key) {
    random_padding_crop(x, {.height = 2, .width = 2}, key);
  }};
  Loader loader(data, steps, {}, {.batch = 2, .threads = 2, .seed = 3, .shuffle = true});
  Seen seen;
  while (const auto batch = loader.next()) {
    seen.pixels = batch->images.values<float>();
    seen.labels = batch->labels.values<std::int32_t>();
  }
  return seen;
}

// Training from shards sees the same bits as from files: names, and so all random numbers, stay.
TEST(WriteData, ShardsTrainAsTheyLie) {
  const std::string root = two_pictures(fresh_folder(), {0, 1, 2, 0, 1}, {255, 1, 1, 2, 2});
  const Dataset data = open_dataset({.format = "list", .root = root});
  EXPECT_TRUE(write_data(data, {.folder = root + "/out", .shard_bytes = 10240}).empty());
  ASSERT_TRUE(fs::exists(root + "/out/shard-00000.tar"));
  EXPECT_FALSE(fs::exists(root + "/out/pictures"));
  const Dataset packed = open_dataset({.format = "list", .root = root + "/out"});
  ASSERT_EQ(packed.items.size(), 2U);
  EXPECT_EQ(packed.items[0].name, data.items[0].name);
  EXPECT_EQ(mask_of(packed, 0), (Labels{0, 1, 2, 0, 1}));
  EXPECT_EQ(one_epoch(packed), one_epoch(data));
  // The same data, the same bytes.
  EXPECT_TRUE(write_data(data, {.folder = root + "/again", .shard_bytes = 10240}).empty());
  EXPECT_EQ(read_file(root + "/out/shard-00000.tar"), read_file(root + "/again/shard-00000.tar"));
  EXPECT_EQ(read_text(root + "/out/train.txt"),
            "pictures/a/1.png\tpictures/a/1.mask.png\npictures/b/2.png\tpictures/b/2.mask.png\n");
}

// Weights go where their mask goes: into files, into shards, to another size. One item has none.
TEST(WriteData, PixelWeightsAreCarried) {
  const std::string root = fresh_folder();
  for (const char* name : {"p", "q"})
    write_png(cat(root, "/", name, ".png"), Tensor::full({2, 4, 3}, 50, DType::kUInt8));
  write_label_png(root + "/m.png", Tensor::from<std::int32_t>({2, 4}, {0, 1, 0, 1, 1, 1, 0, 0}));
  write_label_png(root + "/w.png", Tensor::from<std::int32_t>({2, 4}, {9, 8, 7, 6, 5, 4, 3, 255}));
  write_file(root + "/train.txt", "p.png m.png w.png\nq.png m.png\n");
  write_file(root + "/classes.txt", "0 ground\n1 thing\n");
  const auto open = [](const std::string& folder) {
    return open_dataset({.format = "list", .root = folder, .pixel_weights = true});
  };
  const auto weights = [](const Item& item, const Shape& shape) {
    return read_weights(item, Tensor::zeros(shape, DType::kInt32)).values<std::int32_t>();
  };
  const Dataset data = open(root);
  EXPECT_EQ(open_dataset({.format = "list", .root = root}).items[0].weights, "");
  for (const std::int64_t shard_bytes : {0, 1 << 20}) {
    const std::string out = cat(root, "/out", shard_bytes);
    EXPECT_TRUE(write_data(data, {.folder = out, .shard_bytes = shard_bytes}).empty());
    const Dataset written = open(out);
    EXPECT_EQ(weights(written.items[0], {2, 4}), (Labels{9, 8, 7, 6, 5, 4, 3, 255}));
    EXPECT_EQ(written.items[1].weights, "");
    EXPECT_EQ(mask_of(written, 1), (Labels{0, 1, 0, 1, 1, 1, 0, 0}));
  }
  EXPECT_EQ(read_text(root + "/out0/train.txt"),
            "images/p.png\tmasks/p.png\tweights/p.png\nimages/q.png\tmasks/q.png\n");
  EXPECT_TRUE(write_data(data, {.folder = root + "/small", .longest = 2}).empty());
  EXPECT_EQ(weights(open(root + "/small").items[0], {1, 2}), (Labels{9, 7}));
  write_label_png(root + "/w.png", Tensor::zeros({4, 2}, DType::kInt32));
  EXPECT_NE(write_data(data, {.folder = root + "/bad"})[0].error.find("they must have one size"),
            std::string::npos);
}

// Published labels may be smaller than their pictures; what is written is read as format list, which has one
// size for both.
TEST(WriteData, SmallerPsslLabelsGetThePicturesSize) {
  const std::string root = fresh_folder(), name = "train/n01440764/a.JPEG";
  write_png(root + "/" + name, Tensor::full({2, 4, 3}, 50, DType::kUInt8));
  write_npz(root + "/" + name + "_eiseg.npz", {{"arr_0", Tensor::from<std::int32_t>({1, 2}, {0, 1})}});
  const Dataset data = open_dataset({.format = "pssl", .root = root});
  EXPECT_TRUE(write_data(data, {.folder = root + "/out"}).empty());
  const Dataset out = open_dataset({.format = "list", .root = root + "/out"});
  EXPECT_EQ(mask_of(out, 0), (Labels{1, 1, 0, 0, 1, 1, 0, 0}));
  check_mask(out, out.items[0], read_mask(out, out.items[0]), 2, 4);
}

TEST(WriteData, ImageLabelsAreKept) {
  const std::string root = fresh_folder();
  write_png(root + "/cat/1.png", Tensor::full({2, 2, 3}, 1, DType::kUInt8));
  write_png(root + "/dog/2.jpg", Tensor::full({2, 2, 3}, 2, DType::kUInt8));  // a PNG by its content
  const Dataset data = open_dataset({.format = "folders", .root = root});
  const std::string out = root + "_out";
  fs::remove_all(out);
  EXPECT_TRUE(write_data(data, {.folder = out, .shard_bytes = 1 << 20}).empty());
  const Dataset packed = open_dataset({.format = "classes", .root = out});
  ASSERT_EQ(packed.items.size(), 2U);
  EXPECT_EQ(packed.items[1].name, "dog/2.jpg");
  EXPECT_EQ(packed.items[1].classes, std::vector<int>{1});
  EXPECT_EQ(packed.class_names[1], "dog");
  EXPECT_EQ(read_picture(packed.items[1].image).values<std::uint8_t>()[0], 2);
}

// ---- hold_out

Dataset named(int count, const char* separator) {
  Dataset data;
  for (int i = 0; i < count; ++i) {
    Item item;
    item.name = cat("film", i % 20, separator, i);
    item.id = hash_name(item.name);
    data.items.push_back(item);
  }
  return data;
}

TEST(HoldOut, SharesOrderAndGrowth) {
  const Dataset data = named(1000, "_");
  const HoldOutOptions options = {.seed = 5, .val = 0.2, .test = 0.1};
  const std::vector<Part> parts = hold_out(data, options);
  // Binomial: three deviations of 1000 throws are 38 and 28.
  const auto count = [&](Part part) {
    return static_cast<double>(std::count(parts.begin(), parts.end(), part));
  };
  EXPECT_NEAR(count(Part::kVal), 200, 38);
  EXPECT_NEAR(count(Part::kTest), 100, 28);
  Dataset reversed = data;
  std::reverse(reversed.items.begin(), reversed.items.end());
  std::vector<Part> back = hold_out(reversed, options);
  std::reverse(back.begin(), back.end());
  EXPECT_EQ(back, parts);
  const std::vector<Part> more = hold_out(named(1200, "_"), options);
  EXPECT_TRUE(std::equal(parts.begin(), parts.end(), more.begin()));
  EXPECT_NE(hold_out(data, {.seed = 6, .val = 0.2, .test = 0.1}), parts);
}

TEST(HoldOut, FoldersStayTogether) {
  const Dataset data = named(200, "/");
  const std::vector<Part> parts = hold_out(data, {.seed = 1, .val = 0.3, .whole_folders = true});
  for (std::size_t i = 20; i < parts.size(); ++i) EXPECT_EQ(parts[i], parts[i % 20]);
  expect_error([&] { hold_out(named(1, "/"), {.val = 0.5}); }, "each part needs some");
  expect_error([&] { hold_out(data, {.val = 0.6, .test = 0.4}); }, "val + test < 1");
}

// ---- voc-aug

// SBD's a.mat is 7 x 11 (tests/golden/data/mats.py); b is in VOC's train list, c in its val list.
TEST(VocAug, MergesTheListsAndMasks) {
  const std::string root = fresh_folder(), voc = root + "/VOC2012", sbd = root + "/benchmark_RELEASE";
  const NamedTensors arrays = read_npz("tests/golden/data/mats.npz");
  const auto mat = [&](const char* kind) {
    return find_array(arrays, kind, "mats.npz").values<std::uint8_t>();
  };
  for (const char* id : {"a", "b", "c", "d"})
    write_png(voc + "/JPEGImages/" + id + ".jpg", Tensor::zeros({7, 11, 3}, DType::kUInt8));
  write_label_png(voc + "/SegmentationClass/b.png", Tensor::full({7, 11}, 255, DType::kInt32));
  write_file(voc + "/ImageSets/Segmentation/train.txt", "b\n");
  write_file(voc + "/ImageSets/Segmentation/val.txt", "c\n");
  write_file(sbd + "/dataset/train.txt", "d\nb\na\n");
  write_file(sbd + "/dataset/val.txt", "c\n");
  write_file(sbd + "/dataset/cls/a.mat", mat("file:packed"));
  expect_error([&] { merge_sbd(voc, sbd); }, "cls/d.mat");  // in the list, not there
  EXPECT_FALSE(fs::exists(voc + "/ImageSets/Segmentation/trainaug.txt"));
  write_file(sbd + "/dataset/cls/d.mat", mat("file:plain"));
  const VocAugCounts counts = merge_sbd(voc, sbd);
  EXPECT_EQ(counts.train, 1);
  EXPECT_EQ(counts.added, 2);
  EXPECT_EQ(counts.in_val, 1);
  EXPECT_EQ(read_text(voc + "/ImageSets/Segmentation/aug.txt"), "a\nd\n");
  EXPECT_EQ(read_text(voc + "/ImageSets/Segmentation/trainaug.txt"), "a\nb\nd\n");
  const LabelImage a = read_label_png(voc + "/SegmentationClassAug/a.png");
  const Tensor want = find_array(arrays, "Segmentation", "mats.npz");
  EXPECT_EQ(a.labels.values<std::int32_t>(), want.to(DType::kInt32).values<std::int32_t>());
  EXPECT_EQ(a.palette[1], (Rgb{128, 0, 0}));
  const Dataset data = open_dataset({.format = "voc2012", .root = voc, .split = "trainaug"});
  ASSERT_EQ(data.items.size(), 3U);
  EXPECT_EQ(mask_of(data, 1), Labels(77, 255));  // VOC's own
  write_png(voc + "/JPEGImages/a.jpg", Tensor::zeros({7, 12, 3}, DType::kUInt8));
  expect_error([&] { merge_sbd(voc, sbd); }, "the mask is 7 x 11, the picture");
  expect_error([&] { merge_sbd(voc, voc); }, "name the folder benchmark_RELEASE of SBD");
}

}  // namespace
}  // namespace clearcut
