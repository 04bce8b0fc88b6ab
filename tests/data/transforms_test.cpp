// Resizing and colour changes against Pillow and OpenCV (tests/golden/data/transforms.py); the rest by hand.
#include "data/transforms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "tensor/npy.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

const NamedTensors& golden() {
  static const NamedTensors arrays = read_npz("tests/golden/data/transforms.npz");
  return arrays;
}
Tensor array(const std::string& name) { return find_array(golden(), name, "transforms.npz"); }

using Bytes8 = std::vector<std::uint8_t>;
const std::pair<std::int64_t, std::int64_t> kSizes[] = {{23, 31}, {7, 9}, {40, 50},
                                                        {11, 62}, {1, 1}, {46, 15}};

TEST(Resize, TriangleEqualsPillowBitByBit) {
  for (const auto& [height, width] : kSizes)
    EXPECT_EQ(resize_picture(array("picture"), height, width, Filter::kTriangle).values<std::uint8_t>(),
              array(cat("triangle:", height, "x", width)).values<std::uint8_t>())
        << height << "x" << width;
  const Box box{.top = 1.5, .left = 2.25, .height = 20.375, .width = 23.5};
  EXPECT_EQ(resize_box(array("picture"), box, 12, 13).values<std::uint8_t>(),
            array("box").values<std::uint8_t>());
}

TEST(Resize, BilinearEqualsOpenCv) {
  for (const auto& [height, width] : kSizes) {
    const auto want = array(cat("bilinear:", height, "x", width)).values<float>();
    const Tensor x = array("picture").to(DType::kFloat32);
    const auto got = resize_picture(x, height, width, Filter::kBilinear).values<float>();
    const auto bytes =
        resize_picture(array("picture"), height, width, Filter::kBilinear).values<std::uint8_t>();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      // Weights are float32 on both sides: positions up to 62 carry 2^-19 of rounding, times values of 255.
      EXPECT_NEAR(got[i], want[i], 255 * 4e-6) << height << "x" << width << " " << i;
      EXPECT_NEAR(bytes[i], want[i], 0.5 + 1e-3);
    }
  }
}

TEST(Resize, CubicEqualsPillowBitByBit) {
  for (const auto& [height, width] : kSizes)
    EXPECT_EQ(resize_picture(array("picture"), height, width, Filter::kCubic).values<std::uint8_t>(),
              array(cat("cubic:", height, "x", width)).values<std::uint8_t>())
        << height << "x" << width;
}

// OpenCV sums bytes in float32 or, for whole factors, in integers, and rounds ties to even: 1 of 255.
TEST(Resize, AreaAndNearestEqualOpenCv) {
  for (const auto& [height, width] : kSizes) {
    const std::string size = cat(height, "x", width);
    EXPECT_EQ(resize_picture(array("picture"), height, width, Filter::kNearest).values<std::uint8_t>(),
              array("nearest picture:" + size).values<std::uint8_t>())
        << size;
    const auto want = array("area:" + size).values<std::uint8_t>();
    const auto got = resize_picture(array("picture"), height, width, Filter::kArea).values<std::uint8_t>();
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1) << size << " " << i;
  }
}

TEST(Resize, FiltersHaveNames) {
  for (const Filter f :
       {Filter::kBilinear, Filter::kTriangle, Filter::kCubic, Filter::kArea, Filter::kNearest})
    EXPECT_EQ(filter_from_name(name_of(f)), f);
  expect_error([] { filter_from_name("lanczos"); },
               "no filter is called 'lanczos'; there are bilinear, triangle");
}

TEST(Resize, LabelsEqualOpenCvNearest) {
  for (const auto& [height, width] : kSizes)
    EXPECT_EQ(resize_labels(array("labels"), height, width).values<std::int32_t>(),
              array(cat("nearest:", height, "x", width)).values<std::int32_t>());
}

