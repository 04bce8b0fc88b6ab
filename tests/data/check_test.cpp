// A data set with every fault in it; each must be found, with its cause.
#include "data/check.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tests/real_data.h"

namespace clearcut {
namespace {

// Writes picture `name` (2 x 3) with a mask of the given values to `data`.
void add_item(Dataset& data, const std::string& name, const std::vector<std::int32_t>& mask) {
  const std::string image = data.root + "/" + name + ".png", label = data.root + "/mask_" + name + ".png";
  const auto gray = static_cast<double>(data.items.size());
  write_png(image, Tensor::full({2, 3, 3}, gray, DType::kUInt8));
  write_label_png(label, Tensor::from({2, 3}, mask));
  data.items.push_back({0, name, image, label, {}});
}

Dataset two_classes(const std::string& folder) {
  const std::string root = testing::TempDir() + folder;
  std::filesystem::remove_all(root);
  return {.root = root,
          .items = {},
          .class_names = {"ground", "thing"},
          .wnids = {},
          .colours = {},
          .masks = MaskFormat::kPng};
}

const Finding* find(const DataReport& report, const std::string& kind) {
  for (const Finding& f : report.findings)
    if (f.kind == kind) return &f;
  return nullptr;
}

void expect_finding(const DataReport& report, const std::string& kind, const std::string& cause,
                    const std::string& detail) {
  const Finding* f = find(report, kind);
  ASSERT_NE(f, nullptr) << kind;
  EXPECT_NE(f->cause.find(cause), std::string::npos) << f->cause;
  EXPECT_NE(f->details.front().find(detail), std::string::npos) << f->details.front();
}

TEST(DataCheck, StopsAtCtrlC) {
  Dataset data = two_classes("check_stopped");
  for (const char* name : {"a", "b", "c"}) add_item(data, name, {0, 0, 1, 1, 1, 255});
  std::int64_t looked_at = 0;
  const CheckOptions options{.progress = [&](std::int64_t done) {
    looked_at = done;
    set_interrupted(true);
  }};
  set_threads(1);
  EXPECT_THROW(check_data(data, options), Interrupted);
  set_interrupted(false);
  set_threads(0);
  EXPECT_EQ(looked_at, 1);
}

TEST(DataCheck, AGoodSetHasNoFindingsAndRightCounts) {
  Dataset data = two_classes("check_good");
  add_item(data, "a", {0, 0, 1, 1, 1, 255});
  add_item(data, "b", {0, 0, 0, 0, 0, 0});
  const DataReport report = check_data(data);
  EXPECT_TRUE(report.findings.empty()) << describe(report, data);
  EXPECT_EQ(report.pixels, 12);
  EXPECT_EQ(report.ignored_pixels, 1);
  EXPECT_EQ(report.class_pixels, (std::vector<std::int64_t>{8, 3}));
  EXPECT_EQ(report.class_pictures, (std::vector<std::int64_t>{2, 1}));
  EXPECT_EQ(report.sizes.at("2x3"), 2);
  EXPECT_EQ(report.formats.at("mask 8-bit gray"), 2);
  EXPECT_NE(describe(report, data).find("nothing wrong found"), std::string::npos);
  EXPECT_NE(describe_statistics(report, data).find("72.73%"), std::string::npos);  // 8 of 11 counted pixels
  EXPECT_TRUE(to_json(report, data).flag("ok"));
}

TEST(DataCheck, EveryFaultIsFoundWithItsCause) {
  Dataset data = two_classes("check_bad");
  for (const char* name : {"good", "missing", "truncated", "size", "turned", "colour", "empty", "nomask"})
    add_item(data, name, {0, 1, 0, 1, 0, 1});
  std::filesystem::remove(data.items[1].image);
  const Bytes whole = read_file(data.items[2].image);
  write_file(data.items[2].image, Bytes(whole.begin(), whole.end() - 20));
  write_label_png(data.items[3].mask, Tensor::zeros({4, 4}, DType::kInt32));
  write_label_png(data.items[4].mask, Tensor::zeros({3, 2}, DType::kInt32));
  write_png(data.items[5].mask, Tensor::zeros({2, 3, 3}, DType::kUInt8));
  write_label_png(data.items[6].mask, Tensor::full({2, 3}, 255, DType::kInt32));
  write_file(data.items[7].mask, "no mask");
  data.items.push_back(data.items[0]);
  data.items.back().name = "copy";
  data.items.back().classes = {5};
  data.class_names.emplace_back("unicorn");
  const DataReport report = check_data(data);
  EXPECT_TRUE(has_errors(report.findings));
  expect_finding(report, "missing picture", "not copied", "missing: ");
  expect_finding(report, "unreadable picture", "copied only in part", "truncated: ");
  expect_finding(report, "mask of another size", "another copy", "size: ");
  expect_finding(report, "mask holds colours", "colour picture", "colour: ");
  expect_finding(report, "mask is ignored everywhere", "empty mask", "empty: ");
  expect_finding(report, "unreadable mask", "copied only in part", "nomask: ");
  expect_finding(report, "equal pictures under two names", "copies", "good = copy");
  expect_finding(report, "image label outside the classes", "another class list",
                 "class 5 is outside 0 to 2");
  expect_finding(report, "class that no item has", "", "2 unicorn");
  const std::string text = describe(report, data);
  EXPECT_NE(text.find("turned by its EXIF orientation"), std::string::npos) << text;
  EXPECT_LT(text.find("error: "), text.find("warning: "));
}

// The usual mistakes with label values, two classes 0 and 1.
TEST(DataCheck, CausesOfWrongLabelValues) {
  const struct {
    std::vector<std::int32_t> mask;
    int ignore;
    std::string cause;
  } cases[] = {{{0, 1, 255, 0, 0, 0}, 7, "255 usually marks pixels to ignore"},
               {{1, 2, 1, 2, 1, 2}, 255, "the labels count from 1"},
               {{0, 1, 2, 0, 0, 0}, 255, "the class file lacks one class"},
               {{0, 76, 150, 29, 0, 0}, 255, "another class list, or colours that were turned to gray"}};
  for (const auto& c : cases) {
    Dataset data = two_classes("check_values");
    data.ignore = c.ignore;
    add_item(data, "x", c.mask);
    expect_finding(check_data(data), "label value outside the classes", c.cause, "x: values outside 0 to 1");
  }
}

// Validation has a training picture under another name, and lacks class 1.
TEST(DataCheck, TrainingAgainstValidation) {
  Dataset train = two_classes("check_split_train"), val = two_classes("check_split_val");
  train.class_names = val.class_names = {"ground", "thing", "bird"};
  add_item(train, "a", {0, 1, 0, 1, 0, 1});
  add_item(train, "b", {0, 1, 0, 1, 0, 1});
  add_item(val, "c", {0, 0, 0, 2, 2, 2});  // the first picture's gray
  const auto compare = [&] { return compare_splits(train, check_data(train), val, check_data(val)); };
  std::vector<Finding> found = compare();
  ASSERT_EQ(found.size(), 3U) << describe(found);
  EXPECT_TRUE(has_errors(found));
  EXPECT_EQ(found[0].kind, "same picture in training and validation");
  EXPECT_EQ(found[0].details, std::vector<std::string>{"a = c"});
  EXPECT_EQ(found[1].kind, "class that only training has");
  EXPECT_EQ(found[1].details, std::vector<std::string>{"1 thing: 2 pictures of training"});
  EXPECT_EQ(found[2].kind, "class that only validation has");
  EXPECT_EQ(found[2].details, std::vector<std::string>{"2 bird: 1 pictures of validation"});
  EXPECT_NE(describe(found).find("it cannot be learned"), std::string::npos);
  EXPECT_EQ(to_json(found)[0].text("severity"), "error");
  val.class_names.pop_back();
  found = compare();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].kind, "class lists that differ");
  EXPECT_EQ(found[1].details, std::vector<std::string>{"3 classes of training, 2 of validation"});
}

