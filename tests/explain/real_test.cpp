// Explanations of the real networks, where their files are at hand.
#include <gtest/gtest.h>

#include <cmath>

#include "data/picture.h"
#include "explain/class_targets.h"
#include "explain/explainer.h"
#include "models/classifier.h"
#include "tests/real_data.h"

namespace clearcut {
namespace {

// Networks that end in global pooling and a linear layer: Grad-CAM of the logit is CAM divided by the number
// of cells. SqueezeNet's class maps carry a ReLU and a padded border, so it is left out.
TEST(RealExplanations, GradCamIsCamOnMobileNets) {
  const std::string path = test::real_data("classifiers/mobilenet_v1_0.5.onnx");
  const std::string photo = test::real_data("voc-animals/images/2007_000063.jpg");
  if (path.empty() || photo.empty()) GTEST_SKIP() << test::no_real_data("classifiers, voc-animals");
  const auto net = load_classifier(path);
  ExplainInput input{.x = to_batch(net->preprocess(), {read_picture(photo)})};
  input.items = {1};
  for (const std::vector<int>& classes : {std::vector<int>{207}, std::vector<int>{151, 160, 208, 268}}) {
    input.targets = {{.classes = classes}};
    const auto both =
        explain_all(*net, input, {parse_explainer("cam:relu=0"), parse_explainer("gradcam:relu=0")});
    const auto cam = both.by_explainer[0].maps.values<float>();
    const auto grad = both.by_explainer[1].maps.values<float>();
    ASSERT_EQ(cam.size(), 25u);  // 5 x 5 cells at 160 pixels
    // float32 sums over 512 channels of products near 1
    for (std::size_t i = 0; i < cam.size(); ++i) EXPECT_NEAR(grad[i] * 25, cam[i], 1e-3) << i;
  }
}

TEST(RealExplanations, GroupsAndNamesFindTheirClasses) {
  const std::string path = test::real_data("classifiers/squeezenet_1.1.onnx");
  const std::string groups = test::real_data("voc-animals/imagenet_groups.json");
  if (path.empty() || groups.empty()) GTEST_SKIP() << test::no_real_data("classifiers, voc-animals");
  const auto net = load_classifier(path);
  const auto animals = class_targets(*net, {"background", "cat", "dog"}, groups);
  EXPECT_TRUE(animals[0].empty());
  EXPECT_EQ(animals[1], (std::vector<int>{281, 282, 283, 284, 285}));
  EXPECT_EQ(animals[2].size(), 118u);
  const auto names = class_targets(*net, {"n01440764", "French horn, horn", "Chain_Saw", "nothing"});
  EXPECT_EQ(names[0], std::vector<int>{0});
  EXPECT_EQ(names[1], std::vector<int>{566});
  EXPECT_EQ(names[2], std::vector<int>{491});
  EXPECT_TRUE(names[3].empty());
  EXPECT_THROW(class_targets(*net, {"crane"}), Error);  // a bird and a machine
}

}  // namespace
}  // namespace clearcut
