// Files that Pillow and a Python PNG writer made (tests/golden/data/pictures.py), and what bad files get.
#include "data/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "data/label_png.h"
#include "tensor/npy.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

const NamedTensors& files() {
  static const NamedTensors arrays = read_npz("tests/golden/data/pictures.npz");
  return arrays;
}
Bytes file(const std::string& name) {
  return find_array(files(), "file:" + name, "pictures.npz").values<std::uint8_t>();
}
Tensor expected(const std::string& key) { return find_array(files(), key, "pictures.npz"); }

void expect_same(const Tensor& got, const Tensor& want, int tolerance, const std::string& what) {
  ASSERT_EQ(got.shape(), want.shape()) << what;
  const auto a = got.values<std::uint8_t>(), b = want.values<std::uint8_t>();
  int worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  EXPECT_LE(worst, tolerance) << what;
}

// Pillow's decoder is libjpeg-turbo: equal bits in the full build. stb_image rounds its inverse DCT, its
// chroma upsampling and its colour conversion otherwise; on the smooth test picture a few levels.
int jpeg_tolerance() { return picture_decoder().find("libjpeg") != std::string::npos ? 0 : 12; }

TEST(Picture, DecodesJpegLikePillow) {
  for (const char* name : {"baseline.jpg", "progressive.jpg", "gray.jpg", "one_pixel.jpg", "one_row.jpg"})
    expect_same(decode_picture(file(name), name), expected(cat("rgb:", name)), jpeg_tolerance(), name);
}

TEST(Picture, AdobeCmykIsInverted) {
  // Pillow multiplies shares of 255 with one more rounding: one level.
  expect_same(decode_picture(file("cmyk_adobe.jpg"), "cmyk"), expected("rgb:cmyk_adobe.jpg"),
              std::max(1, jpeg_tolerance()), "cmyk");
}

TEST(Picture, DecodesEveryKindOfPng) {
  for (const char* name :
       {"rgb.png", "gray.png", "palette.png", "alpha.png", "rgb16.png", "gray16.png", "gray1.png"})
    expect_same(decode_picture(file(name), name), expected(cat("rgb:", name)), 0, name);
}

TEST(Picture, ContentDecidesNotTheName) {
  const std::string path = testing::TempDir() + "really_a_png.JPEG";
  write_file(path, file("rgb.png"));
  expect_same(read_picture(path), expected("rgb:rgb.png"), 0, path);
}

TEST(Picture, ExifOrientationIsIgnoredUnlessAsked) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::string name = cat("exif", orientation, ".jpg");
    EXPECT_EQ(picture_info(file(name), name).orientation, orientation);
    expect_same(decode_picture(file(name), name), expected("rgb:" + name), jpeg_tolerance(), name);
    expect_same(decode_picture(file(name), name, {.apply_exif = true}), expected("upright:" + name),
                jpeg_tolerance(), name);
  }
}

TEST(Picture, EncodedPngsComeBack) {
  for (const char* key : {"rgb:rgb.png", "rgb:alpha.png", "rgb:one_pixel.jpg", "rgb:one_row.jpg"}) {
    const Bytes png = encode_png(expected(key));
    expect_same(decode_picture(png, key), expected(key), 0, key);
    EXPECT_EQ(png, encode_png(expected(key)));
  }
  expect_error([] { encode_png(Tensor::zeros({2, 2, 3})); }, "must be uint8 [H, W, 3]");
}

TEST(Picture, LongThinPicturesWorkAndTheByteLimitHolds) {
  const Tensor strip = Tensor::full({1, 20000, 3}, 9, DType::kUInt8);
  const Bytes png = encode_png(strip);
  expect_same(decode_picture(png, "strip"), strip, 0, "strip");
  EXPECT_EQ(decode_picture(encode_png(Tensor::zeros({20000, 1, 3}, DType::kUInt8)), "column").dim(0), 20000);
  expect_error([&] { decode_picture(png, "strip.png", {.max_bytes = 59999}); },
               "strip.png: 1 x 20000 pixels take 60000 bytes, more than the limit of 59999");
  EXPECT_EQ(decode_picture(png, "strip.png", {.max_bytes = 60000}).dim(1), 20000);
}

