// The file formats of labels: files of other programs are read, ours have the bytes that docs/formats.md
// says.
#include "data/labels/formats.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "data/codec/png_file.h"
#include "tests/data/labels_golden.h"
#include "tests/errors.h"
#include "tests/fresh_folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::fresh_folder, test::golden, test::golden_file, test::golden_legend, test::read_all,
    test::ReadLabel;

using Labels = std::vector<std::int32_t>;

/// Keeps files instead of writing them.
struct Kept : FileSink {
  void write(const std::string& name, ByteView bytes) override {
    files[name].assign(bytes.begin(), bytes.end());
  }
  void write_list(const std::string& name, const std::string& text) override {
    files[name].assign(text.begin(), text.end());
  }
  std::string text(const std::string& name) const { return {files.at(name).begin(), files.at(name).end()}; }
  std::map<std::string, Bytes> files;
};

LabelRecord record_of(const Tensor& labels, const std::string& picture = "sub/a.jpg") {
  return {.picture = picture, .labels = labels};
}

Kept written(const std::string& format, const LabelRecord& record, const LabelLegend& legend,
             const LabelWriteOptions& options = {}) {
  Kept files;
  const auto writer = label_file_format(format).writer(files, legend, options);
  writer->write(record);
  writer->finish();
  return files;
}

Labels read_one(const std::string& format, const std::string& file, const Bytes& bytes,
                const LabelLegend& legend, const LabelReadOptions& options = {}) {
  const std::string path = fresh_folder() + "/" + file;
  write_file(path, bytes);
  const fs::path root = fs::path(path).parent_path().parent_path();
  const std::vector<ReadLabel> all =
      read_all(format, format.starts_with("pssl") ? root.string() : path, legend, options);
  EXPECT_FALSE(all.empty());
  return all.empty() ? Labels() : all[0].labels.values<std::int32_t>();
}

// 1 is the object, -1 what the option says, all else background, whatever NumPy's dtype.
TEST(Labels, PublishedArraysAreReadAsNumpyWritesThem) {
  const LabelLegend legend = golden_legend();
  for (const char* kind : {"int8", "int16", "int32", "int64", "float32"}) {
    const Bytes file = golden_file(cat("pssl_", kind, ".npz"));
    EXPECT_EQ(read_one("pssl-npz", "n00000002/a.JPEG_eiseg.npz", file, legend), (Labels{0, 2, 0, 0, 2, 0}))
        << kind;
    EXPECT_EQ(read_one("pssl-npz", "n00000002/a.JPEG_eiseg.npz", file, legend, {.minus_one_ignored = true}),
              (Labels{0, 2, 255, 0, 2, 0}))
        << kind;
  }
  EXPECT_EQ(read_one("pssl-npz", "n00000001/a.JPEG_eiseg.npz", golden_file("pssl_bool.npz"), legend),
            (Labels{0, 1, 0, 0, 1, 0}));
  expect_error([&] { read_one("pssl-npz", "n9/a.JPEG_eiseg.npz", golden_file("pssl_int8.npz"), legend); },
               "the folder 'n9' is not a class");
}

// A zip of one deflated entry arr_0.npy, dated 1980-01-01 00:00:00, of a version 1.0 array of |u1.
TEST(Labels, PublishedArraysAreWrittenByteForByte) {
  const Tensor labels = Tensor::from<std::int32_t>({2, 3}, {0, 2, 2, 0, 0, 2});
  const Kept files = written("pssl-npz", record_of(labels, "dogs/a.jpg"), golden_legend());
  const Bytes& file = files.files.at("train/n00000002/a.JPEG_eiseg.npz");
  const Bytes head = {'P', 'K', 3, 4, 20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0};
  EXPECT_EQ(Bytes(file.begin(), file.begin() + 14), head);
  EXPECT_EQ(std::string(file.begin() + 30, file.begin() + 39), "arr_0.npy");
  EXPECT_EQ(file, encode_npz({{"arr_0", Tensor::from<std::uint8_t>({2, 3}, {0, 1, 1, 0, 0, 1})}}));
  const std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }";
  Bytes array = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
  array.insert(array.end(), header.begin(), header.end());
  array.resize(127, ' ');
  array.insert(array.end(), {'\n', 0, 1, 1, 0, 0, 1});
  const Tensor stored = find_array(decode_npz(file, "f"), "arr_0", "f");
  EXPECT_EQ(encode_npy(stored), array);
  EXPECT_EQ(files.text("train.txt"), "train/n00000002/a.JPEG_eiseg.npz\n");
  EXPECT_EQ(files.text("classes.txt"), "0\tn00000001\tcat\n1\tn00000002\tdog\n2\tn00000003\ta <b> & \"c\"\n");
  EXPECT_EQ(files.text("imagenet_lsvrc_2015_synsets.txt"), "n00000001\nn00000002\nn00000003\n");
}

