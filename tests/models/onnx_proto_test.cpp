// The ONNX reader on small files written byte by byte, and on damaged ones.
#include "models/onnx_proto.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/onnx_writer.h"

namespace clearcut {
namespace {

using test::Message;

onnx::Model parse(const std::string& bytes) {
  return onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "t.onnx");
}

std::string error_of(const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

void expect_error(const std::string& bytes, const std::string& text) {
  EXPECT_NE(error_of(bytes).find(text), std::string::npos) << error_of(bytes);
}

std::string model_with(const Message& tensor) {
  return test::onnx_model({.nodes = {test::onnx_node("Relu", {"x"}, {"y"})}, .tensors = {tensor}});
}

Tensor tensor_of(const Message& tensor) { return parse(model_with(tensor)).graph.initializers.at("t"); }

TEST(OnnxProto, ReadsNodesValuesAndOpset) {
  const auto model = parse(test::onnx_model(
      {.nodes = {test::onnx_node(
           "Conv", {"x", "w", ""}, {"y"},
           {test::onnx_attribute("pads", std::vector<std::int64_t>{0, -1, 1, 300}),
            test::onnx_attribute("group", std::int64_t{2}), test::onnx_attribute("auto_pad", "SAME_UPPER"),
            test::onnx_attribute("alpha", 0.5f)},
           "first")},
       .tensors = {test::onnx_floats("w", {1, 2}, {3, 4})},
       .inputs = {test::onnx_value("x", {-1, 3, 8, 8}), test::onnx_value("w", {1, 2})},
       .outputs = {test::onnx_value("y", {-1, 10})},
       .opset = 12}));
  EXPECT_EQ(model.opset, 12);
  EXPECT_EQ(model.ir_version, 7);
  ASSERT_EQ(model.graph.nodes.size(), 1u);
  const onnx::Node& node = model.graph.nodes[0];
  EXPECT_EQ(node.title(), "'first' (Conv)");
  EXPECT_EQ(node.inputs, (std::vector<std::string>{"x", "w", ""}));
  ASSERT_EQ(node.attributes.size(), 4u);
  EXPECT_EQ(node.attributes[0].ints, (std::vector<std::int64_t>{0, -1, 1, 300}));
  EXPECT_EQ(node.attributes[1].i, 2);
  EXPECT_EQ(node.attributes[2].s, "SAME_UPPER");
  EXPECT_EQ(node.attributes[3].f, 0.5f);
  ASSERT_EQ(model.graph.inputs.size(), 1u) << "an initializer is no input";
  EXPECT_EQ(model.graph.inputs[0].sizes, (std::vector<std::int64_t>{-1, 3, 8, 8}));
  EXPECT_EQ(model.graph.outputs[0].name, "y");
}

TEST(OnnxProto, ReadsEveryWayToStoreNumbers) {
  EXPECT_EQ(tensor_of(test::onnx_floats("t", {2, 1}, {1.5f, -2})).values<float>(),
            (std::vector<float>{1.5f, -2}));
  EXPECT_EQ(tensor_of(test::onnx_ints("t", {-1, 7})).values<std::int64_t>(),
            (std::vector<std::int64_t>{-1, 7}));
  EXPECT_EQ(tensor_of(test::onnx_tensor<double>("t", {1}, {0.1}, 11)).values<double>(),
            (std::vector<double>{0.1}));
  // float_data, one by one and packed; int64_data packed with a negative number; a scalar without sizes.
  const Message one_by_one = Message().number(1, 2).number(2, 1).real(4, 3).real(4, 4).text(8, "t");
  EXPECT_EQ(tensor_of(one_by_one).values<float>(), (std::vector<float>{3, 4}));
  const float two[] = {5, 6};
  const Message packed =
      Message().number(1, 2).number(2, 1).text(4, {reinterpret_cast<const char*>(two), 8}).text(8, "t");
  EXPECT_EQ(tensor_of(packed).values<float>(), (std::vector<float>{5, 6}));
  const Message longs = Message()
                            .number(1, 2)
                            .number(2, 7)
                            .part(7, Message().raw_varint(static_cast<std::uint64_t>(-3)).raw_varint(200))
                            .text(8, "t");
  EXPECT_EQ(tensor_of(longs).values<std::int64_t>(), (std::vector<std::int64_t>{-3, 200}));
  EXPECT_EQ(tensor_of(Message().number(2, 1).real(4, 9).text(8, "t")).item(), 9);
}

// Bit patterns from IEEE 754: 1, -2, the largest half 65504, the smallest subnormal 2^-24, infinity, zero.
TEST(OnnxProto, WidensHalves) {
  const auto halves = tensor_of(test::onnx_tensor<std::uint16_t>(
                                    "t", {6}, {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x8000}, 10))
                          .values<float>();
  EXPECT_EQ(halves[0], 1);
  EXPECT_EQ(halves[1], -2);
  EXPECT_EQ(halves[2], 65504);
  EXPECT_EQ(halves[3], 0x1p-24f);
  EXPECT_TRUE(std::isinf(halves[4]));
  EXPECT_TRUE(halves[5] == 0 && std::signbit(halves[5]));
  EXPECT_EQ(tensor_of(test::onnx_tensor<std::uint16_t>("t", {2}, {0x3f80, 0xc040}, 16)).values<float>(),
            (std::vector<float>{1, -3}));
}

TEST(OnnxProto, RefusesHostileTensors) {
  const auto sized = [](std::vector<std::int64_t> sizes) {
    return model_with(test::onnx_floats("t", sizes, {1}));
  };
  expect_error(sized({-1}), "'t' has the size -1");
  expect_error(sized({1 << 30, 1 << 30, 1 << 30}), "more than 2^40 elements");
  expect_error(sized({1 << 30}), "has 1073741824 elements by its sizes, but 1 in the file");
  expect_error(sized({0}), "has 0 elements by its sizes, but 1 in the file");
  expect_error(sized({1, 1, 1, 1, 1, 1, 1}), "7 dimensions");
  expect_error(model_with(test::onnx_tensor<char>("t", {1}, {1, 2, 3}, 1)), "1 elements by its sizes");
  expect_error(model_with(test::onnx_tensor<char>("t", {1}, {1}, 8)), "element type 8");
  expect_error(model_with(test::onnx_floats("t", {1}, {1}).number(14, 1)), "second file");
}

TEST(OnnxProto, RefusesWhatIsNoModel) {
  expect_error("", "no graph");
  expect_error("not a model at all", "damaged");
  expect_error(std::string(11, '\xff'), "more than 10 bytes");
  expect_error(Message().part(7, Message().text(2, "g")).bytes, "no nodes");
  expect_error(test::onnx_model({.nodes = {test::onnx_node("", {}, {"y"})}}), "no operator");
  expect_error(test::onnx_model({.nodes = {test::onnx_node("Relu", {"x"}, {"y"})}, .opset = 0}), "no opset");
  // Field 7 says that 2^60 bytes follow.
  expect_error(Message().key(7, 2).raw_varint(std::uint64_t{1} << 60).bytes, "0 are left");
  expect_error(test::onnx_model({.nodes = {test::onnx_node("Relu", {"x"}, {"y"}),
                                           test::onnx_node("Relu", {"y"}, {"y"}, {}, "again")}}),
               "node 'again' (Relu) makes 'y', which is there already");
}

TEST(OnnxProto, ControlCharactersNeverReachTheTerminal) {
  const auto model = parse(test::onnx_model({.nodes = {test::onnx_node("Re\x1b[2Jlu", {"x"}, {"y"})}}));
  EXPECT_EQ(model.graph.nodes[0].op, "Re?[2Jlu");
}

}  // namespace
}  // namespace clearcut