// The frame header of a JPEG can claim 65535 x 65535: refused by its header, with nothing decoded.
TEST(Picture, SizesAreCheckedBeforeDecoding) {
  Bytes bytes = file("baseline.jpg");
  const std::uint8_t frame[] = {0xFF, 0xC0};
  const auto at = std::search(bytes.begin(), bytes.end(), std::begin(frame), std::end(frame));
  ASSERT_NE(at, bytes.end());
  std::fill(at + 5, at + 9, std::uint8_t{0xFF});
  expect_error([&] { decode_picture(bytes, "huge.jpg"); },
               "huge.jpg: 65535 x 65535 pixels take 12884508675 bytes");
}

TEST(Picture, TruncatedFilesAreNamed) {
  for (const char* name : {"baseline.jpg", "progressive.jpg", "cmyk_adobe.jpg", "rgb.png", "palette.png"}) {
    const Bytes whole = file(name);
    for (std::size_t cut = 0; cut < whole.size(); cut += 1 + whole.size() / 40)
      expect_error(
          [&] { decode_picture(Bytes(whole.begin(), whole.begin() + static_cast<long>(cut)), name); }, name);
  }
}

TEST(Picture, DamagedFilesNeverCrash) {
  for (const char* name : {"baseline.jpg", "progressive.jpg", "gray.jpg", "rgb.png", "label_palette4.png"}) {
    const Bytes whole = file(name);
    for (std::size_t i = 0; i < whole.size(); i += 3) {
      Bytes bad = whole;
      bad[i] ^= 0x55;
      try {
        decode_picture(bad, name);
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
      }
    }
  }
}

TEST(Picture, OtherFilesAreRefused) {
  expect_error([] { decode_picture(Bytes{}, "none.jpg"); }, "none.jpg: the file is empty");
  expect_error(
      [] {
        decode_picture(Bytes{'G', 'I', 'F', '8', '9', 'a'}, "a.jpg");
      },
      "a.jpg: neither JPEG nor PNG");
  expect_error([] { read_picture("no/such/file.jpg"); }, "no/such/file.jpg");
}

TEST(LabelPng, ReadsIndicesOfEveryDepthNeverColours) {
  for (const int bits : {1, 2, 4, 8, 16}) {
    for (const char* kind : {"gray", "palette"}) {
      if (bits == 16 && std::string(kind) == "palette") continue;
      const std::string name = cat("label_", kind, bits, ".png");
      const LabelImage image = decode_label_png(file(name), name);
      EXPECT_EQ(image.labels.values<std::int32_t>(), expected("labels:" + name).values<std::int32_t>())
          << name;
      EXPECT_EQ(image.labels.shape(), Shape({13, 11}));
      EXPECT_EQ(image.bits, bits);
      EXPECT_EQ(image.palette.empty(), std::string(kind) == "gray");
    }
  }
  const auto colours = expected("palette:label_palette4.png").values<std::uint8_t>();
  EXPECT_EQ(decode_label_png(file("label_palette4.png"), "p").palette[15],
            (Rgb{colours[45], colours[46], colours[47]}));
  EXPECT_EQ(decode_label_png(file("label_pil_palette.png"), "p").labels.values<std::int32_t>(),
            expected("labels:label_pil_palette.png").values<std::int32_t>());
}

TEST(LabelPng, RefusesWhatIsNoLabelMap) {
  expect_error([] { decode_label_png(file("rgb.png"), "m.png"); },
               "m.png: labels must be gray or palette PNGs, this one is RGB");
  expect_error([] { decode_label_png(file("alpha.png"), "m.png"); }, "this one is RGBA");
  expect_error([] { decode_label_png(file("label_interlaced.png"), "m.png"); }, "m.png: interlaced");
  expect_error([] { decode_label_png(file("baseline.jpg"), "m.png"); }, "m.png: not a PNG file");
  expect_error([] { decode_label_png(file("label_gray8.png"), "m.png", 100); },
               "m.png: 13 x 11 labels take 572 bytes, more than the limit of 100");
}