TEST(Labels, PublishedLayoutsHoldOneClass) {
  const LabelLegend legend = golden_legend();
  const Tensor ignoring = Tensor::from<std::int32_t>({1, 4}, {0, 2, 255, 2});
  expect_error(
      [&] { written("pssl-npz", record_of(ignoring), legend); },
      "sub/a.jpg: the published layouts hold one class and no ignored pixels; this label has 1 classes and 1 "
      "ignored pixels; --flatten keeps the largest class and makes the rest background, --minus-one ignore "
      "keeps "
      "ignored pixels");
  const Bytes flat = written("pssl-npz", record_of(ignoring), legend, {.flatten = true})
                         .files.at("train/n00000002/a.JPEG_eiseg.npz");
  EXPECT_EQ(decode_npz(flat, "f")[0].second.values<std::uint8_t>(), (Bytes{0, 1, 0, 1}));
  const Bytes kept = written("pssl-npz", record_of(ignoring), legend, {.minus_one = true})
                         .files.at("train/n00000002/a.JPEG_eiseg.npz");
  EXPECT_EQ(decode_npz(kept, "f")[0].second.values<std::int32_t>(), (Labels{0, 1, -1, 1}));
  EXPECT_EQ(read_one("pssl-npz", "n00000002/a.JPEG_eiseg.npz", kept, legend, {.minus_one_ignored = true}),
            (Labels{0, 2, 255, 2}));
  const Tensor two = Tensor::from<std::int32_t>({1, 4}, {1, 2, 2, 0});
  expect_error([&] { written("pssl-levels", record_of(two), legend); }, "this label has 2 classes");
  EXPECT_TRUE(written("pssl-npz", record_of(two), legend, {.flatten = true})
                  .files.contains("train/n00000002/a.JPEG_eiseg.npz"));
  const Tensor none = Tensor::zeros({1, 4}, DType::kInt32);
  expect_error([&] { written("pssl-npz", record_of(none), legend); }, "sub/a.jpg: has no class");
  LabelRecord known = record_of(none);
  known.classes = {3};
  EXPECT_TRUE(written("pssl-npz", known, legend).files.contains("train/n00000003/a.JPEG_eiseg.npz"));
}

// Level 9 is the object, what is below background, 255 ignored; another bar moves levels to the object.
TEST(Labels, TenLevels) {
  const LabelLegend legend = golden_legend();
  const Labels levels = golden("levels").values<std::int32_t>();
  for (const int bar : {9, 8, 4}) {
    Labels want;
    for (const std::int32_t level : levels) want.push_back(level == 255 ? 255 : (level >= bar ? 3 : 0));
    EXPECT_EQ(
        read_one("pssl-levels", "n00000003/a.JPEG.png", golden_file("levels.png"), legend, {.level = bar}),
        want);
  }
  expect_error(
      [&] { read_one("pssl-levels", "n00000003/a.JPEG.png", golden_file("imagenet_s.png"), legend); },
      "labels must be gray or palette PNGs");
  const Bytes ten = encode_label_png(Tensor::full({1, 2}, 10, DType::kInt32));
  expect_error([&] { read_one("pssl-levels", "n00000003/a.JPEG.png", ten, legend); },
               "level 10 at row 0, column 0; levels are 0 to 9");
  const Tensor labels = Tensor::from<std::int32_t>({1, 4}, {0, 3, 255, 3});
  const Kept files = written("pssl-levels", record_of(labels), legend);
  const LabelImage image = decode_label_png(files.files.at("train/n00000003/a.JPEG.png"), "f");
  EXPECT_EQ(image.labels.values<std::int32_t>(), (Labels{0, 9, 255, 9}));
  EXPECT_EQ(image.bits, 8);
  EXPECT_EQ(files.text("train.txt"), "train/n00000003/a.JPEG.png\n");
}

TEST(Labels, PicturesOfIndicesAndIds) {
  const LabelLegend legend = golden_legend();
  const Labels map = golden("map").values<std::int32_t>();
  EXPECT_EQ(read_one("png-palette", "a.png", golden_file("palette.png"), legend), map);
  EXPECT_EQ(read_one("png16", "a.png", golden_file("png16.png"), legend), map);
  LabelLegend many = legend;  // 300 is the last of 300 classes
  for (int c = 4; c <= 300; ++c) many.names.push_back(cat("class ", c));
  many.ignore = 65535;
  Labels wide = map;
  for (std::int32_t& v : wide) v = v == 3 ? 300 : (v == 255 ? 65535 : v);
  EXPECT_EQ(read_one("imagenet-s", "a.png", golden_file("imagenet_s.png"), many), wide);
  expect_error([&] { read_one("imagenet-s", "a.png", golden_file("imagenet_s.png"), legend); },
               "colour (44, 1, 0) at row 5, column 0 is no id of 3 classes; wrong class file?");
  expect_error([&] { read_one("imagenet-s", "a.png", golden_file("palette.png"), legend); },
               "ImageNet-S labels are 8-bit RGB PNGs without interlacing; this one is 8-bit palette");
  LabelLegend few = legend;
  few.names.resize(3);
  expect_error([&] { read_one("png-palette", "a.png", golden_file("palette.png"), few); },
               "value 3 at row 5, column 0; classes are 0 to 2 and 255 is ignored");
}