TEST(Resize, CentreSquares) {
  const Box exact = centre_square(100, 75);  // side 65.625
  EXPECT_EQ(exact.height, 65.625);
  EXPECT_EQ(exact.top, 17.1875);
  EXPECT_EQ(exact.left, 4.6875);
  const Box pixels = centre_square_pixels(100, 75);  // side 66, corner (17, 4.5 -> 4)
  EXPECT_EQ(pixels.height, 66);
  EXPECT_EQ(pixels.top, 17);
  EXPECT_EQ(pixels.left, 4);
}

// A constant picture stays constant under any resampling: weights sum to 1.
TEST(Resize, ConstantsStay) {
  for (const Filter filter : {Filter::kBilinear, Filter::kTriangle})
    for (const std::int64_t side : {1, 3, 20000}) {
      const Tensor y = resize_picture(Tensor::full({5, 2, 3}, 201, DType::kUInt8), 2, side, filter);
      EXPECT_EQ(y.values<std::uint8_t>(), Bytes8(static_cast<std::size_t>(6 * side), 201));
    }
}

TEST(Resize, BadCallsNameTheRule) {
  const Tensor x = Tensor::zeros({4, 4, 3}, DType::kUInt8);
  expect_error([&] { resize_picture(x, 0, 4); }, "the new size must be 1 x 1 or more, got 0 x 4");
  expect_error([&] { resize_box(x, {0, 0, 4.5, 4}, 2, 2); }, "must lie inside the picture [4, 4, 3]");
  expect_error([&] { resize_picture(Tensor::zeros({4, 4}), 2, 2); }, "[H, W, C]");
  expect_error([&] { crop(x, 2, 0, 3, 4); }, "rows 2 to 5");
}

TEST(Resize, NetworkInputByHand) {
  const Tensor x = Tensor::from<std::uint8_t>({1, 2, 3}, {10, 20, 30, 40, 50, 60});
  EXPECT_EQ(to_network_input(x, {.mean = {10, 20, 30}, .scale = {1, 2, 0.5}}).values<float>(),
            (std::vector<float>{0, 30, 0, 60, 0, 15}));
  EXPECT_EQ(to_network_input(x, {.mean = {104, 117, 123}, .scale = {1, 1, 1}, .bgr = true}).values<float>(),
            (std::vector<float>{30 - 104, 60 - 104, 20 - 117, 50 - 117, 10 - 123, 40 - 123}));
}

TEST(Enhance, EqualsPillowBitByBit) {
  const Tensor x = array("picture");
  for (const char* text : {"0", "0.37", "0.8", "1", "1.25", "1.9"}) {
    const double factor = std::atof(text);
    const std::string end = cat(":", text);
    EXPECT_EQ(enhance_brightness(x, factor).values<std::uint8_t>(),
              array("brightness" + end).values<std::uint8_t>());
    EXPECT_EQ(enhance_contrast(x, factor).values<std::uint8_t>(),
              array("contrast" + end).values<std::uint8_t>());
    EXPECT_EQ(enhance_saturation(x, factor).values<std::uint8_t>(),
              array("saturation" + end).values<std::uint8_t>());
    EXPECT_EQ(enhance_sharpness(x, factor).values<std::uint8_t>(),
              array("sharpness" + end).values<std::uint8_t>());
  }
  for (const char* text : {"-18", "-7.6", "0", "5.5", "17.9"})
    EXPECT_EQ(shift_hue(x, std::atof(text)).values<std::uint8_t>(),
              array(cat("hue:", text)).values<std::uint8_t>())
        << text;
  EXPECT_EQ(shift_hue(array("corners"), 11).values<std::uint8_t>(),
            array("corners_hue:11").values<std::uint8_t>());
}

LabelledPicture ramp(std::int64_t height, std::int64_t width) {
  LabelledPicture x{Tensor({height, width, 3}), Tensor({height, width}, DType::kInt32)};
  float* image = x.image.data<float>();
  auto* labels = x.labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < height * width; ++i) {
    labels[i] = static_cast<std::int32_t>(i);
    std::fill_n(image + 3 * i, 3, static_cast<float>(i));
  }
  return x;
}

