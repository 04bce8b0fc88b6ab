#include "tensor/work.h"

#include <gtest/gtest.h>

#include "models/build.h"

namespace clearcut {
namespace {

// Counted by hooks on torch 1.13's Conv2d and Linear modules of torchvision 0.14's networks, one picture of
// 224 x 224. Whatever joins layers together must still count.
TEST(Work, NetworksCountWhatTorchvisionsDo) {
  for (const auto& [name, expected] :
       {std::pair{"resnet18", std::int64_t{1814073344}}, std::pair{"resnet50", std::int64_t{4089184256}}})
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
