#include "tensor/work.h"

#include <gtest/gtest.h>

#include "models/build.h"

namespace clearcut {
namespace {

// Counted by hooks on torch 1.13's Conv2d and Linear modules, one picture of 224 x 224: torchvision 0.14's
// networks and, from MobileNet v1 on, those of tests/golden/models/trunks.py. The papers' MobileNets have 569
// and 300 million. Whatever joins layers together must still count.
TEST(Work, NetworksCountWhatTorchsDo) {
  for (const auto& [name, expected] : {std::pair{"resnet18", std::int64_t{1'814'073'344}},
                                       {"resnet50", 4'089'184'256},
                                       {"mobilenet_v2", 300'774'272},
                                       {"squeezenet1_0", 818'924'576},
                                       {"squeezenet1_1", 349'151'936},
                                       {"mobilenet_v1", 568'740'352},
                                       {"resnet50_vd", 4'328'824'832},
                                       {"hrnet_w18", 4'283'537'072}})
    for (const bool training : {false, true}) {
      const auto net = make_classifier({.name = name, .classes = 1000});
      net->registry().mode.training = training;
      const NoGrad no_tape;
      const WorkMeter meter;
      net->logits(Var(Tensor::zeros({1, 3, 224, 224})));
      EXPECT_EQ(meter.multiply_adds(), expected) << name;
    }
}

}  // namespace
}  // namespace clearcut
