// ONNX graphs of one node with numbers that are known.
#pragma once

#include <gtest/gtest.h>

#include "models/onnx_net.h"
#include "tests/onnx_writer.h"

namespace clearcut::test {

// Of values, and of sizes and attributes.
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

inline onnx::Model parse_onnx(const OnnxParts& parts) {
  const std::string bytes = onnx_model(parts);
  return onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "t.onnx");
}

// A graph of one node: x and `tensors` (in this order) go in, y comes out.
struct OneNode {
  std::string op;
  std::vector<std::int64_t> x_sizes;
  std::vector<float> x;
  std::vector<Message> attributes = {};
  std::vector<Message> tensors = {};
  std::vector<std::string> names = {};  // inputs after x
  std::vector<std::int64_t> y_sizes;
  std::vector<float> y;
  std::int64_t opset = 13;
};

inline void expect_node(const OneNode& c) {
  SCOPED_TRACE(c.op);
  std::vector<std::string> inputs = {"x"};
  inputs.insert(inputs.end(), c.names.begin(), c.names.end());
  std::vector<std::int64_t> open = c.x_sizes;
  open[0] = -1;
  const auto model = parse_onnx({.nodes = {onnx_node(c.op, inputs, {"y"}, c.attributes)},
                                 .tensors = c.tensors,
                                 .inputs = {onnx_value("x", open)},
                                 .outputs = {onnx_value("y", c.y_sizes)},
                                 .opset = c.opset});
  Registry registry;
  const onnx::Net net(registry.scope(), model);
  const Var y = net(Var(Tensor::from(Shape(c.x_sizes), c.x)));
  EXPECT_EQ(y.shape(), Shape(c.y_sizes));
  const auto got = y.value().values<float>();
  ASSERT_EQ(got.size(), c.y.size());
  // A handful of float operations on numbers below 100: 1e-5 leaves room for their rounding.
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], c.y[i], 1e-5) << "element " << i;
}

}  // namespace clearcut::test
