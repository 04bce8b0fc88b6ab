// Names, shapes and sizes of the networks that are made by name.
#include "models/build.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include <fstream>
#include <sstream>

#include "autograd/elementwise.h"
#include "models/hrnet.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

std::string state_text(const Registry& registry) {
  std::ostringstream text;
  for (const auto& [name, tensor] : registry.state()) text << name << " " << tensor.shape() << "\n";
  return text.str();
}

std::string golden_keys(const std::string& name) {
  std::ifstream file("tests/golden/models/" + name + "_keys.txt");
  std::string comment;
  std::getline(file, comment);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class Published : public testing::TestWithParam<std::pair<const char*, std::int64_t>> {};

// Sizes: torchvision's pages, PaddleClas' table for the last two. Names: see tests/golden/models/keys.py.
TEST_P(Published, StateAndSize) {
  const auto& [name, parameters] = GetParam();
  const auto net = make_classifier({.name = name, .classes = 1000});
  EXPECT_EQ(net->registry().parameter_count(), parameters);
  EXPECT_EQ(state_text(net->registry()), golden_keys(name));
}

INSTANTIATE_TEST_SUITE_P(
    Classifiers, Published,
    testing::Values(std::pair{"resnet18", 11'689'512}, std::pair{"resnet34", 21'797'672},
                    std::pair{"resnet50", 25'557'032}, std::pair{"resnet101", 44'549'160},
                    std::pair{"mobilenet_v2", 3'504'872}, std::pair{"squeezenet1_0", 1'248'424},
                    std::pair{"squeezenet1_1", 1'235'496}, std::pair{"resnet50_vd", 25'576'264},
                    std::pair{"hrnet_w18", 21'295'164}));

// Keras' count of trainable parameters; its names are others.
TEST(Classifiers, MobileNetV1HasThePublishedSize) {
  const auto net = make_classifier({.name = "mobilenet_v1", .classes = 1000});
  EXPECT_EQ(net->registry().parameter_count(), 4'231'976);
}

template <class Net, class Options>
std::int64_t size_of(const Options& options) {
  Registry registry;
  const Net net(registry.scope(), options);
  return registry.parameter_count();
}

// From the layer lists of PaddleSeg's trunks; ResNet-50: torchvision's without its fc layer.
TEST(Trunks, HaveThePublishedSizes) {
  EXPECT_EQ(size_of<ResNet>(ResNetOptions{.depth = 50}), 25'557'032 - 2'049'000);
  EXPECT_EQ(size_of<ResNetVd>(ResNetOptions{.depth = 50}), 23'527'264);
  EXPECT_EQ(size_of<HrNet>(HrNetOptions{}), 9'562'260);
  EXPECT_EQ(size_of<HrNet>(HrNetOptions{.form = HrNetForm::kClassifier}), 9'562'260);
}

// The deviation of the weights of `name`, of which there are 90,000 or more: 0.3 per cent off by chance.
double deviation(const Registry& registry, const std::string& name) {
  for (const auto& [key, tensor] : registry.state())
    if (key == name) {
      double squares = 0;
      for (const float w : tensor.values<float>()) squares += double{w} * w;
      return std::sqrt(squares / static_cast<double>(tensor.numel()));
    }
  ADD_FAILURE() << "no " << name;
  return 0;
}

// PaddleSeg's HRNet: 0.001; Paddle's convolutions: 2 / fan_in; the authors' HRNet: 2 / fan_out.
TEST(Trunks, StartAsPublished) {
  Registry one, two, three;
  const HrNet paddle(one.scope(), {}), authors(two.scope(), {.form = HrNetForm::kClassifier});
  const ResNetVd vd(three.scope(), {.depth = 50});
  EXPECT_NEAR(deviation(one, "stage4.2.branches.3.0.conv1.weight"), 0.001, 1e-5);
  EXPECT_NEAR(deviation(one, "stage4.2.fuse_layers.3.2.0.0.weight"), 0.001, 2e-5);
  EXPECT_NEAR(deviation(two, "stage4.2.branches.3.0.conv1.weight"), std::sqrt(2. / (9 * 144)), 4e-4);
  EXPECT_NEAR(deviation(three, "layer4.1.conv1.weight"), std::sqrt(2. / 2048), 3e-4);
}

// Sides that 32 does not divide: each branch has half of the one before, rounded up, in both forms.
TEST(Trunks, HrNetsBranchesHalveRoundingUp) {
  for (const HrNetForm form : {HrNetForm::kPaddleSeg, HrNetForm::kClassifier}) {
    Registry registry;
    const HrNet net(registry.scope(), {.form = form, .width = 0.25});
    const NoGrad no_tape;
    const Var x(Tensor::full({1, 3, 50, 70}, 0.5));
    const std::vector<Var> branches = net.stages(x);
    ASSERT_EQ(branches.size(), 4u);
    const std::int64_t sides[][2] = {{13, 18}, {7, 9}, {4, 5}, {2, 3}};
    for (int i = 0; i < HrNet::kStages; ++i)
      EXPECT_EQ(branches[static_cast<std::size_t>(i)].shape(),
                (Shape{1, net.channels(i + 1), sides[i][0], sides[i][1]}));
    EXPECT_EQ(net.joined(x).shape(), (Shape{1, net.joined_channels(), 13, 18}));
  }
}

TEST(Trunks, PublishedChannels) {
  Registry hrnet;
  const HrNet net(hrnet.scope(), {});
  EXPECT_EQ(net.channels(1), 18);
  EXPECT_EQ(net.channels(4), 144);
  EXPECT_EQ(net.joined_channels(), 270);
  Registry vd;
  const ResNetVd trunk(vd.scope(), {.depth = 50, .output_stride = 8});
  const NoGrad no_tape;
  const std::vector<Var> stages = trunk.stages(Var(Tensor::full({1, 3, 64, 64}, 0.5)));
  const std::int64_t channels[] = {256, 512, 1024, 2048}, sides[] = {16, 8, 8, 8};
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_EQ(stages[i].shape(), (Shape{1, channels[i], sides[i], sides[i]}));
}

TEST(Trunks, RefuseWhatTheyCannotDo) {
  Registry registry;
  expect_error([&] { ResNet(registry.scope() / "a", {.depth = 20}); }, "depth must be 18, 34, 50 or 101");
  expect_error(
      [&] {
        ResNet(registry.scope() / "b", {.depth = 18, .grid = {1, 2, 4}});
      },
      "b.layer4: ResNet: grid needs 2 entries, one per block; got 3");
  expect_error([&] { HrNet(registry.scope() / "c", {.classes = 3}); }, "a trunk without classes");
}

TEST(Fcn, StateIsTorchvisions) {
  const auto net = make_segmenter({.name = "fcn_resnet50", .classes = 21});
  EXPECT_EQ(state_text(net->registry()), golden_keys("fcn_resnet50"));
}

// Sizes from the layer list of the published head: 42,978,281 + 2,617,321 (auxiliary) for 1001 classes on a
// trunk with 2048 and 1024 channels, and torchvision's ResNet-50 without its fc layer of 2,049,000.
TEST(PspNet, ResNet50HasThePublishedSize) {
  const auto net = make_segmenter({.name = "pspnet_resnet50", .classes = 1001});
  EXPECT_EQ(net->registry().parameter_count(), 42'978'281 + 2'617'321 + (25'557'032 - 2'049'000));
}

// By hand. Trunk: stem 696, layer1 10,464, layer2 32,544, layer3 129,600 + 166,272. Head on 96 channels: bins
// 4 x 2,376, 3x3 convolution 83,088, classes 343; auxiliary head on 48 channels: 5,220 + 91.
TEST(PspNet, SmallResNetHasTheSizeOfItsPlan) {
  const auto net = make_segmenter({.name = "pspnet_small_resnet", .classes = 7});
  EXPECT_EQ(net->registry().parameter_count(), 339'576 + 9'504 + 83'088 + 343 + 5'220 + 91);
  const NoGrad no_tape;
  EXPECT_EQ(net->logits(Var(Tensor::full({1, 3, 64, 96}, 0.5)))[0].shape(), (Shape{1, 7, 8, 12}));
}

TEST(PspNet, TrunkNamesAreThoseOfTheClassifier) {
  const auto net = make_segmenter({.name = "pspnet_small_resnet", .classes = 7});
  const auto classifier = make_classifier({.name = "small_resnet", .classes = 6});
  std::vector<std::string> trunk, whole;
  for (const auto& [name, tensor] : net->registry().state())
    if (name.starts_with("backbone.")) trunk.push_back(name.substr(9));
  for (const auto& [name, tensor] : classifier->registry().state())
    if (!name.starts_with("fc.")) whole.push_back(name);
  EXPECT_EQ(trunk, whole);
}

TEST(Classifiers, SpecGivesShapesTapsAndCam) {
  for (const std::string& name : classifier_names()) {
    const auto net = make_classifier({.name = name, .classes = 5, .width = 0.25});
    const NoGrad no_tape;
    const Tap tap(net->registry(), net->feature_path());
    const Var z = net->logits(Var(Tensor::full({2, 3, 64, 96}, 0.5)));
    EXPECT_EQ(z.shape(), (Shape{2, 5})) << name;
    const auto cam = net->cam_weights();
    ASSERT_TRUE(cam.has_value());
    const bool class_maps = name.starts_with("squeezenet");
    if (!class_maps) {
      EXPECT_EQ(cam->path, net->feature_path());
      EXPECT_EQ(cam->weights.shape(), (Shape{5, tap.activation().dim(1)})) << name;
    }
    const double stride = name.starts_with("small") ? 8 : class_maps ? 16 : 32;
    EXPECT_NEAR(static_cast<double>(tap.activation().dim(2)), 64 / stride, class_maps) << name;
    EXPECT_NEAR(static_cast<double>(tap.activation().dim(3)), 96 / stride, class_maps) << name;
  }
}

// The logits are what cam_weights() says: weights times the means of the maps, plus a bias per class, which
// the difference of two pictures does not have.
TEST(Classifiers, LogitsAreLinearInTheMeansOfCamsMaps) {
  for (const std::string& name : classifier_names()) {
    const auto net = make_classifier({.name = name, .classes = 5, .width = 0.25, .dtype = DType::kFloat64});
    const auto cam = net->cam_weights();
    const NoGrad no_tape;
    const Tap tap(net->registry(), cam->path);
    Tensor x({2, 3, 64, 64}, DType::kFloat64);
    RandomStream(3, "x").fill_normal(x, 0, 1);
    const auto z = net->logits(Var(x)).value().values<double>();
    const Tensor maps = tap.activation();
    const auto values = maps.values<double>();
    const std::int64_t K = maps.dim(1), area = maps.dim(2) * maps.dim(3);
    for (std::int64_t c = 0; c < 5; ++c) {
      double difference = 0;
      for (std::int64_t k = 0; k < K; ++k)
        for (std::int64_t p = 0; p < area; ++p)
          difference += cam->weights.data<const float>()[c * K + k] / static_cast<double>(area) *
                        (values[static_cast<std::size_t>((K + k) * area + p)] -
                         values[static_cast<std::size_t>(k * area + p)]);
      const auto at = static_cast<std::size_t>(c);
      // cam_weights() is float32: 6e-8 of the largest term
      EXPECT_NEAR(z[5 + at] - z[at], difference, 1e-5 * std::max(1.0, std::abs(z[at]))) << name;
    }
  }
}

struct Answer {
  std::vector<float> logits, gradient;
};

// The logits of pictures `first` and later, `count` of them, and the gradient of the logits' squares.
Answer answer(const Classifier& net, const Tensor& pictures, std::int64_t first, std::int64_t count) {
  const Var x(pictures.slice(first, first + count), true);
  const Var z = net.logits(x);
  z.backward(z.value());
  return {z.value().values<float>(), x.grad().values<float>()};
}

TEST(Classifiers, APictureHasTheSameBitsInAnyBatchAndWithAnyThreads) {
  Tensor x({3, 3, 64, 48});
  RandomStream(5, "x").fill_normal(x, 0, 1);
  const int before = threads();
  for (const std::string& name : classifier_names()) {
    const auto net = make_classifier({.name = name, .classes = 5, .width = 0.5});
    net->registry().require_grad(false);
    set_threads(1);
    const Answer alone = answer(*net, x, 1, 1);
    set_threads(3);
    const Answer together = answer(*net, x, 0, 3);
    const auto row = [](const std::vector<float>& all, std::size_t size) {
      return std::vector<float>(all.begin() + static_cast<std::ptrdiff_t>(size),
                                all.begin() + static_cast<std::ptrdiff_t>(2 * size));
    };
    EXPECT_EQ(row(together.logits, 5), alone.logits) << name;
    EXPECT_TRUE(row(together.gradient, 3 * 64 * 48) == alone.gradient) << name;
  }
  set_threads(before);
}

TEST(Segmenters, OutputStrideIsReachedByDilation) {
  for (const int stride : {8, 16, 32}) {
    const auto net =
        make_segmenter({.name = "pspnet_resnet18", .classes = 7, .width = 0.125, .output_stride = stride});
    const NoGrad no_tape;
    const auto outputs = net->logits(Var(Tensor::full({1, 3, 64, 96}, 0.5)));
    ASSERT_EQ(outputs.size(), 2u);
    EXPECT_EQ(net->outputs(), 2u);
    for (const Var& z : outputs) EXPECT_EQ(z.dim(1), 7);
    EXPECT_EQ(outputs[0].shape(), (Shape{1, 7, 64 / stride, 96 / stride}));
  }
}

std::string refusal(const ModelSpec& spec, bool segmenter) {
  try {
    segmenter ? void(make_segmenter(spec)) : void(make_classifier(spec));
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Build, WrongSpecsAreRefusedWithTheRule) {
  EXPECT_NE(refusal({.name = "resnet19", .classes = 2}, false).find("known: resnet18, "), std::string::npos);
  EXPECT_NE(refusal({.name = "resnet18", .classes = 2}, true).find("known: pspnet_resnet18"),
            std::string::npos);
  EXPECT_NE(refusal({.name = "resnet18"}, false).find("at least 1 class"), std::string::npos);
  EXPECT_NE(refusal({.name = "resnet18", .classes = 2, .width = 0}, false).find("width"), std::string::npos);
  EXPECT_NE(refusal({.name = "resnet18", .classes = 2, .output_stride = 4}, false).find("8, 16 or 32"),
            std::string::npos);
  EXPECT_NE(refusal({.name = "small_vgg", .classes = 2, .output_stride = 16}, false).find("output_stride 8"),
            std::string::npos);
  EXPECT_NE(refusal({.name = "small_vgg", .classes = 2, .class_names = {"cat"}}, false).find("class_names"),
            std::string::npos);
}

// The mean of one plane is one value per channel: its batch norm would put out the bias, whatever the
// picture.
TEST(PspNet, OnePictureInTrainingIsRefusedByName) {
  const auto net = make_segmenter({.name = "pspnet_resnet18", .classes = 3, .width = 0.125});
  net->registry().mode.training = true;
  const Var x(Tensor::full({1, 3, 64, 64}, 0.5));
  expect_error(
      [&] { net->logits(x); },
      "head.psp_module.stages.0: image pooling: batch norm in training needs at least 2 values per channel; "
      "1 "
      "picture averaged to 1 x 1 has 1; give batches of 2 pictures or more, or set freeze_batch_norm: true");
  net->registry().mode.freeze_batch_norm = true;
  EXPECT_EQ(net->logits(x).size(), 2u);
}

}  // namespace
}  // namespace clearcut