// Sides round half to even, as Python's round: 3 * 250 / 100 = 7.5 -> 8, 5 * 250 / 100 = 12.5 -> 12.
TEST(Transforms, ShortAndLongSideRoundHalfToEven) {
  LabelledPicture x = ramp(100, 3);
  resize_by_long(x, 250);
  EXPECT_EQ(x.image.shape(), Shape({250, 8, 3}));
  EXPECT_EQ(x.labels.shape(), Shape({250, 8}));
  LabelledPicture y = ramp(100, 5);
  resize_by_long(y, 250);
  EXPECT_EQ(y.image.shape(), Shape({250, 12, 3}));
  LabelledPicture z = ramp(20, 30);
  z.labels = Tensor::zeros({40, 60}, DType::kInt32);  // a PSSL mask of another size, same ratio
  resize_by_short(z, 10);
  EXPECT_EQ(z.image.shape(), Shape({10, 15, 3}));
  EXPECT_EQ(z.labels.shape(), Shape({10, 15}));
}

// min 0.5, max 2, step 0.25: n = int(1.5 / 0.25 + 1) = 7 factors, each side of 100 one of 50, 75, ..., 200.
TEST(Transforms, StepScalingDrawsFromTheGrid) {
  std::set<std::int64_t> sides;
  for (std::uint64_t item = 0; item < 100; ++item) {
    LabelledPicture x{Tensor::zeros({100, 4, 3}), {}};
    resize_step_scaling(x, {}, {.seed = 1, .item = item});
    sides.insert(x.image.dim(0));
  }
  EXPECT_EQ(sides, (std::set<std::int64_t>{50, 75, 100, 125, 150, 175, 200}));
  LabelledPicture x{Tensor::zeros({100, 4, 3}), {}};
  resize_step_scaling(x, {.min = 1.5, .max = 1.5, .step = 0}, {});
  EXPECT_EQ(x.image.dim(0), 150);
}

TEST(Transforms, PaddingCropPadsRightAndBottom) {
  LabelledPicture x = ramp(2, 2);
  random_padding_crop(x, {.height = 3, .width = 4, .label_value = 1001}, {});
  EXPECT_EQ(x.labels.values<std::int32_t>(),
            (std::vector<std::int32_t>{0, 1, 1001, 1001, 2, 3, 1001, 1001, 1001, 1001, 1001, 1001}));
  const auto image = x.image.values<float>();
  EXPECT_EQ(image[3], 1.0F);
  EXPECT_EQ(image[6], 127.5F);
  EXPECT_EQ(image[35], 127.5F);
}

TEST(Transforms, PaddingCropReachesEveryPlaceAndKeepsPairsTogether) {
  std::set<std::int32_t> corners;
  for (std::uint64_t item = 0; item < 200; ++item) {
    LabelledPicture x = ramp(4, 5);
    random_padding_crop(x, {.height = 3, .width = 2}, {.item = item});
    const auto labels = x.labels.values<std::int32_t>();
    corners.insert(labels[0]);
    EXPECT_EQ(labels[5], labels[0] + 11);  // two rows of 5 down, one to the right
    EXPECT_EQ(x.image.values<float>()[15], static_cast<float>(labels[5]));
  }
  EXPECT_EQ(corners, (std::set<std::int32_t>{0, 1, 2, 3, 5, 6, 7, 8}));
  LabelledPicture same = ramp(3, 2);
  random_padding_crop(same, {.height = 3, .width = 2}, {});
  EXPECT_EQ(same.labels.values<std::int32_t>(), ramp(3, 2).labels.values<std::int32_t>());
}