TEST(LabelPng, EveryDamagedByteIsFound) {
  for (const char* name : {"label_gray16.png", "label_palette2.png"}) {
    const Bytes whole = file(name);
    for (std::size_t i = 0; i < whole.size(); ++i) {
      Bytes bad = whole;
      bad[i] ^= 0x10;
      expect_error([&] { decode_label_png(bad, name); }, name);
      expect_error(
          [&] { decode_label_png(Bytes(whole.begin(), whole.begin() + static_cast<long>(i)), name); }, name);
    }
  }
}

TEST(LabelPng, WritesGrayPaletteAndSixteenBits) {
  const Tensor small = Tensor::from<std::int32_t>({2, 3}, {0, 1, 20, 255, 7, 3});
  const Tensor large = Tensor::from<std::int32_t>({1, 3}, {0, 1000, 65535});
  const LabelImage gray = decode_label_png(encode_label_png(small), "gray");
  EXPECT_EQ(gray.labels.values<std::int32_t>(), small.values<std::int32_t>());
  EXPECT_EQ(gray.bits, 8);
  EXPECT_TRUE(gray.palette.empty());
  const LabelImage wide = decode_label_png(encode_label_png(large), "wide");
  EXPECT_EQ(wide.labels.values<std::int32_t>(), large.values<std::int32_t>());
  EXPECT_EQ(wide.bits, 16);
  const LabelImage colour = decode_label_png(encode_label_png(small, {.palette = voc_palette(21)}), "colour");
  EXPECT_EQ(colour.labels.values<std::int32_t>(), small.values<std::int32_t>());
  ASSERT_EQ(colour.palette.size(), 256U);  // the largest id is 255
  EXPECT_EQ(colour.palette[20], (Rgb{0, 64, 128}));
  // Another reader sees the palette's colours: 20 is a monitor in VOC.
  const Tensor seen = decode_picture(encode_label_png(small, {.palette = voc_palette()}), "seen");
  EXPECT_EQ(seen.values<std::uint8_t>()[6], 0);
  EXPECT_EQ(seen.values<std::uint8_t>()[7], 64);
  EXPECT_EQ(seen.values<std::uint8_t>()[8], 128);
}

TEST(LabelPng, RefusesIdsThatDoNotFit) {
  const Tensor large = Tensor::from<std::int32_t>({1, 2}, {1, 256});
  expect_error([&] { encode_label_png(large, {.format = LabelFormat::kGray8}); },
               "8-bit labels hold ids 0 to 255; row 0, column 1 has 256");
  expect_error([] { encode_label_png(Tensor::full({1, 1}, -1, DType::kInt32)); }, "row 0, column 0 has -1");
  expect_error(
      [] {
        encode_label_png(Tensor::full({1, 1}, 65536, DType::kInt32));
      },
      "16-bit labels hold ids 0 to 65535");
  expect_error([&] { encode_label_png(large, {.format = LabelFormat::kPalette8}); }, "needs options.palette");
}

// The colour table of the VOC development kit's documentation.
TEST(LabelPng, VocPalette) {
  const std::vector<Rgb> palette = voc_palette();
  EXPECT_EQ(palette[0], (Rgb{0, 0, 0}));
  EXPECT_EQ(palette[1], (Rgb{128, 0, 0}));
  EXPECT_EQ(palette[2], (Rgb{0, 128, 0}));
  EXPECT_EQ(palette[8], (Rgb{64, 0, 0}));
  EXPECT_EQ(palette[15], (Rgb{192, 128, 128}));
  EXPECT_EQ(palette[255], (Rgb{224, 224, 192}));
}

}  // namespace
}  // namespace clearcut
