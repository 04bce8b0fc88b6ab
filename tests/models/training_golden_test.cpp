// Classifiers against PyTorch. The numbers are from tests/golden/models/train.py, which narrows torchvision's
// networks.
#include <gtest/gtest.h>

#include "autograd/cross_entropy.h"
#include "models/resnet.h"
#include "tests/models/training_golden.h"

namespace clearcut {
namespace {

using test::exact;
using test::expect_as_pytorch;
using test::fast;
using test::Precision;

void check_resnet(const char* golden, const ResNetOptions& options, const Precision& p) {
  Registry registry(1, p.device, p.dtype);
  const ResNet net(registry.scope(), options);
  const Tensor labels = Tensor::from<std::int32_t>({3}, {2, 0, 4}).to(p.device);
  expect_as_pytorch({.golden = golden,
                     .registry = registry,
                     .logits = [&](const Var& x) { return net.logits(x); },
                     .loss =
                         [&](const Var& x, Var* logits) {
                           *logits = net.logits(x);
                           return cross_entropy(*logits, labels, {.epsilon = 0});  // PyTorch's has none
                         },
                     .input = {3, 3, 64, 48},
                     .rate = 0.02},
                    p);
}

TEST(TrainingGolden, ResNet18) {
  const ResNetOptions options{.depth = 18, .classes = 5, .width = 0.125};
  check_resnet("resnet18_narrow", options, exact(10));
  check_resnet("resnet18_narrow", options, fast(1e-5, 10));
}

TEST(TrainingGolden, RecomputedStagesGiveTheSameTraining) {
  check_resnet("resnet18_narrow", {.depth = 18, .classes = 5, .width = 0.125, .recompute = true},
               fast(1e-5, 10));
}

// Double, three steps: some channels of these narrow nets hardly vary over the few values of a batch, and
// their batch norms multiply rounding errors a thousandfold per step.
TEST(TrainingGolden, ResNet50) {
  check_resnet("resnet50_narrow", {.depth = 50, .classes = 5, .width = 0.0625}, exact(3));
}

}  // namespace
}  // namespace clearcut