TEST(Transforms, FlipMirrorsBoth) {
  LabelledPicture x = ramp(1, 3);
  random_horizontal_flip(x, 1.0, {});
  EXPECT_EQ(x.labels.values<std::int32_t>(), (std::vector<std::int32_t>{2, 1, 0}));
  EXPECT_EQ(x.image.values<float>(), (std::vector<float>{2, 2, 2, 1, 1, 1, 0, 0, 0}));
  random_horizontal_flip(x, 0.0, {});
  EXPECT_EQ(x.labels.values<std::int32_t>()[0], 2);
  int flips = 0;
  for (std::uint64_t item = 0; item < 400; ++item) {
    LabelledPicture y = ramp(1, 2);
    random_horizontal_flip(y, 0.5, {.item = item});
    flips += y.labels.values<std::int32_t>()[0];
  }
  EXPECT_NEAR(flips, 200, 40);  // four deviations of a fair coin thrown 400 times
}

TEST(Transforms, DistortIsKeyedAndCanBeSwitchedOff) {
  const LabelledPicture base = to_sample(array("picture"));
  const auto run = [&](const Distort& options, const RandomKey& key) {
    LabelledPicture x = base;
    random_distort(x, options, key);
    return x.image.values<float>();
  };
  EXPECT_EQ(run({}, {1, 2, 3}), run({}, {1, 2, 3}));
  std::set<std::vector<float>> different;
  for (std::uint32_t step = 0; step < 8; ++step) different.insert(run({}, {1, 2, step}));
  EXPECT_GT(different.size(), 4U);
  const Distort never{.brightness_chance = 0, .contrast_chance = 0, .saturation_chance = 0, .hue_chance = 0};
  EXPECT_EQ(run(never, {}), base.image.values<float>());
  // Ranges of 0 leave factor 1, which changes nothing (hue apart: its round trip through HSV rounds).
  const Distort still{.brightness = 0,
                      .contrast = 0,
                      .saturation = 0,
                      .sharpness = 0,
                      .brightness_chance = 1,
                      .contrast_chance = 1,
                      .saturation_chance = 1,
                      .sharpness_chance = 1,
                      .hue_chance = 0};
  EXPECT_EQ(run(still, {}), base.image.values<float>());
}

TEST(Transforms, PaddingIsRemovedByItsRecord) {
  LabelledPicture x = ramp(2, 3);
  const PaddedFrom from = pad_to(x, {.height = 4, .width = 5});
  EXPECT_EQ(x.image.shape(), Shape({4, 5, 3}));
  EXPECT_EQ(crop(x.labels, 0, 0, from.height, from.width).values<std::int32_t>(),
            ramp(2, 3).labels.values<std::int32_t>());
  expect_error([&] { pad_to(x, {.height = 3, .width = 5}); }, "4 x 5 is larger than 3 x 5");
}

TEST(Transforms, ResizedCropKeepsAreaAndAspect) {
  for (std::uint64_t item = 0; item < 50; ++item) {
    LabelledPicture x{Tensor::full({40, 60, 3}, 7), {}};
    random_resized_crop(x, {.height = 8, .width = 9}, {.item = item});
    EXPECT_EQ(x.image.shape(), Shape({8, 9, 3}));
    for (const float v : x.image.values<float>()) EXPECT_NEAR(v, 7.0F, 1e-5);  // weights sum to 1
  }
}

