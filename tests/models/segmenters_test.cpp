// Segmentation networks that are made by name: sizes, shapes, what they refuse; and the parts of their heads.
#include <gtest/gtest.h>

#include <cmath>

#include "models/build.h"
#include "models/deeplab.h"
#include "models/ocrnet.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

struct Size {
  const char* name;
  std::int64_t classes, parameters;
};
void PrintTo(const Size& s, std::ostream* out) { *out << s.name << " with " << s.classes << " classes"; }

class PublishedSegmenter : public testing::TestWithParam<Size> {};

TEST_P(PublishedSegmenter, HasThePublishedSize) {
  const Size& s = GetParam();
  const auto net = make_segmenter({.name = s.name, .classes = s.classes});
  EXPECT_EQ(net->registry().parameter_count(), s.parameters);
}

// Added up from the layer lists of PaddleSeg's three networks, auxiliary heads included, for CamVid,
// Cityscapes, Pascal VOC, Pascal Context, ADE20K and PSSL.
INSTANTIATE_TEST_SUITE_P(PspNet, PublishedSegmenter,
                         testing::Values(Size{"pspnet_resnet50_vd", 11, 67'853'686},
                                         Size{"pspnet_resnet50_vd", 19, 67'863'942},
                                         Size{"pspnet_resnet50_vd", 21, 67'866'506},
                                         Size{"pspnet_resnet50_vd", 60, 67'916'504},
                                         Size{"pspnet_resnet50_vd", 150, 68'031'884},
                                         Size{"pspnet_resnet50_vd", 1001, 69'122'866}));
INSTANTIATE_TEST_SUITE_P(DeepLabV3, PublishedSegmenter,
                         testing::Values(Size{"deeplabv3_resnet50_vd", 11, 39'066'475},
                                         Size{"deeplabv3_resnet50_vd", 19, 39'068'531},
                                         Size{"deeplabv3_resnet50_vd", 21, 39'069'045},
                                         Size{"deeplabv3_resnet50_vd", 60, 39'079'068},
                                         Size{"deeplabv3_resnet50_vd", 150, 39'102'198},
                                         Size{"deeplabv3_resnet50_vd", 1001, 39'320'905}));
INSTANTIATE_TEST_SUITE_P(
    OcrNet, PublishedSegmenter,
    testing::Values(Size{"ocrnet_hrnet_w18", 11, 12'076'850}, Size{"ocrnet_hrnet_w18", 19, 12'083'122},
                    Size{"ocrnet_hrnet_w18", 21, 12'084'690}, Size{"ocrnet_hrnet_w18", 60, 12'115'266},
                    Size{"ocrnet_hrnet_w18", 150, 12'185'826}, Size{"ocrnet_hrnet_w18", 1001, 12'853'010}));
// torchvision's page for the first; the second by hand: trunk, 270 x 270 + 270 and 2 x 270, 270 x 21 + 21.
INSTANTIATE_TEST_SUITE_P(Fcn, PublishedSegmenter,
                         testing::Values(Size{"fcn_resnet50", 21, 35'322'218},
                                         Size{"fcn_hrnet_w18", 21, 9'562'260 + 73'170 + 540 + 5'691}));

TEST(Segmenters, NamesGiveOutputsOfOneForm) {
  for (const std::string& name : segmenter_names()) {
    const auto net = make_segmenter({.name = name, .classes = 7, .width = 0.125});
    const NoGrad no_tape;
    const Var x(Tensor::full({1, 3, 64, 96}, 0.5));
    const auto outputs = net->logits(x);
    const std::int64_t stride = name.ends_with("hrnet_w18") ? 4 : 8;
    EXPECT_EQ(outputs.size(), net->outputs()) << name;
    EXPECT_EQ(outputs[0].shape(), (Shape{1, 7, 64 / stride, 96 / stride})) << name;
    for (const Var& z : outputs) EXPECT_EQ(z.dim(1), 7) << name;
    EXPECT_EQ(net->main_logits(x).value().values<float>(), outputs[0].value().values<float>()) << name;
    const bool alone = name.starts_with("deeplab") || name == "fcn_hrnet_w18";  // no auxiliary output
    EXPECT_EQ(net->outputs(), alone ? 1U : 2U) << name;
    const auto plain = make_segmenter({.name = name, .classes = 7, .width = 0.125, .auxiliary = false});
    EXPECT_EQ(plain->outputs(), 1U) << name;
    EXPECT_EQ(plain->logits(x).size(), 1U) << name;
  }
}

