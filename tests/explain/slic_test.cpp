#include "explain/slic.h"

#include <gtest/gtest.h>

#include <set>

#include "explain/lab.h"
#include "explain/regions.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {
namespace {

Tensor noise_picture(std::int64_t H, std::int64_t W) {
  Tensor picture({H, W, 3}, DType::kUInt8);
  const RandomStream stream(3, "slic test");
  std::uint8_t* p = picture.data<std::uint8_t>();
  for (std::int64_t i = 0; i < picture.numel(); ++i) p[i] = static_cast<std::uint8_t>(stream.below(i, 256));
  return picture;
}

// Left half dark blue, right half orange; the border stands between columns 12 and 13.
Tensor two_colours(std::int64_t H, std::int64_t W, std::int64_t border) {
  Tensor picture({H, W, 3}, DType::kUInt8);
  std::uint8_t* p = picture.data<std::uint8_t>();
  for (std::int64_t i = 0; i < H * W; ++i) {
    const bool left = i % W < border;
    p[i * 3] = left ? 20 : 240;
    p[i * 3 + 1] = left ? 30 : 140;
    p[i * 3 + 2] = left ? 120 : 10;
  }
  return picture;
}

// Numbers of OpenCV 4.6 (COLOR_RGB2Lab on float32). Its tables move in steps of about 0.25.
TEST(Lab, OpenCvsNumbers) {
  const double cases[][6] = {
      {1, 0, 0, 53.2410, 80.0938, 67.2031},       {0, 1, 0, 87.7380, -86.1875, 83.1719},
      {0, 0, 1, 32.2937, 79.1875, -107.8594},     {1, 1, 1, 100, 0, 0},
      {0.2, 0.4, 0.6, 41.8884, 0.0625, -32.9844}, {0.01, 0.02, 0.03, 1.2695, -0.2969, -1.1719}};
  for (const auto& c : cases) {
    const auto lab = srgb_to_lab(c[0], c[1], c[2]);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(lab[i], c[3 + i], 0.25) << c[0] << " " << c[1];
  }
}

// cv2.GaussianBlur(x, (5, 5), 1.2, borderType=BORDER_REFLECT) of the squares 0, 1, 4 ... 121, OpenCV 4.6.
TEST(Lab, SmoothIsOpenCvsGaussianWithMirroredBorder) {
  std::vector<double> squares;
  for (int i = 0; i < 12; ++i) squares.push_back(i * i);
  const std::vector<double> expected = {13.40027037, 17.15640659, 22.95464856, 27.39937738,
                                        31.17275047, 37.27526899, 46.39142739, 53.18253852,
                                        49.42874154, 57.87764237, 70.31171719, 79.44921063};
  const auto y = smooth(Tensor::from<double>({3, 4, 1}, squares), 1.2, 2).values<double>();
  for (std::size_t i = 0; i < 12; ++i) EXPECT_NEAR(y[i], expected[i], 1e-7);
}

TEST(Slic, OneColourGivesTheGrid) {
  const Tensor labels = slic(two_colours(20, 20, 0), {.segments = 4});
  ASSERT_EQ(region_count(labels), 4);
  const std::int32_t* p = labels.data<const std::int32_t>();
  for (int y = 0; y < 20; ++y)
    for (int x = 0; x < 20; ++x)
      if (y != 10 && x != 10) {  // rows and columns 10 are as near to the one side as to the other
        EXPECT_EQ(p[y * 20 + x], (y > 10) * 2 + (x > 10)) << y << " " << x;
      }
}

TEST(Slic, FollowsAnEdgeExactly) {
  const Tensor labels = slic(two_colours(24, 30, 13), {.segments = 20});
  std::set<std::int32_t> left, right;
  const std::int32_t* p = labels.data<const std::int32_t>();
  for (int i = 0; i < 24 * 30; ++i) (i % 30 < 13 ? left : right).insert(p[i]);
  for (const std::int32_t label : left) EXPECT_EQ(right.count(label), 0u) << "region " << label << " crosses";
  EXPECT_GE(left.size(), 4u);
  EXPECT_GE(right.size(), 4u);
}

TEST(Slic, RegionsAreConnectedAndOfFairSize) {
  const Tensor labels = slic(noise_picture(41, 57), {.segments = 30});
  EXPECT_EQ(connect_regions(labels).values<std::int32_t>(), labels.values<std::int32_t>());
  std::vector<int> sizes(static_cast<std::size_t>(region_count(labels)));
  for (const std::int32_t label : labels.values<std::int32_t>()) ++sizes[static_cast<std::size_t>(label)];
  for (const int size : sizes) EXPECT_GE(size, 41 * 57 / 30 / 2);
}

TEST(Slic, SameLabelsForAnyNumberOfThreads) {
  const Tensor picture = noise_picture(50, 40);
  set_threads(1);
  const auto one = slic(picture).values<std::int32_t>();
  set_threads(4);
  const auto four = slic(picture).values<std::int32_t>();
  set_threads(0);
  EXPECT_EQ(one, four);
}

TEST(Slic, SidesOfOnePixel) {
  EXPECT_EQ(slic(noise_picture(1, 1)).values<std::int32_t>(), std::vector<std::int32_t>{0});
  EXPECT_EQ(region_count(slic(two_colours(1, 60, 0), {.segments = 6})), 6);
  EXPECT_EQ(region_count(slic(two_colours(60, 1, 0), {.segments = 6})), 6);
  const auto row = slic(two_colours(1, 60, 30), {.segments = 6}).values<std::int32_t>();
  EXPECT_NE(row[29], row[30]);
}

TEST(Slic, RefusesWrongInput) {
  EXPECT_THROW(slic(Tensor({4, 4, 3})), Error);
  EXPECT_THROW(slic(noise_picture(4, 4), {.segments = 0}), Error);
  EXPECT_THROW(slic(noise_picture(4, 4), {.compactness = 0}), Error);
}

//  0 0 1      the lone 1 in the corner merges; the two pieces of 0 get names of their own
//  2 2 2
//  0 0 2
TEST(Regions, SplitsAndMergesByHand) {
  const Tensor labels = Tensor::from<std::int32_t>({3, 3}, {0, 0, 1, 2, 2, 2, 0, 0, 2});
  EXPECT_EQ(connect_regions(labels).values<std::int32_t>(),
            (std::vector<std::int32_t>{0, 0, 1, 2, 2, 2, 3, 3, 2}));
  EXPECT_EQ(connect_regions(labels, {.min_size = 2}).values<std::int32_t>(),
            (std::vector<std::int32_t>{0, 0, 0, 1, 1, 1, 2, 2, 1}));
  EXPECT_EQ(connect_regions(labels, {.min_size = 100}).values<std::int32_t>(),
            std::vector<std::int32_t>(9, 0));
}

TEST(Regions, LargeRegionsAreCut) {
  const Tensor labels = Tensor::zeros({1, 7}, DType::kInt32);
  EXPECT_EQ(connect_regions(labels, {.max_size = 3}).values<std::int32_t>(),
            (std::vector<std::int32_t>{0, 0, 0, 1, 1, 1, 2}));
}

TEST(Regions, MeansAndPaint) {
  const Tensor regions = Tensor::from<std::int32_t>({2, 2}, {0, 1, 1, 0});
  const Tensor values = Tensor::from<float>({2, 2}, {1, 5, 6, 4});
  EXPECT_EQ(region_means(values, regions).values<float>(), (std::vector<float>{2.5, 5.5, 5.5, 2.5}));
  EXPECT_EQ(paint_regions(regions, {7, 8}).values<float>(), (std::vector<float>{7, 8, 8, 7}));
  EXPECT_THROW(paint_regions(regions, {7}), Error);
  EXPECT_THROW(region_count(Tensor::from<std::int32_t>({1, 1}, {-1})), Error);
}

}  // namespace
}  // namespace clearcut