// The same pixels in another file are found by pixels, not by files; in another shape they are not the same.
TEST(DataCheck, PicturesAreTheSameByTheirPixels) {
  Dataset train = two_classes("check_split_train"), val = two_classes("check_split_val");
  add_item(train, "a", {0, 1, 0, 1, 0, 1});
  add_item(val, "c", {0, 1, 0, 1, 0, 1});
  const auto same = [&](bool decode) {
    const CheckOptions options = {.decode = decode};
    return has_errors(compare_splits(train, check_data(train, options), val, check_data(val, options)));
  };
  EXPECT_TRUE(same(true));
  EXPECT_TRUE(same(false));
  Bytes file = read_file(val.items[0].image);
  const Bytes text = {0, 0, 0, 4, 't', 'E', 'X', 't', 'a', 0, 'b', 'c'};  // length, type, keyword, text
  Bytes chunk = text;
  const std::uint32_t sum = crc32({text.data() + 4, text.size() - 4});
  for (int shift = 24; shift >= 0; shift -= 8) chunk.push_back(static_cast<std::uint8_t>(sum >> shift));
  file.insert(file.begin() + 33, chunk.begin(), chunk.end());  // behind IHDR
  write_file(val.items[0].image, file);
  EXPECT_TRUE(same(true));
  EXPECT_FALSE(same(false));

  write_png(val.items[0].image, Tensor::full({3, 2, 3}, 0, DType::kUInt8));
  EXPECT_FALSE(same(true));
  for (const Dataset* data : {&train, &val}) write_file(data->items[0].image, "cannot be read");
  EXPECT_FALSE(same(true));
}

TEST(DataCheck, RealDataHasNoErrors) {
  const std::string camvid = test::real_data("camvid");
  if (camvid.empty()) GTEST_SKIP() << test::no_real_data("camvid");
  const Dataset data = open_dataset({.format = "list", .root = camvid, .list = "val.txt", .ignore = 11});
  const DataReport report = check_data(data);
  EXPECT_FALSE(has_errors(report.findings)) << describe(report, data);
  EXPECT_EQ(report.pixels, 101 * 180 * 240);
  // With the usual ignore value instead: class 11 is in the class file and nothing looks wrong but its name.
  EXPECT_EQ(open_dataset({.format = "list", .root = camvid, .list = "val.txt"}).class_names.back(),
            "Unlabelled");
}

}  // namespace
}  // namespace clearcut
