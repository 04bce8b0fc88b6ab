// What networks cost and run through.
#include "models/facts.h"

#include <gtest/gtest.h>

#include "models/build.h"

namespace clearcut {
namespace {

class Facts : public testing::TestWithParam<std::pair<const char*, std::int64_t>> {};

// Counted by hooks on torch's Conv2d and Linear modules, one picture of 224 x 224: torchvision's networks,
// and for the last three those of tests/golden/models/trunks.py. The papers' MobileNets have 569 and 300
// million.
TEST_P(Facts, MultiplyAddsAreTorchs) {
  const auto& [name, expected] = GetParam();
  const auto net = make_classifier({.name = name, .classes = 1000});
  net->registry().mode.training = true;
  const ModelFacts facts = facts_of(net->registry(), {1, 3, 224, 224}, [&](const Var& x) { net->logits(x); });
  EXPECT_EQ(facts.multiply_adds, expected);
  EXPECT_EQ(facts.parameters, net->registry().parameter_count());
  EXPECT_TRUE(net->registry().mode.training);
}

INSTANTIATE_TEST_SUITE_P(
    Classifiers, Facts,
    testing::Values(std::pair{"mobilenet_v2", 300'774'272}, std::pair{"squeezenet1_0", 818'924'576},
                    std::pair{"squeezenet1_1", 349'151'936}, std::pair{"mobilenet_v1", 568'740'352},
                    std::pair{"resnet50_vd", 4'328'824'832}, std::pair{"hrnet_w18", 4'283'537'072}));

TEST(FactsOfLayers, AreThePathsAsTheyRan) {
  const auto net = make_classifier({.name = "squeezenet1_1", .classes = 7});
  const ModelFacts facts = facts_of(net->registry(), {1, 3, 64, 64}, [&](const Var& x) { net->logits(x); });
  ASSERT_GT(facts.layers.size(), 4u);
  EXPECT_EQ(facts.layers.front().first, "features.0");
  EXPECT_EQ(facts.layers.front().second, (Shape{1, 64, 31, 31}));
  EXPECT_EQ(facts.layers.back().first, "classifier.2");
  EXPECT_EQ(facts.layers.back().second, (Shape{1, 7, 3, 3}));
  net->logits(Var(Tensor::zeros({1, 3, 64, 64})));  // no longer written down
  EXPECT_EQ(net->registry().seen_paths(), facts.layers);
}

}  // namespace
}  // namespace clearcut
