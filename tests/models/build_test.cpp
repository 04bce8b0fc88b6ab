// Names, shapes and sizes of the networks that are made by name.
#include "models/build.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "autograd/elementwise.h"

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

class ResNetNames : public testing::TestWithParam<std::pair<const char*, std::int64_t>> {};

TEST_P(ResNetNames, StateAndSizeAreTorchvisions) {
  const auto& [name, parameters] = GetParam();
  const auto net = make_classifier({.name = name, .classes = 1000});
  EXPECT_EQ(net->registry().parameter_count(), parameters);
  EXPECT_EQ(state_text(net->registry()), golden_keys(name));
}

INSTANTIATE_TEST_SUITE_P(Depth, ResNetNames,
                         testing::Values(std::pair{"resnet18", 11'689'512}, std::pair{"resnet34", 21'797'672},
                                         std::pair{"resnet50", 25'557'032}));

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
    EXPECT_EQ(cam->path, net->feature_path());
    EXPECT_EQ(cam->weights.shape(), (Shape{5, tap.activation().dim(1)})) << name;
    const std::int64_t stride = name.starts_with("small") ? 8 : 32;
    EXPECT_EQ(tap.activation().dim(2), 64 / stride) << name;
    EXPECT_EQ(tap.activation().dim(3), 96 / stride) << name;
  }
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
  EXPECT_NE(refusal({.name = "resnet19", .classes = 2}, false).find("known: resnet18"), std::string::npos);
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

// The 1 x 1 bin of the pyramid has one value per channel and picture.
TEST(PspNet, OnePictureInTrainingIsRefusedByName) {
  const auto net = make_segmenter({.name = "pspnet_resnet18", .classes = 3, .width = 0.125});
  net->registry().mode.training = true;
  const Var x(Tensor::full({1, 3, 64, 64}, 0.5));
  try {
    net->logits(x);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what())
                  .find("head.psp_module.stages.0.1.bn: batch_norm: training needs at least 2"),
              std::string::npos)
        << error.what();
  }
  net->registry().mode.freeze_batch_norm = true;
  EXPECT_EQ(net->logits(x).size(), 2u);
}

}  // namespace
}  // namespace clearcut
