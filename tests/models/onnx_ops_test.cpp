// Each operator of the ONNX reader on numbers worked out by hand.
#include <cmath>

#include "tests/models/onnx_case.h"

namespace clearcut::test {
namespace {

const Floats kNine = {1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST(OnnxOps, Convolution) {
  const std::vector<Message> weights = {onnx_floats("w", {1, 1, 2, 2}, {1, 1, 1, 1}),
                                        onnx_floats("b", {1}, {0.5})};
  expect_node({.op = "Conv",
               .x_sizes = {1, 1, 3, 3},
               .x = kNine,
               .attributes = {onnx_attribute("pads", Ints{0, 0, 1, 1})},
               .tensors = weights,
               .names = {"w", "b"},
               .y_sizes = {1, 1, 3, 3},
               .y = {12.5, 16.5, 9.5, 24.5, 28.5, 15.5, 15.5, 17.5, 9.5}});
  expect_node(
      {.op = "Conv",
       .x_sizes = {1, 1, 3, 3},
       .x = kNine,
       .attributes = {onnx_attribute("dilations", Ints{2, 2}), onnx_attribute("kernel_shape", Ints{2, 2})},
       .tensors = weights,
       .names = {"w"},
       .y_sizes = {1, 1, 1, 1},
       .y = {1 + 3 + 7 + 9}});
  expect_node({.op = "Conv",
               .x_sizes = {1, 2, 1, 1},
               .x = {2, 3},
               .attributes = {onnx_attribute("group", std::int64_t{2})},
               .tensors = {onnx_floats("w", {2, 1, 1, 1}, {5, 7})},
               .names = {"w"},
               .y_sizes = {1, 2, 1, 1},
               .y = {10, 21}});
}

// 4x4 ones under 3x3 ones with stride 2: one pixel of padding in all; it goes behind (upper) or before
// (lower).
TEST(OnnxOps, AutomaticPadding) {
  const auto same = [](const char* mode, const Ints& sizes, const Floats& y) {
    expect_node({.op = "Conv",
                 .x_sizes = {1, 1, 4, 4},
                 .x = Floats(16, 1),
                 .attributes = {onnx_attribute("auto_pad", mode), onnx_attribute("strides", Ints{2, 2})},
                 .tensors = {onnx_floats("w", {1, 1, 3, 3}, Floats(9, 1))},
                 .names = {"w"},
                 .y_sizes = sizes,
                 .y = y});
  };
  same("SAME_UPPER", {1, 1, 2, 2}, {9, 6, 6, 4});
  same("SAME_LOWER", {1, 1, 2, 2}, {4, 6, 6, 9});
  same("VALID", {1, 1, 1, 1}, {9});
}

TEST(OnnxOps, Pooling) {
  const Message kernel = onnx_attribute("kernel_shape", Ints{2, 2}),
                stride = onnx_attribute("strides", Ints{2, 2});
  const Message ceil = onnx_attribute("ceil_mode", std::int64_t{1}),
                before = onnx_attribute("pads", Ints{1, 1, 0, 0});
  const auto pool = [&](const char* op, const std::vector<Message>& more, const Ints& sizes,
                        const Floats& y) {
    std::vector<Message> attributes = {kernel, stride};
    attributes.insert(attributes.end(), more.begin(), more.end());
    expect_node(
        {.op = op, .x_sizes = {1, 1, 3, 3}, .x = kNine, .attributes = attributes, .y_sizes = sizes, .y = y});
  };
  pool("MaxPool", {}, {1, 1, 1, 1}, {5});
  pool("MaxPool", {ceil}, {1, 1, 2, 2}, {5, 6, 8, 9});
  pool("MaxPool", {before}, {1, 1, 2, 2}, {1, 3, 7, 9});
  pool("MaxPool", {onnx_attribute("auto_pad", "SAME_UPPER")}, {1, 1, 2, 2}, {5, 6, 8, 9});
  pool("AveragePool", {ceil}, {1, 1, 2, 2}, {3, 4.5, 7.5, 9});
  pool("AveragePool", {before}, {1, 1, 2, 2}, {1, 2.5, 5.5, 7});
  pool("AveragePool", {before, onnx_attribute("count_include_pad", std::int64_t{1})}, {1, 1, 2, 2},
       {0.25, 1.25, 2.75, 7});
  expect_node({.op = "GlobalAveragePool",
               .x_sizes = {1, 2, 1, 2},
               .x = {1, 3, 5, 9},
               .y_sizes = {1, 2, 1, 1},
               .y = {2, 7}});
}

TEST(OnnxOps, Pointwise) {
  const Ints sizes = {1, 4};
  const Floats x = {-2, -0.5, 1, 8};
  const auto unary = [&](const char* op, const std::vector<Message>& attributes, const Floats& y) {
    expect_node({.op = op, .x_sizes = sizes, .x = x, .attributes = attributes, .y_sizes = sizes, .y = y});
  };
  unary("Relu", {}, {0, 0, 1, 8});
  unary("Identity", {}, x);
  unary("Dropout", {}, x);
  unary("LeakyRelu", {onnx_attribute("alpha", 0.1f)}, {-0.2f, -0.05f, 1, 8});
  unary("HardSigmoid", {}, {0.1f, 0.4f, 0.7f, 1});
  unary("HardSwish", {}, {-1.f / 3, -0.625f / 3, 2.f / 3, 8});
  // 1 / (1 + e^-x), tanh x and e^x from a table.
  unary("Sigmoid", {}, {0.119203f, 0.377541f, 0.731059f, 0.999665f});
  unary("Tanh", {}, {-0.964028f, -0.462117f, 0.761594f, 1});
  expect_node({.op = "Exp", .x_sizes = {1, 2}, .x = {0, 1}, .y_sizes = {1, 2}, .y = {1, 2.718282f}});
}

TEST(OnnxOps, Clip) {
  const Floats x = {-2, 3, 8};
  expect_node({.op = "Clip",
               .x_sizes = {1, 3},
               .x = x,
               .attributes = {onnx_attribute("min", 0.f), onnx_attribute("max", 6.f)},
               .y_sizes = {1, 3},
               .y = {0, 3, 6},
               .opset = 10});
  const std::vector<Message> bounds = {onnx_floats("low", {}, {0}), onnx_floats("high", {}, {6})};
  expect_node({.op = "Clip",
               .x_sizes = {1, 3},
               .x = x,
               .tensors = bounds,
               .names = {"low", "high"},
               .y_sizes = {1, 3},
               .y = {0, 3, 6}});
  expect_node({.op = "Clip",
               .x_sizes = {1, 3},
               .x = x,
               .tensors = bounds,
               .names = {"", "high"},
               .y_sizes = {1, 3},
               .y = {-2, 3, 6}});
}

TEST(OnnxOps, ArithmeticBroadcasts) {
  const std::vector<Message> c = {onnx_floats("c", {2, 1, 1}, {2, 4})};
  const auto binary = [&](const char* op, const Floats& y) {
    expect_node({.op = op,
                 .x_sizes = {1, 2, 1, 2},
                 .x = {1, 2, 3, 4},
                 .tensors = c,
                 .names = {"c"},
                 .y_sizes = {1, 2, 1, 2},
                 .y = y});
  };
  binary("Add", {3, 4, 7, 8});
  binary("Sub", {-1, 0, -1, 0});
  binary("Mul", {2, 4, 12, 16});
  binary("Div", {0.5, 1, 0.75, 1});
}

TEST(OnnxOps, MatrixProducts) {
  const std::vector<Message> tensors = {onnx_floats("b", {2, 2}, {1, 2, 3, 4}),
                                        onnx_floats("c", {2}, {1, 10})};
  expect_node({.op = "Gemm",
               .x_sizes = {1, 2},
               .x = {1, 2},
               .attributes = {onnx_attribute("alpha", 2.f), onnx_attribute("beta", 3.f)},
               .tensors = tensors,
               .names = {"b", "c"},
               .y_sizes = {1, 2},
               .y = {17, 50}});
  expect_node({.op = "Gemm",
               .x_sizes = {1, 2},
               .x = {1, 2},
               .attributes = {onnx_attribute("transB", std::int64_t{1})},
               .tensors = tensors,
               .names = {"b", "c"},
               .y_sizes = {1, 2},
               .y = {6, 21}});
  expect_node({.op = "Gemm",
               .x_sizes = {2, 1},
               .x = {1, 2},
               .attributes = {onnx_attribute("transA", std::int64_t{1})},
               .tensors = tensors,
               .names = {"b"},
               .y_sizes = {1, 2},
               .y = {7, 10}});
  expect_node({.op = "MatMul",
               .x_sizes = {1, 2},
               .x = {1, 2},
               .tensors = tensors,
               .names = {"b"},
               .y_sizes = {1, 2},
               .y = {7, 10}});
}

// 2 (7 - 3) / sqrt(3 + 1) + 1 = 5 and -1 (2 - 0) / sqrt(0 + 1) + 0 = -2.
TEST(OnnxOps, BatchNormalization) {
  expect_node({.op = "BatchNormalization",
               .x_sizes = {1, 2, 1, 1},
               .x = {7, 2},
               .attributes = {onnx_attribute("epsilon", 1.f)},
               .tensors = {onnx_floats("s", {2}, {2, -1}), onnx_floats("b", {2}, {1, 0}),
                           onnx_floats("m", {2}, {3, 0}), onnx_floats("v", {2}, {3, 0})},
               .names = {"s", "b", "m", "v"},
               .y_sizes = {1, 2, 1, 1},
               .y = {5, -2}});
}

// Softmax of logarithms is a share: before opset 13 of all later dimensions together, since then of one.
TEST(OnnxOps, Softmax) {
  const Floats x = {std::log(1.f), std::log(3.f), std::log(2.f), std::log(2.f)};
  expect_node({.op = "Softmax",
               .x_sizes = {1, 2, 1, 2},
               .x = x,
               .y_sizes = {1, 2, 1, 2},
               .y = {0.125, 0.375, 0.25, 0.25},
               .opset = 11});
  expect_node({.op = "Softmax",
               .x_sizes = {1, 2, 1, 2},
               .x = x,
               .attributes = {onnx_attribute("axis", std::int64_t{1})},
               .y_sizes = {1, 2, 1, 2},
               .y = {1.f / 3, 0.6f, 2.f / 3, 0.4f}});
}

TEST(OnnxOps, ShapesChange) {
  const Floats six = {1, 2, 3, 4, 5, 6};
  const auto shape = [&](const char* op, const Ints& from, const std::vector<Message>& attributes,
                         const std::vector<Message>& tensors, const Ints& to, const Floats& y,
                         std::int64_t opset) {
    expect_node({.op = op,
                 .x_sizes = from,
                 .x = six,
                 .attributes = attributes,
                 .tensors = tensors,
                 .names = tensors.empty() ? std::vector<std::string>{} : std::vector<std::string>{"t"},
                 .y_sizes = to,
                 .y = y,
                 .opset = opset});
  };
  shape("Flatten", {1, 2, 3}, {}, {}, {1, 6}, six, 13);
  shape("Flatten", {1, 2, 3}, {onnx_attribute("axis", std::int64_t{-1})}, {}, {2, 3}, six, 13);
  shape("Reshape", {2, 3, 1}, {}, {onnx_ints("t", {0, -1})}, {2, 3}, six, 13);
  shape("Transpose", {1, 2, 3}, {onnx_attribute("perm", Ints{0, 2, 1})}, {}, {1, 3, 2}, {1, 4, 2, 5, 3, 6},
        13);
  shape("Squeeze", {2, 3, 1}, {onnx_attribute("axes", Ints{2})}, {}, {2, 3}, six, 11);
  shape("Squeeze", {2, 3, 1}, {}, {onnx_ints("t", {-1})}, {2, 3}, six, 13);
  shape("Unsqueeze", {2, 3}, {}, {onnx_ints("t", {1, 3})}, {2, 1, 3, 1}, six, 13);
  shape("ReduceMean", {1, 2, 3},
        {onnx_attribute("axes", Ints{2}), onnx_attribute("keepdims", std::int64_t{0})}, {}, {1, 2}, {2, 5},
        13);
  shape("ReduceMean", {1, 2, 3}, {}, {onnx_ints("t", {-1})}, {1, 2, 1}, {2, 5}, 18);
}

TEST(OnnxOps, PadAndConcat) {
  expect_node({.op = "Pad",
               .x_sizes = {1, 1, 1, 1},
               .x = {5},
               .tensors = {onnx_ints("t", {0, 0, 1, 0, 0, 0, 0, 1})},
               .names = {"t"},
               .y_sizes = {1, 1, 2, 2},
               .y = {0, 0, 5, 0}});
  expect_node({.op = "Concat",
               .x_sizes = {1, 2},
               .x = {1, 2},
               .attributes = {onnx_attribute("axis", std::int64_t{-1})},
               .names = {"x"},
               .y_sizes = {1, 4},
               .y = {1, 2, 1, 2}});
}

}  // namespace
}  // namespace clearcut::test