// Standard deviation of all weights of one convolution; N values give it to about 1 / sqrt(2 N).
double deviation_of(Segmenter& net, const std::string& name) {
  double squares = 0, values = 0;
  for (const auto& [path, tensor] : net.registry().state())
    if (path == name)
      for (const float v : tensor.values<float>()) squares += v * v, ++values;
  return std::sqrt(squares / values);
}

TEST(Segmenters, HeadsStartAsPublished) {
  const auto ocr = make_segmenter({.name = "ocrnet_hrnet_w18", .classes = 3});
  EXPECT_NEAR(deviation_of(*ocr, "head.conv3x3_ocr.conv.weight"), 0.001, 1e-5);
  EXPECT_EQ(deviation_of(*ocr, "head.conv3x3_ocr.conv.bias"), 0);
  const auto deeplab = make_segmenter({.name = "deeplabv3_resnet18", .classes = 3});
  const double expected = std::sqrt(2.0 / (512 * 9));  // Paddle: 2 / fan_in
  EXPECT_NEAR(deviation_of(*deeplab, "head.aspp.aspp_blocks.1.conv.weight"), expected, 0.01 * expected);
  EXPECT_EQ(deviation_of(*deeplab, "head.aspp.aspp_blocks.1.conv.bias"), 0);
}

TEST(Segmenters, HrNetHasOneStrideAndNoRecompute) {
  expect_error([] { make_segmenter({.name = "ocrnet_hrnet_w18", .classes = 3, .output_stride = 8}); },
               "ocrnet_hrnet_w18 has output_stride 4; got 8");
  expect_error([] { make_segmenter({.name = "fcn_hrnet_w18", .classes = 3, .recompute = true}); },
               "has no recompute");
}

TEST(Segmenters, TrunkNamesAreThoseOfTheClassifier) {
  for (const auto& [segmenter, classifier] :
       {std::pair{"deeplabv3_resnet50_vd", "resnet50_vd"}, std::pair{"fcn_resnet18", "resnet18"},
        std::pair{"ocrnet_hrnet_w18", "hrnet_w18"}}) {
    const auto net = make_segmenter({.name = segmenter, .classes = 3, .width = 0.125});
    const auto whole = make_classifier({.name = classifier, .classes = 3, .width = 0.125});
    std::vector<std::string> trunk, names;
    for (const auto& [name, tensor] : net->registry().state())
      if (name.starts_with("backbone.")) trunk.push_back(name.substr(9));
    for (const auto& [name, tensor] : whole->registry().state()) names.push_back(name);
    ASSERT_LT(trunk.size(), names.size());
    names.resize(trunk.size());  // the classification head comes last
    EXPECT_EQ(trunk, names) << segmenter;
  }
}

// The mean of one plane is one value per channel: its batch norm would put out the bias, whatever the
// picture.
TEST(ImagePooling, OnePictureInTrainingIsRefusedByName) {
  for (const auto& [name, branch] : {std::pair{"pspnet_resnet18", "head.psp_module.stages.0"},
                                     std::pair{"deeplabv3_resnet18", "head.aspp.global_avg_pool"}}) {
    const auto net = make_segmenter({.name = name, .classes = 3, .width = 0.125});
    net->registry().mode.training = true;
    const Var one(Tensor::full({1, 3, 64, 64}, 0.5)), two(Tensor::full({2, 3, 64, 64}, 0.5));
    expect_error([&] { net->logits(one); },
                 cat(branch,
                     ": image pooling: batch norm in training needs at least 2 values per channel; 1 picture "
                     "averaged to 1 x 1 has 1; give batches of 2 pictures or more, or set "
                     "freeze_batch_norm: true"));
    EXPECT_EQ(net->logits(two).size(), net->outputs());
    net->registry().mode.freeze_batch_norm = true;
    EXPECT_EQ(net->logits(one).size(), net->outputs());
  }
}