TEST(Labels, PicturesComeBackFromOurFiles) {
  const LabelLegend legend = golden_legend();
  const Tensor map = golden("map");
  for (const char* format : {"png-palette", "png16", "voc", "imagenet-s"}) {
    const Kept files = written(format, record_of(map), legend);
    const std::string folder = fresh_folder();
    for (const auto& [name, bytes] : files.files) write_file(folder + "/" + name, bytes);
    const std::vector<ReadLabel> labels = read_all(format, folder, legend);
    ASSERT_EQ(labels.size(), 1U) << format;
    EXPECT_EQ(labels[0].picture, "sub/a") << format;
    EXPECT_EQ(labels[0].labels.values<std::int32_t>(), map.values<std::int32_t>()) << format;
  }
  const Kept voc = written("voc", record_of(map), legend);
  EXPECT_EQ(voc.text("ImageSets/Segmentation/default.txt"), "sub/a\n");
  EXPECT_TRUE(voc.text("labelmap.txt")
                  .starts_with("# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\n"));
  const LabelImage image = decode_label_png(voc.files.at("SegmentationClass/sub/a.png"), "f");
  EXPECT_EQ(image.palette[1], (Rgb{128, 0, 0}));
  EXPECT_EQ(image.palette[255], (Rgb{224, 224, 192}));
  const Kept wide = written("png16", record_of(map), legend);
  EXPECT_EQ(
      decode_label_png(wide.files.at("labels/sub/a.png"), "f").labels.values<std::int32_t>()[3 * 11 + 6],
      65535);
  // Ids of ImageNet-S as its README says: R + 256 G, 1000 = (232, 3, 0).
  const Bytes colours = written("imagenet-s", record_of(map), legend).files.at("sub/a.png");
  const Bytes rgb = decode_picture(colours, "f").values<std::uint8_t>();
  const std::size_t ignored = 3 * (3 * 11 + 6), dog = 3 * 8;
  EXPECT_EQ(Bytes(rgb.begin() + ignored, rgb.begin() + ignored + 3), (Bytes{232, 3, 0}));
  EXPECT_EQ(Bytes(rgb.begin() + dog, rgb.begin() + dog + 3), (Bytes{2, 0, 0}));
}

// The thousandth class has ImageNet-S's number for ignored pixels; 8 bits hold 255 classes.
TEST(Labels, ClassesThatDoNotFitAreRefused) {
  LabelLegend legend{.names = std::vector<std::string>(1001, "x"), .background = 0, .ignore = 65535};
  expect_error(
      [&] {
        written("imagenet-s", record_of(Tensor::full({1, 1}, 1000, DType::kInt32)), legend);
      },
      "class 1000 has the id 1000, which means ignored in ImageNet-S: it holds 999 classes");
  EXPECT_FALSE(
      written("imagenet-s", record_of(Tensor::full({1, 1}, 999, DType::kInt32)), legend).files.empty());
  expect_error(
      [&] {
        written("png-palette", record_of(Tensor::full({1, 1}, 255, DType::kInt32)), legend);
      },
      "class 255 does not fit: this format has ids 0 to 254 and 255 for ignored pixels; png16 has more");
  legend.background = 1000;  // ids count the classes without the background: 999 becomes 1000
  expect_error(
      [&] {
        written("imagenet-s", record_of(Tensor::full({1, 1}, 999, DType::kInt32)), legend);
      },
      "class 999 has the id 1000");
}

// docs/formats.md: 255 is ignored in 8-bit labels, even where it would be a class in 16 bits.
TEST(Labels, IgnoredPixelsOfManyClassesComeBackFrom8Bits) {
  const LabelLegend legend{.names = std::vector<std::string>(300, "x"), .background = 0, .ignore = 65535};
  const Labels want = {0, 254, 65535};
  for (const char* format : {"png-palette", "voc"}) {
    const Kept files = written(format, record_of(Tensor::from<std::int32_t>({1, 3}, want)), legend);
    const std::string file =
        format == std::string("voc") ? "SegmentationClass/sub/a.png" : "labels/sub/a.png";
    const std::string folder = fresh_folder();
    write_file(folder + "/" + file, files.files.at(file));
    EXPECT_EQ(read_all(format, folder, legend).at(0).labels.values<std::int32_t>(), want) << format;
  }
  // Without colours 255 is the class: so labels/*.png of many classes are written where no id needs 16 bits.
  const Bytes high = encode_label_png(Tensor::full({1, 1}, 255, DType::kInt32));
  EXPECT_EQ(read_one("png16", "a.png", high, legend), (Labels{255}));
}

TEST(Labels, FormatsAreListed) {
  expect_error([] { label_file_format("tiff"); }, "format 'tiff' is unknown; one of pssl-npz, pssl-levels, ");
  for (const LabelFileFormat& format : label_file_formats()) {
    EXPECT_FALSE(format.files.empty() || format.keeps.empty()) << format.name;
    expect_error([&] { read_all(format.name, fresh_folder(), golden_legend()); }, "labels: ");
  }
}

}  // namespace
}  // namespace clearcut
