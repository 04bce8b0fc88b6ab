// Graphs from ONNX files: taps, gradients, memory, and what is refused.
#include "models/onnx_net.h"

#include <gtest/gtest.h>

#include "autograd/reduce.h"
#include "tensor/memory.h"
#include "tests/onnx_writer.h"

namespace clearcut {
namespace {

using test::Message;
using test::onnx_attribute;
using test::onnx_floats;
using test::onnx_ints;
using test::onnx_node;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

onnx::Model parse(const test::OnnxParts& parts) {
  const std::string bytes = test::onnx_model(parts);
  return onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "t.onnx");
}

test::OnnxParts chain() {
  return {
      .nodes = {onnx_node("Constant", {}, {"two"}, {onnx_attribute("value", onnx_floats("", {}, {2}))}),
                onnx_node("Identity", {"w"}, {"same_w"}), onnx_node("Mul", {"x", "two"}, {"a"}, {}, "double"),
                onnx_node("Add", {"a", "same_w"}, {"b"}), onnx_node("Relu", {"b"}, {"y"}, {}, "last"),
                onnx_node("NotThere", {"b"}, {"unused"})},
      .tensors = {onnx_floats("w", {1}, {-5})},
      .inputs = {test::onnx_value("x", {-1, 2})},
      .outputs = {test::onnx_value("y", {-1, 2})}};
}

// relu(2 x - 5): values and gradients are tapped by value name and by node name; a node that leads nowhere
// may be of any kind.
TEST(OnnxNet, TapsAndGradients) {
  Registry registry;
  const onnx::Net net(registry.scope(), parse(chain()));
  ASSERT_EQ(registry.params().size(), 2u);
  EXPECT_FALSE(registry.params()[0]->var().requires_grad()) << "weights are frozen";
  const Var x(Tensor::from(Shape{1, 2}, Floats{1, 4}), true);
  const Tap by_value(registry, "b"), by_node(registry, "double");
  const Var y = net(x);
  EXPECT_EQ(y.value().values<float>(), (Floats{0, 3}));
  sum(y).backward();
  EXPECT_EQ(by_value.activation().values<float>(), (Floats{-3, 3}));
  EXPECT_EQ(by_value.gradient().values<float>(), (Floats{0, 1}));
  EXPECT_EQ(by_node.activation().values<float>(), (Floats{2, 8}));
  EXPECT_EQ(x.grad().values<float>(), (Floats{0, 2}));
  registry.require_grad(true);
  sum(net(x)).backward();
  for (const Param* p : registry.params())
    if (p->name() == "same_w") {
      EXPECT_EQ(p->var().grad().item(), 1);
    }
}

TEST(OnnxNet, StopsAtAnInnerValue) {
  Registry registry;
  const onnx::Net net(registry.scope(), parse(chain()), "b");
  EXPECT_EQ(net(Var(Tensor::from(Shape{1, 2}, Floats{1, 4}))).value().values<float>(), (Floats{-3, 3}));
}

// Twenty nodes in a row under NoGrad hold two values at a time, not twenty.
TEST(OnnxNet, DropsValuesAfterTheirLastReader) {
  test::OnnxParts parts{.nodes = {},
                        .inputs = {test::onnx_value("v0", {-1, 1 << 17})},
                        .outputs = {test::onnx_value("v20", {})}};
  for (int i = 0; i < 20; ++i) parts.nodes.push_back(onnx_node("Tanh", {cat("v", i)}, {cat("v", i + 1)}));
  Registry registry;
  const onnx::Net net(registry.scope(), parse(parts));
  const Var x(Tensor::zeros({1, 1 << 17}));
  const NoGrad no_grad;
  reset_memory_peak();
  const std::size_t before = memory_stats().live;
  net(x);
  // x, which the caller holds, is not in the difference; 1% is for guard bytes.
  EXPECT_LE(memory_stats().peak - before, x.value().bytes() * 202 / 100);
}

// A model exported for one picture runs on two.
TEST(OnnxNet, FixedBatchOfTheExportIsFree) {
  Registry registry;
  const onnx::Net net(registry.scope(), parse({.nodes = {onnx_node("Reshape", {"x", "t"}, {"y"})},
                                               .tensors = {onnx_ints("t", {1, -1})},
                                               .inputs = {test::onnx_value("x", {1, 2, 1})},
                                               .outputs = {test::onnx_value("y", {1, 2})}}));
  EXPECT_EQ(net(Var(Tensor::zeros({2, 2, 1}))).shape(), (Shape{2, 2}));
}

void expect_refused(const test::OnnxParts& parts, const std::string& text) {
  Registry registry;
  std::string said = "accepted";
  try {
    const onnx::Net net(registry.scope(), parse(parts));
    net(Var(Tensor::zeros({2, 2, 4, 4})));
  } catch (const Error& error) {
    said = error.what();
  }
  EXPECT_NE(said.find(text), std::string::npos) << said;
}

TEST(OnnxNet, OpsetsOutsideTheKnownOnesAreRefused) {
  test::OnnxParts parts = chain();
  parts.opset = 6;
  expect_refused(parts, "opsets 7 to 21 are read, the model has 6");
  parts.opset = 22;
  expect_refused(parts, "the model has 22");
}

test::OnnxParts with_node(const Message& node) {
  return {.nodes = {node},
          .tensors = {onnx_floats("w", {2, 2, 1, 1}, {1, 2, 3, 4}), onnx_ints("shape", {4, -1}),
                      onnx_ints("one", {1})},
          .inputs = {test::onnx_value("x", {-1, 2, 4, 4})},
          .outputs = {test::onnx_value("y", {-1, 2})}};
}

TEST(OnnxNet, RefusesWithTheNodesName) {
  expect_refused(with_node(onnx_node("Loop", {"x"}, {"y"}, {}, "n1")),
                 "node 'n1' (Loop): the operator Loop is not supported; supported are: Constant, Abs,");
  expect_refused(with_node(onnx_node("Relu", {"x"}, {"y"}, {onnx_attribute("slope", 1.f)}, "n2")),
                 "node 'n2' (Relu): attribute 'slope' is not supported; supported are: none");
  expect_refused(with_node(onnx_node("Conv", {"x", "w"}, {"y"}, {onnx_attribute("strides", 2.f)}, "n3")),
                 "node 'n3' (Conv): attribute 'strides' is of another type");
  expect_refused(with_node(onnx_node("Conv", {"x", "w"}, {"y"}, {onnx_attribute("pads", Ints{0, -1, 0, 0})})),
                 "pads must be four numbers from 0");
  expect_refused(with_node(onnx_node("Conv", {"x", "w"}, {"y"}, {onnx_attribute("strides", Ints{0, 1})})),
                 "strides must be two numbers from 1");
  expect_refused(with_node(onnx_node("Conv", {"x"}, {"y"}, {}, "n4")),
                 "it needs 2 inputs, input 1 is missing");
  expect_refused(with_node(onnx_node("Relu", {"ghost"}, {"y"}, {}, "n5")),
                 "it reads 'ghost', which no earlier");
  expect_refused(with_node(onnx_node("Reshape", {"x", "x"}, {"y"}, {}, "n6")),
                 "node 'n6' (Reshape): shape: must be a list of at most 64 int64");
  expect_refused(with_node(onnx_node("Reshape", {"x", "shape"}, {"y"}, {}, "n7")),
                 "node 'n7' (Reshape): reshape: the first dimension is the batch");
  expect_refused(with_node(onnx_node("Add", {"x", "one"}, {"y"})), "dtypes differ: float32 and int64");
  expect_refused(with_node(onnx_node("Relu", {"w"}, {"y"})), "depends on fixed numbers only");
  expect_refused(with_node(onnx_node("MaxPool", {"x"}, {"y"})), "it has no kernel_shape");
  expect_refused(with_node(onnx_node("Relu", {"x"}, {"z"})), "no node makes the output 'y'");
  auto two = with_node(onnx_node("Relu", {"x"}, {"y"}));
  two.inputs.push_back(test::onnx_value("x2", {1}));
  expect_refused(two, "one input, it has 2");
}

}  // namespace
}  // namespace clearcut
