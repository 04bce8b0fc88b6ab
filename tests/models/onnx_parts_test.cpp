// ONNX convolutions that do the batch norm, addition and clamp behind them: when they may, and the same
// numbers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/reduce.h"
#include "models/onnx_net.h"
#include "tensor/random.h"
#include "tests/onnx_writer.h"

namespace clearcut {
namespace {

using test::onnx_floats;
using test::onnx_node;

onnx::Model parse(const test::OnnxParts& parts) {
  const std::string bytes = test::onnx_model(parts);
  return onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "t.onnx");
}

std::vector<float> normal(std::int64_t n, const char* purpose, double mean = 0) {
  Tensor x(Shape{n});
  RandomStream(6, purpose).fill_normal(x, mean, mean == 0 ? 1 : 0.1);
  return x.values<float>();
}

test::OnnxParts with(std::vector<test::Message> nodes) {
  return {.nodes = std::move(nodes),
          .tensors = {onnx_floats("w", {4, 3, 1, 1}, normal(12, "w")), onnx_floats("b", {4}, normal(4, "b")),
                      onnx_floats("u", {4, 3, 1, 1}, normal(12, "u")),
                      onnx_floats("gamma", {4}, normal(4, "g")), onnx_floats("beta", {4}, normal(4, "beta")),
                      onnx_floats("mean", {4}, normal(4, "m")), onnx_floats("var", {4}, normal(4, "v", 2)),
                      onnx_floats("one", {1, 4, 1, 1}, normal(4, "o"))},
          .inputs = {test::onnx_value("x", {-1, 3, 5, 6})},
          .outputs = {test::onnx_value("y", {-1, 4, 5, 6})}};
}

struct PartsRun {
  std::vector<float> y, dx;
  std::int64_t bodies;  // fast loops that ran in the forward pass
};

PartsRun run(const test::OnnxParts& parts, bool fuse) {
  Registry registry;
  const onnx::Net net(registry.scope(), parse(parts));
  registry.mode.fuse = fuse;
  Tensor picture(Shape{2, 3, 5, 6});
  RandomStream(6, "x").fill_normal(picture, 0, 1);
  const Var x(picture, true);
  const std::int64_t before = fast_bodies_entered;
  const Var y = net(x);
  const std::int64_t bodies = fast_bodies_entered - before;
  sum(y).backward();
  return {y.value().values<float>(), x.grad().values<float>(), bodies};
}

// Three products and sums of numbers of size 1 to 10, rounded in another order: 8 * 2^-24 * 10.
void expect_same(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 5e-6) << i;
}

const test::Message kConv = onnx_node("Conv", {"x", "w", "b"}, {"c"});
const test::Message kOther = onnx_node("Conv", {"x", "u"}, {"d"});
const test::Message kNorm = onnx_node("BatchNormalization", {"c", "gamma", "beta", "mean", "var"}, {"n"});

TEST(OnnxParts, ConvolutionNormAdditionAndReluAreOneSweep) {
  const auto parts =
      with({kOther, kConv, kNorm, onnx_node("Add", {"d", "n"}, {"a"}), onnx_node("Relu", {"a"}, {"y"})});
  const PartsRun one = run(parts, true), each = run(parts, false);
  expect_same(one.y, each.y);
  expect_same(one.dx, each.dx);
  EXPECT_EQ(one.bodies, 3);  // the two convolutions, and what the ReLU lets through, a byte per value
  EXPECT_GE(each.bodies, 5);
}

TEST(OnnxParts, ClipAndBiasNeedNoNorm) {
  const auto parts = with({kConv, onnx_node("Clip", {"c"}, {"y"})});
  EXPECT_EQ(run(parts, true).bodies, 1);
  expect_same(run(parts, true).y, run(parts, false).y);
}

TEST(OnnxParts, ATapInBetweenSeesItsValue) {
  Registry registry;
  const onnx::Net net(registry.scope(), parse(with({kConv, kNorm, onnx_node("Relu", {"n"}, {"y"})})));
  const Var x(Tensor::full({1, 3, 5, 6}, 0.5));
  const auto y = net(x).value().values<float>();
  for (const char* path : {"c", "n"}) {
    const Tap tap(registry, path);
    expect_same(net(x).value().values<float>(), y);
    EXPECT_EQ(tap.activation().shape(), (Shape{1, 4, 5, 6})) << path;
    if (std::string(path) == "c") continue;
    const auto n = tap.activation().values<float>();
    for (std::size_t i = 0; i < n.size(); ++i) EXPECT_NEAR(y[i], std::max(0.0f, n[i]), 5e-6);
    EXPECT_LT(*std::min_element(n.begin(), n.end()), 0);
  }
}

// A value with two readers, an addition that repeats one side, one whose other side comes later, and a batch
// norm that is trained are left alone.
TEST(OnnxParts, WhatCannotBeOneSweepIsNot) {
  const auto twice = with({kConv, onnx_node("Relu", {"c"}, {"r"}), onnx_node("Add", {"c", "r"}, {"y"})});
  expect_same(run(twice, true).y, run(twice, false).y);
  EXPECT_EQ(run(twice, true).bodies, 3);
  const auto repeated =
      with({kConv, onnx_node("GlobalAveragePool", {"x"}, {"p"}), onnx_node("Conv", {"p", "u"}, {"q"}), kOther,
            onnx_node("Add", {"d", "q"}, {"e"}), onnx_node("Add", {"c", "e"}, {"y"})});
  expect_same(run(repeated, true).y, run(repeated, false).y);
  const auto later = with({kConv, kOther, onnx_node("Add", {"c", "d"}, {"y"})});
  expect_same(run(later, true).y, run(later, false).y);
  EXPECT_EQ(run(later, true).bodies, 2);  // the second convolution takes the addition
  Registry registry;
  const onnx::Net net(registry.scope(), parse(with({kConv, kNorm, onnx_node("Relu", {"n"}, {"y"})})));
  registry.require_grad(true);
  sum(net(Var(Tensor::full({1, 3, 5, 6}, 0.5)))).backward();
  for (const Param* p : registry.params()) EXPECT_TRUE(p->var().grad().defined()) << p->name();
}

}  // namespace
}  // namespace clearcut