TEST(Aspp, RatesFollowTheOutputStride) {
  using Rates = std::vector<std::int64_t>;
  EXPECT_EQ(aspp_rates(8), (Rates{1, 12, 24, 36}));  // Chen et al. 2017
  EXPECT_EQ(aspp_rates(16), (Rates{1, 6, 12, 18}));
  expect_error([] { aspp_rates(4); }, "output_stride must be 8, 16 or 32; got 4");
}

// Class 0 looks at all positions alike, class 1 at the last one only: exp(-100) of the others does not count.
TEST(GatherObjects, MeansWeightedByTheSoftmaxOverPositions) {
  const Var pixels(Tensor::from<double>({1, 2, 2, 2}, {1, 2, 3, 6, 10, 20, 30, 60}));
  const Var regions(Tensor::from<double>({1, 2, 2, 2}, {5, 5, 5, 5, 0, 0, 0, 100}));
  const Var objects = gather_objects(pixels, regions);
  ASSERT_EQ(objects.shape(), (Shape{1, 2, 2, 1}));
  const auto f = objects.value().values<double>();
  const std::vector<double> expected{3, 6, 30, 60};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(f[i], expected[i], 1e-12);
}

// Products over all positions of a map must not choose another order of sums for a batch of one.
TEST(OcrHead, BitsOfAPictureDoNotDependOnItsBatch) {
  Registry registry;
  const OcrHead head(registry.scope(), 20, {.classes = 5, .mid = 32, .key = 16});
  registry.require_grad(false);
  Tensor maps({3, 20, 24, 24});
  RandomStream(1, "maps").fill_normal(maps, 0, 1);
  // Initial weights are 0.001 wide: attention would be even to the last bit.
  for (const auto& [name, tensor] : registry.state())
    if (tensor.rank() == 4) RandomStream(2, name).fill_normal(tensor, 0, 0.3);
  const auto run = [&](const Tensor& batch) {
    const Var x(batch, true);
    const Var z = head(x, head.aux_head(x));
    z.backward(Tensor::full(z.shape(), 1));
    return std::pair{z.value(), x.grad()};
  };
  const auto [logits, gradient] = run(maps);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto [z, dx] = run(maps.slice(i, i + 1));
    EXPECT_EQ(z.values<float>(), logits.slice(i, i + 1).values<float>()) << i;
    EXPECT_EQ(dx.values<float>(), gradient.slice(i, i + 1).values<float>()) << i;
  }
}

// Main logits and the input's gradient of a picture, alone or beside others, on one thread or two.
TEST(Segmenters, BitsOfAPictureDependNeitherOnItsBatchNorOnThreads) {
  const int before = threads();
  Tensor pictures({3, 3, 96, 128});
  RandomStream(1, "pictures").fill_normal(pictures, 0, 1);
  for (const std::string& name : segmenter_names()) {
    const auto net = make_segmenter({.name = name, .classes = 7, .width = 0.25});
    net->registry().require_grad(false);
    if (name.ends_with("hrnet_w18"))  // which starts at 0.001: all attention would be even
      for (const auto& [path, tensor] : net->registry().state())
        if (tensor.rank() == 4) RandomStream(2, path).fill_normal(tensor, 0, 0.1);
    const auto run = [&](const Tensor& batch, int on_threads) {
      set_threads(on_threads);
      const Var x(batch, true);
      const Var z = net->main_logits(x);
      z.backward(Tensor::full(z.shape(), 1));
      return std::pair{z.value(), x.grad()};
    };
    const auto [z, dx] = run(pictures, 2);
    const auto [z_one, dx_one] = run(pictures, 1);
    EXPECT_EQ(z.values<float>(), z_one.values<float>()) << name;
    EXPECT_EQ(dx.values<float>(), dx_one.values<float>()) << name;
    const auto [z_alone, dx_alone] = run(pictures.slice(1, 2), 2);
    EXPECT_EQ(z_alone.values<float>(), z.slice(1, 2).values<float>()) << name;
    EXPECT_EQ(dx_alone.values<float>(), dx.slice(1, 2).values<float>()) << name;
  }
  set_threads(before);
}

}  // namespace
}  // namespace clearcut
