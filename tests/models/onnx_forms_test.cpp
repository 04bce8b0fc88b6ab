// Operators of the ONNX reader in the forms that exporters of different times write, on numbers worked out by
// hand; sizes worked out by the graph.
#include <cmath>
#include <limits>

#include "tests/errors.h"
#include "tests/models/onnx_case.h"

namespace clearcut::test {
namespace {

const Floats kSix = {1, 2, 3, 4, 5, 6};

TEST(OnnxForms, Activations) {
  const auto unary = [](const char* op, const std::vector<Message>& attributes, const Floats& x,
                        const Floats& y, std::int64_t opset = 20) {
    const Ints sizes = {1, static_cast<std::int64_t>(x.size())};
    expect_node({.op = op,
                 .x_sizes = sizes,
                 .x = x,
                 .attributes = attributes,
                 .y_sizes = sizes,
                 .y = y,
                 .opset = opset});
  };
  // From tables of exp, erf and tanh: erf(0.5) = 0.520500, erf(1) = 0.842701, erf(2) = 0.995322.
  unary("Erf", {}, {0, 0.5, -1, 2, 5}, {0, 0.520500f, -0.842701f, 0.995322f, 1});
  unary("Gelu", {}, {1, -1}, {0.841345f, -0.158655f});  // x times the normal distribution
  unary("Gelu", {onnx_attribute("approximate", "tanh")}, {1, -1}, {0.841192f, -0.158808f});
  unary("Elu", {onnx_attribute("alpha", 2.f)}, {3, -1}, {3, 2 * (0.367879f - 1)});
  unary("Selu", {}, {1, -1}, {1.050701f, -1.111331f});
  unary("Softplus", {}, {0, 1}, {0.693147f, 1.313262f});
  unary("Mish", {}, {1}, {0.865098f});  // tanh(1.313262) = 0.865098
  unary("LogSoftmax", {}, {std::log(1.f), std::log(3.f)}, {std::log(0.25f), std::log(0.75f)});
  unary("Log", {}, {1, 2.718282f}, {0, 1});
  unary("Reciprocal", {}, {2, -4}, {0.5, -0.25});
}

TEST(OnnxForms, FixedSecondInputs) {
  const auto binary = [](const char* op, float other, const Floats& x, const Floats& y) {
    const Ints sizes = {1, static_cast<std::int64_t>(x.size())};
    expect_node({.op = op,
                 .x_sizes = sizes,
                 .x = x,
                 .tensors = {onnx_floats("c", {}, {other})},
                 .names = {"c"},
                 .y_sizes = sizes,
                 .y = y});
  };
  binary("Pow", 2, {3, -2}, {9, 4});
  binary("Pow", 3, {3, -2}, {27, -8});
  binary("Pow", 0.5, {9, 4}, {3, 2});
  binary("Pow", -1, {2, 4}, {0.5, 0.25});
  binary("Pow", -0.5, {4, 16}, {0.5, 0.25});
  binary("Min", 2, {1, 3}, {1, 2});
  binary("Max", 2, {1, 3}, {2, 3});
  expect_node({.op = "PRelu",
               .x_sizes = {1, 2, 1, 2},
               .x = {1, -1, 2, -2},
               .tensors = {onnx_floats("c", {2, 1, 1}, {0.5, 0.25})},
               .names = {"c"},
               .y_sizes = {1, 2, 1, 2},
               .y = {1, -0.5, 2, -0.5}});
  expect_node(
      {.op = "Sum", .x_sizes = {1, 2}, .x = {1, 2}, .names = {"x", "x"}, .y_sizes = {1, 2}, .y = {3, 6}});
}

// (1, 3) has mean 2 and variance 1; (2, 6) mean 4 and variance 4.
TEST(OnnxForms, Normalisations) {
  const Message tiny = onnx_attribute("epsilon", 0.f);
  const std::vector<Message> two = {onnx_floats("s", {2}, {2, 3}), onnx_floats("b", {2}, {10, 20})};
  expect_node({.op = "LayerNormalization",
               .x_sizes = {2, 2},
               .x = {1, 3, 2, 6},
               .attributes = {tiny},
               .tensors = two,
               .names = {"s", "b"},
               .y_sizes = {2, 2},
               .y = {8, 23, 8, 23},
               .opset = 17});
  expect_node({.op = "LayerNormalization",
               .x_sizes = {1, 2, 1},
               .x = {1, 3},
               .attributes = {tiny, onnx_attribute("axis", std::int64_t{1})},
               .tensors = {onnx_floats("s", {2, 1}, {2, 3})},
               .names = {"s"},
               .y_sizes = {1, 2, 1},
               .y = {-2, 3},
               .opset = 17});
  expect_node({.op = "InstanceNormalization",
               .x_sizes = {1, 2, 1, 2},
               .x = {1, 3, 2, 6},
               .attributes = {tiny},
               .tensors = two,
               .names = {"s", "b"},
               .y_sizes = {1, 2, 1, 2},
               .y = {8, 12, 17, 23}});
}

TEST(OnnxForms, GroupsAndVectors) {
  const Message tiny = onnx_attribute("epsilon", 0.f);
  const std::vector<Message> two = {onnx_floats("s", {2}, {2, 3}), onnx_floats("b", {2}, {10, 20})};
  const Message one_group = onnx_attribute("num_groups", std::int64_t{1});
  expect_node({.op = "GroupNormalization",
               .x_sizes = {1, 2, 1, 1},
               .x = {1, 3},
               .attributes = {tiny, one_group},
               .tensors = two,
               .names = {"s", "b"},
               .y_sizes = {1, 2, 1, 1},
               .y = {8, 23},
               .opset = 21});
  expect_node({.op = "GroupNormalization",
               .x_sizes = {1, 2, 1, 1},
               .x = {1, 3},
               .attributes = {tiny, one_group},
               .tensors = {onnx_floats("s", {1}, {2}), onnx_floats("b", {1}, {10})},
               .names = {"s", "b"},
               .y_sizes = {1, 2, 1, 1},
               .y = {8, 12},
               .opset = 18});
  expect_node({.op = "BatchNormalization",
               .x_sizes = {1, 2},
               .x = {7, 2},
               .attributes = {onnx_attribute("epsilon", 1.f)},
               .tensors = {onnx_floats("s", {2}, {2, -1}), onnx_floats("b", {2}, {1, 0}),
                           onnx_floats("m", {2}, {3, 0}), onnx_floats("v", {2}, {3, 0})},
               .names = {"s", "b", "m", "v"},
               .y_sizes = {1, 2},
               .y = {5, -2}});
}

TEST(OnnxForms, Reductions) {
  const auto reduce = [](const char* op, const std::vector<Message>& attributes,
                         const std::vector<Message>& tensors, const Ints& to, const Floats& y,
                         std::int64_t opset) {
    expect_node({.op = op,
                 .x_sizes = {1, 2, 3},
                 .x = kSix,
                 .attributes = attributes,
                 .tensors = tensors,
                 .names = tensors.empty() ? std::vector<std::string>{} : std::vector<std::string>{"t"},
                 .y_sizes = to,
                 .y = y,
                 .opset = opset});
  };
  const Message last = onnx_attribute("axes", Ints{-1}), drop = onnx_attribute("keepdims", std::int64_t{0});
  reduce("ReduceSum", {last, drop}, {}, {1, 2}, {6, 15}, 12);
  reduce("ReduceSum", {}, {onnx_ints("t", {1})}, {1, 1, 3}, {5, 7, 9}, 13);
  reduce("ReduceMax", {onnx_attribute("axes", Ints{1, 2}), drop}, {}, {1}, {6}, 13);
  reduce("ReduceMax", {}, {onnx_ints("t", {2})}, {1, 2, 1}, {3, 6}, 18);
  expect_node({.op = "GlobalMaxPool",
               .x_sizes = {1, 2, 1, 2},
               .x = {1, 3, 9, 5},
               .y_sizes = {1, 2, 1, 1},
               .y = {3, 9}});
}

TEST(OnnxForms, SlicesAndIndices) {
  const auto slice = [](const Ints& begins, const Ints& ends, const Ints& axes, const Ints& steps,
                        const Ints& to, const Floats& y) {
    expect_node({.op = "Slice",
                 .x_sizes = {1, 6},
                 .x = kSix,
                 .tensors = {onnx_ints("b", begins), onnx_ints("e", ends), onnx_ints("a", axes),
                             onnx_ints("s", steps)},
                 .names = {"b", "e", "a", "s"},
                 .y_sizes = to,
                 .y = y});
  };
  constexpr std::int64_t kFar = 9223372036854775807;
  slice({1}, {kFar}, {1}, {1}, {1, 5}, {2, 3, 4, 5, 6});
  slice({-3}, {-1}, {-1}, {1}, {1, 2}, {4, 5});
  slice({0}, {6}, {1}, {2}, {1, 3}, {1, 3, 5});
  slice({-1}, {-kFar}, {1}, {-2}, {1, 3}, {6, 4, 2});
  slice({4}, {0}, {1}, {-1}, {1, 4}, {5, 4, 3, 2});
  expect_node({.op = "Slice",
               .x_sizes = {1, 6},
               .x = kSix,
               .attributes = {onnx_attribute("starts", Ints{2}), onnx_attribute("ends", Ints{4}),
                              onnx_attribute("axes", Ints{1})},
               .y_sizes = {1, 2},
               .y = {3, 4},
               .opset = 9});
  const auto gather = [](const Message& indices, const Ints& to, const Floats& y) {
    expect_node({.op = "Gather",
                 .x_sizes = {1, 3, 2},
                 .x = kSix,
                 .attributes = {onnx_attribute("axis", std::int64_t{1})},
                 .tensors = {indices},
                 .names = {"i"},
                 .y_sizes = to,
                 .y = y});
  };
  gather(onnx_ints("i", {2, 0, 1}), {1, 3, 2}, {5, 6, 1, 2, 3, 4});
  gather(onnx_tensor<std::int64_t>("i", {}, {-1}, 7), {1, 2}, {5, 6});
}

// Both outputs of x [1, 5] cut in two, joined again the other way round.
TEST(OnnxForms, Split) {
  const auto split = [](const std::vector<Message>& attributes, const std::vector<Message>& tensors,
                        const Floats& y, std::int64_t opset) {
    std::vector<std::string> inputs = {"x"};
    if (!tensors.empty()) inputs.emplace_back("t");
    const auto model = parse_onnx(
        {.nodes = {onnx_node("Split", inputs, {"a", "b"}, attributes),
                   onnx_node("Concat", {"b", "a"}, {"y"}, {onnx_attribute("axis", std::int64_t{1})})},
         .tensors = tensors,
         .inputs = {onnx_value("x", {-1, 5})},
         .outputs = {onnx_value("y", {-1, 5})},
         .opset = opset});
    Registry registry;
    const onnx::Net net(registry.scope(), model);
    const Tap second(registry, "b");
    EXPECT_EQ(net(Var(Tensor::from<float>({1, 5}, {1, 2, 3, 4, 5}))).value().values<float>(), y);
    EXPECT_EQ(second.activation().values<float>()[0], y[0]) << "every output can be tapped";
  };
  const Message axis = onnx_attribute("axis", std::int64_t{1});
  split({axis, onnx_attribute("split", Ints{2, 3})}, {}, {3, 4, 5, 1, 2}, 11);
  split({axis}, {onnx_ints("t", {4, 1})}, {5, 1, 2, 3, 4}, 13);
  split({axis, onnx_attribute("num_outputs", std::int64_t{2})}, {}, {4, 5, 1, 2, 3}, 18);
}

// Channels 0 to 3 of one pixel become the rows of a block of two by two. Two groups tell DCR from CRD.
TEST(OnnxForms, PixelShuffles) {
  const Message two = onnx_attribute("blocksize", std::int64_t{2});
  const Floats eight = {0, 1, 2, 3, 4, 5, 6, 7};
  expect_node({.op = "DepthToSpace",
               .x_sizes = {1, 8, 1, 1},
               .x = eight,
               .attributes = {two},
               .y_sizes = {1, 2, 2, 2},
               .y = {0, 2, 4, 6, 1, 3, 5, 7}});
  expect_node({.op = "DepthToSpace",
               .x_sizes = {1, 8, 1, 1},
               .x = eight,
               .attributes = {two, onnx_attribute("mode", "CRD")},
               .y_sizes = {1, 2, 2, 2},
               .y = eight});
  expect_node({.op = "SpaceToDepth",
               .x_sizes = {1, 2, 2, 2},
               .x = {0, 2, 4, 6, 1, 3, 5, 7},
               .attributes = {two},
               .y_sizes = {1, 8, 1, 1},
               .y = eight});
}

Var run(const OnnxParts& parts, const Var& x) {
  Registry registry;
  const onnx::Net net(registry.scope(), parse_onnx(parts));
  return net(x);
}

// x [N, 4] -> [N, 2, 2] by sizes that the graph takes from x: Shape, Gather, Unsqueeze, Div, Concat, Reshape.
TEST(OnnxForms, SizesWorkedOutByTheGraph) {
  const Message axis0 = onnx_attribute("axis", std::int64_t{0});
  const OnnxParts parts{
      .nodes = {onnx_node("Shape", {"x"}, {"s"}), onnx_node("Gather", {"s", "zero"}, {"n"}, {axis0}),
                onnx_node("Unsqueeze", {"n", "axes"}, {"n1"}),
                onnx_node("Gather", {"s", "one"}, {"c"}, {axis0}), onnx_node("Div", {"c", "two"}, {"half"}),
                onnx_node("Unsqueeze", {"half", "axes"}, {"half1"}),
                onnx_node("Concat", {"n1", "half1", "rest"}, {"sizes"}, {axis0}),
                onnx_node("Reshape", {"x", "sizes"}, {"y"})},
      .tensors = {onnx_tensor<std::int64_t>("zero", {}, {0}, 7), onnx_tensor<std::int64_t>("one", {}, {1}, 7),
                  onnx_tensor<std::int64_t>("two", {}, {2}, 7), onnx_ints("axes", {0}),
                  onnx_ints("rest", {-1})},
      .inputs = {onnx_value("x", {-1, 4})},
      .outputs = {onnx_value("y", {-1, 2, 2})}};
  EXPECT_EQ(run(parts, Var(Tensor::zeros({3, 4}))).shape(), (Shape{3, 2, 2}));
  EXPECT_EQ(run(parts, Var(Tensor::zeros({1, 4}))).shape(), (Shape{1, 2, 2}));
}

// Sums past the end of int64 ended never; what is gathered is bounded by the indices, too.
TEST(OnnxForms, FixedNumbersStayFew) {
  const std::int64_t last = std::numeric_limits<std::int64_t>::max();
  const auto ranged = [](std::int64_t start, std::int64_t limit, std::int64_t step) {
    const OnnxParts parts{
        .nodes = {onnx_node("Range", {"start", "limit", "step"}, {"range"}),
                  onnx_node("Cast", {"range"}, {"real"}, {onnx_attribute("to", std::int64_t{1})}),
                  onnx_node("Add", {"x", "real"}, {"y"})},
        .tensors = {onnx_tensor<std::int64_t>("start", {}, {start}, 7),
                    onnx_tensor<std::int64_t>("limit", {}, {limit}, 7),
                    onnx_tensor<std::int64_t>("step", {}, {step}, 7)},
        .inputs = {onnx_value("x", {-1})},
        .outputs = {onnx_value("y", {-1})}};
    return run(parts, Var(Tensor::zeros({1}))).value().numel();
  };
  EXPECT_EQ(ranged(last - 5, last, 10), 1);
  EXPECT_EQ(ranged(5 - last, -last, -10), 1);
  EXPECT_EQ(ranged(0, 7, 3), 3);
  EXPECT_EQ(ranged(7, 0, -3), 3);
  const OnnxParts gathered{
      .nodes = {onnx_node("Gather", {"table", "rows"}, {"many"}, {onnx_attribute("axis", std::int64_t{0})}),
                onnx_node("Add", {"x", "many"}, {"y"})},
      .tensors = {onnx_floats("table", {1, 2048}, Floats(2048)), onnx_ints("rows", Ints(1024))},
      .inputs = {onnx_value("x", {-1, 1})},
      .outputs = {onnx_value("y", {-1, 2048})}};
  expect_error([&] { run(gathered, Var(Tensor::zeros({1, 1}))); }, "are more than");
}

// ConstantOfShape [2] of 3s, times Range 1, 3 -> [3, 6]; minus 1 where equal to 6; as floats added to x.
TEST(OnnxForms, FixedNumbersAreWorkedOutBeforehand) {
  const auto scalar = [](const char* name, std::int64_t v) {
    return onnx_tensor<std::int64_t>(name, {}, {v}, 7);
  };
  const OnnxParts parts{
      .nodes = {onnx_node("ConstantOfShape", {"shape"}, {"threes"},
                          {onnx_attribute("value", onnx_ints("", {3}))}),
                onnx_node("Range", {"one", "three", "one"}, {"range"}),
                onnx_node("Mul", {"threes", "range"}, {"product"}),
                onnx_node("Equal", {"product", "six"}, {"is_six"}),
                onnx_node("Sub", {"product", "one"}, {"less"}),
                onnx_node("Where", {"is_six", "less", "product"}, {"chosen"}),
                onnx_node("Cast", {"chosen"}, {"real"}, {onnx_attribute("to", std::int64_t{1})}),
                onnx_node("Add", {"x", "real"}, {"y"})},
      .tensors = {onnx_ints("shape", {2}), scalar("one", 1), scalar("three", 3), scalar("six", 6)},
      .inputs = {onnx_value("x", {-1, 2})},
      .outputs = {onnx_value("y", {-1, 2})}};
  EXPECT_EQ(run(parts, Var(Tensor::from<float>({1, 2}, {10, 20}))).value().values<float>(), (Floats{13, 25}));
}

// A column times a row would be 2^24 numbers.
TEST(OnnxForms, FixedNumbersStaySmall) {
  for (const char* op : {"Mul", "MatMul"}) {
    const OnnxParts parts{
        .nodes = {onnx_node(op, {"column", "row"}, {"big"}), onnx_node("Add", {"x", "big"}, {"y"})},
        .tensors = {onnx_floats("column", {4096, 1}, Floats(4096, 1)),
                    onnx_floats("row", {1, 4096}, Floats(4096, 1))},
        .inputs = {onnx_value("x", {-1, 2})},
        .outputs = {onnx_value("y", {-1, 2})}};
    expect_error(
        [&] {
          run(parts, Var(Tensor::zeros({1, 2})));
        },
        "depends on fixed numbers only, and is too much");
  }
}

}  // namespace
}  // namespace clearcut::test