// Bit by bit, from the definitions. Sources of output i of n lie at (i + 0.5) * in / n - 0.5, cut at the
// border.
TEST(Transforms, ScalingByHand) {
  LabelledPicture x{Tensor::from<float>({1, 2, 3}, {0, 8, 16, 100, 108, 116}),
                    Tensor::from<std::int32_t>({1, 2}, {3, 9})};
  resize_step_scaling(x, {.min = 2, .max = 2, .step = 0}, {});  // at -0.25, 0.25, 0.75, 1.25 of 0 to 1
  EXPECT_EQ(x.image.shape(), Shape({2, 4, 3}));
  const std::vector<float> row = {0, 8, 16, 25, 33, 41, 75, 83, 91, 100, 108, 116};
  std::vector<float> rows = row;
  rows.insert(rows.end(), row.begin(), row.end());
  EXPECT_EQ(x.image.values<float>(), rows);
  EXPECT_EQ(x.labels.values<std::int32_t>(), (std::vector<std::int32_t>{3, 3, 9, 9, 3, 3, 9, 9}));

  LabelledPicture y = ramp(4, 4);  // halved: centres at 0.5 and 2.5, so the mean of 2 x 2; labels 0 and 2
  resize_by_short(y, 2);
  std::vector<float> means;
  for (const float v : {2.5F, 4.5F, 10.5F, 12.5F}) means.insert(means.end(), 3, v);
  EXPECT_EQ(y.image.values<float>(), means);
  EXPECT_EQ(y.labels.values<std::int32_t>(), (std::vector<std::int32_t>{0, 2, 8, 10}));

  LabelledPicture z = ramp(1, 5);  // no averaging when shrinking by 2.5: 5 -> 2 at 0.75 and 3.25
  resize_by_long(z, 2);
  EXPECT_EQ(z.image.values<float>(), (std::vector<float>{0.75F, 0.75F, 0.75F, 3.25F, 3.25F, 3.25F}));
  EXPECT_EQ(z.labels.values<std::int32_t>(), (std::vector<std::int32_t>{0, 2}));  // floor(2.5)
}

// Blends base + factor (pixel - base), cut to 0..255 and truncated; base: black, mean gray, gray.
TEST(Transforms, ColoursByHand) {
  const Tensor two = Tensor::from<std::uint8_t>({1, 2, 3}, {255, 0, 0, 101, 101, 101});
  EXPECT_EQ(enhance_brightness(two, 0.5).values<std::uint8_t>(), (Bytes8{127, 0, 0, 50, 50, 50}));
  EXPECT_EQ(enhance_brightness(two, 1.5).values<std::uint8_t>(), (Bytes8{255, 0, 0, 151, 151, 151}));
  // Grays 0.299 * 255 = 76 and 101; their mean 88.5 is rounded to 89.
  EXPECT_EQ(enhance_contrast(two, 0.5).values<std::uint8_t>(), (Bytes8{172, 44, 44, 95, 95, 95}));
  EXPECT_EQ(enhance_contrast(two, 2).values<std::uint8_t>(), (Bytes8{255, 0, 0, 113, 113, 113}));
  EXPECT_EQ(enhance_saturation(two, 0.5).values<std::uint8_t>(), (Bytes8{165, 38, 38, 101, 101, 101}));
  // Red is H = 0. 18 of 255 are 0.4235 of a sixth: green 255 * 0.4235 = 108. -18 wraps to 238, of the last
  // sixth 0.6: blue 255 * (1 - 0.6) = 102.
  EXPECT_EQ(shift_hue(two, 18).values<std::uint8_t>(), (Bytes8{255, 108, 0, 101, 101, 101}));
  EXPECT_EQ(shift_hue(two, -18).values<std::uint8_t>(), (Bytes8{255, 0, 102, 101, 101, 101}));
}

// A fraction of the image is cut off when it becomes uint8, whatever is done to it.
TEST(Transforms, DistortTruncatesToBytes) {
  LabelledPicture x{Tensor::from<float>({1, 1, 3}, {1.9F, 127.5F, 254.99F}), {}};
  random_distort(x, {.brightness_chance = 0, .contrast_chance = 0, .saturation_chance = 0, .hue_chance = 0},
                 {});
  EXPECT_EQ(x.image.values<float>(), (std::vector<float>{1, 127, 254}));
}

TEST(Transforms, NormalizeByHand) {
  const Tensor x = Tensor::from<float>({1, 1, 3}, {0, 127.5F, 255});
  EXPECT_EQ(normalize(x).values<float>(), (std::vector<float>{-1, 0, 1}));
}

}  // namespace
}  // namespace clearcut
