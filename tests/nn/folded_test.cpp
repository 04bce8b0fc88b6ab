// Batch norms that are folded into convolutions: the same numbers as one after the other, never stale ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "models/resnet.h"
#include "models/small_nets.h"
#include "nn/layers.h"
#include "tensor/random.h"

namespace clearcut {
namespace {

Tensor normal(const Shape& shape, const char* purpose) {
  Tensor x(shape);
  RandomStream(11, purpose).fill_normal(x, 0, 1);
  return x;
}

// Rounding of one product w * scale per weight, 2^-24, in sums of a few hundred terms that may cancel.
void expect_near(const Tensor& a, const Tensor& b, const std::string& what) {
  ASSERT_EQ(a.shape(), b.shape()) << what;
  const auto va = a.values<float>(), vb = b.values<float>();
  float largest = 0, apart = 0;
  for (std::size_t i = 0; i < va.size(); ++i) {
    largest = std::max(largest, std::abs(vb[i]));
    apart = std::max(apart, std::abs(va[i] - vb[i]));
  }
  EXPECT_GT(largest, 0) << what;
  EXPECT_LE(apart, 1e-5f * largest) << what;
}

// Statistics and affine numbers as training leaves them; fresh ones are 0 and 1, which would prove little.
void fill_norms(Registry& root) {
  for (const Param* p : root.params())
    if (p->value().rank() == 1) RandomStream(3, p->name()).fill_normal(p->value(), 0.5, 0.25);
  for (const Buffer* b : root.buffers())
    if (b->value().rank() == 1) {
      const bool variance = b->name().ends_with("running_var");
      RandomStream(3, b->name()).fill_normal(b->value(), variance ? 3 : 0.25, 0.5);
    }
}

struct Layers {
  Registry root{4};
  Conv2d conv{root.scope() / "conv", {.in = 5, .out = 7, .kernel = 3, .padding = 1}};
  BatchNorm2d bn{root.scope() / "bn", 7};
  Tensor x = normal({2, 5, 9, 6}, "x"), residual = normal({2, 7, 9, 6}, "residual");

  Layers() { fill_norms(root); }
  Tensor run() const {
    const NoGrad guard;
    return conv_bn_relu(conv, bn, Var(x), Var(residual)).value();
  }
  // The four operators by themselves.
  Tensor plain() const {
    const NoGrad guard;
    return relu(bn(conv(Var(x))) + Var(residual)).value();
  }
};

TEST(Folded, IsOneConvolution) {
  const Layers l;
  expect_near(l.run(), l.plain(), "relu");
  const NoGrad guard;
  expect_near(conv_bn(l.conv, l.bn, Var(l.x)).value(), l.bn(l.conv(Var(l.x))).value(), "plain");
  expect_near(conv_bn_relu6(l.conv, l.bn, Var(l.x)).value(), clamp(l.bn(l.conv(Var(l.x))), 0, 6).value(),
              "relu6");
}

TEST(Folded, NeverServesStaleWeights) {
  Layers l;
  for (const auto& [what, change] : std::vector<std::pair<const char*, std::function<void()>>>{
           {"weight", [&] { l.conv.weight.value().data<float>()[3] += 1; }},
           {"bias", [&] { l.conv.bias->value().data<float>()[0] -= 2; }},
           {"gamma", [&] { l.bn.weight.value().data<float>()[1] = 3; }},
           {"beta", [&] { l.bn.bias.value().data<float>()[2] = 4; }},
           {"mean", [&] { l.bn.running_mean.value().data<float>()[4] = -1; }},
           {"variance", [&] { l.bn.running_var.value().data<float>()[5] = 0.25f; }},
           {"other tensor", [&] {
              l.conv.weight.replace(normal({7, 5, 3, 3}, "new weight"));
            }}}) {
    const auto before = l.run().values<float>();
    change();
    EXPECT_NE(l.run().values<float>(), before) << what;
    expect_near(l.run(), l.plain(), what);
  }
  l.root.mode.training = true;
  l.bn(l.conv(Var(l.x)));  // moves the running statistics
  l.root.mode.training = false;
  expect_near(l.run(), l.plain(), "after training");
}

TEST(Folded, FrozenLayersPassGradientsOn) {
  Layers l;
  l.root.require_grad(false);
  const Var x(l.x, true), r(l.residual, true), x2(l.x, true), r2(l.residual, true);
  const Var y = conv_bn_relu(l.conv, l.bn, x, r);
  l.root.mode.fuse = false;
  const Var y2 = conv_bn_relu(l.conv, l.bn, x2, r2);
  const Tensor dy = normal(y.shape(), "dy");
  y.backward(dy);
  y2.backward(dy);
  expect_near(y.value(), y2.value(), "y");
  expect_near(x.grad(), x2.grad(), "dx");
  expect_near(r.grad(), r2.grad(), "dresidual");
}

TEST(Folded, ATapOrARecordingSeesEveryLayer) {
  Layers l;
  std::vector<float> bn, conv;
  {
    const Tap tap(l.root, "bn"), other(l.root, "conv");
    l.run();
    bn = tap.activation().values<float>();
    conv = other.activation().values<float>();
  }
  const NoGrad guard;
  EXPECT_EQ(conv, l.conv(Var(l.x)).value().values<float>());
  EXPECT_EQ(bn, l.bn(l.conv(Var(l.x))).value().values<float>());
  l.root.record_paths(true);
  l.run();
  EXPECT_EQ(l.root.seen_paths().size(), 2u);
  l.root.record_paths(false);
}

template <class Net>
void expect_same_network(Registry& root, const Net& net, const char* what) {
  fill_norms(root);
  const Tensor x = normal({2, 3, 48, 40}, "picture");
  const NoGrad guard;
  const Tensor together = net.logits(Var(x)).value();
  root.mode.fuse = false;
  expect_near(together, net.logits(Var(x)).value(), what);
}

TEST(Folded, WholeNetworksAgree) {
  Registry a, b, c;
  const ResNet resnet(a.scope(), {.depth = 50, .classes = 10, .width = 0.125});
  expect_same_network(a, resnet, "ResNet-50");
  const SmallMobileNet mobile(b.scope(), 10, 1);
  expect_same_network(b, mobile, "SmallMobileNet");
  const SmallVgg vgg(c.scope(), 10, 1);
  expect_same_network(c, vgg, "SmallVgg");
}

}  // namespace
}  // namespace clearcut
