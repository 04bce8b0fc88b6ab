// Resize and Upsample, by hand.
#include "tests/models/onnx_case.h"

namespace clearcut::test {
namespace {

// Half-pixel centres: 0 and 4 spread over four pixels are 0, 1, 3, 4; corners on corners 0, 4/3, 8/3, 4.
TEST(OnnxResize, TwiceTheSize) {
  const auto resize = [](const std::vector<Message>& attributes, const Floats& y, bool by_sizes) {
    expect_node({.op = "Resize",
                 .x_sizes = {1, 1, 1, 2},
                 .x = {0, 4},
                 .attributes = attributes,
                 .tensors = {onnx_floats("scales", {4}, {1, 1, 1, 2}), onnx_ints("sizes", {1, 1, 1, 4})},
                 .names = by_sizes ? std::vector<std::string>{"", "", "sizes"}
                                   : std::vector<std::string>{"", "scales"},
                 .y_sizes = {1, 1, 1, 4},
                 .y = y});
  };
  const Message linear = onnx_attribute("mode", "linear");
  const auto where = [](const char* mode) { return onnx_attribute("coordinate_transformation_mode", mode); };
  for (const bool by_sizes : {false, true}) {
    resize({linear}, {0, 1, 3, 4}, by_sizes);
    resize({linear, where("pytorch_half_pixel")}, {0, 1, 3, 4}, by_sizes);
    resize({linear, where("align_corners")}, {0, 4 / 3.f, 8 / 3.f, 4}, by_sizes);
    resize({}, {0, 0, 4, 4}, by_sizes);
    resize({where("asymmetric"), onnx_attribute("nearest_mode", "floor")}, {0, 0, 4, 4}, by_sizes);
  }
}

// Pixels 0, 1, 2, 3 with value their index. By hand: corners put output i of 7 at i / 2, asymmetric of 8 at i
// / 2.
TEST(OnnxResize, NearestRoundsAsAsked) {
  const auto nearest = [](const char* where, const char* mode, const Floats& y) {
    const auto w = static_cast<std::int64_t>(y.size());
    expect_node({.op = "Resize",
                 .x_sizes = {1, 1, 1, 4},
                 .x = {0, 1, 2, 3},
                 .attributes = {onnx_attribute("coordinate_transformation_mode", where),
                                onnx_attribute("nearest_mode", mode)},
                 .tensors = {onnx_ints("sizes", {1, 1, 1, w})},
                 .names = {"", "", "sizes"},
                 .y_sizes = {1, 1, 1, w},
                 .y = y});
  };
  nearest("align_corners", "floor", {0, 0, 1, 1, 2, 2, 3});
  nearest("align_corners", "round_prefer_floor", {0, 0, 1, 1, 2, 2, 3});
  nearest("align_corners", "round_prefer_ceil", {0, 1, 1, 2, 2, 3, 3});
  nearest("asymmetric", "ceil", {0, 1, 1, 2, 2, 3, 3, 3});
  nearest("asymmetric", "round_prefer_ceil", {0, 1, 1, 2, 2, 3, 3, 3});
  nearest("asymmetric", "round_prefer_floor", {0, 0, 1, 1, 2, 2, 3, 3});
  nearest("asymmetric", "floor", {0, 0, 1, 1, 2, 2, 3, 3});
  nearest("half_pixel", "round_prefer_floor", {0, 1, 3});  // 1/6, 3/2 (a tie), 17/6
}

// Five pixels at scale 0.5 are two, whose centres lie at 2 (i + 1/2) - 1/2: the scale counts, not 5 / 2.
TEST(OnnxResize, ByAScaleThatRoundsDown) {
  const auto half = [](const std::vector<Message>& attributes, const Floats& y) {
    expect_node({.op = "Resize",
                 .x_sizes = {1, 1, 1, 5},
                 .x = {0, 1, 2, 3, 4},
                 .attributes = attributes,
                 .tensors = {onnx_floats("scales", {4}, {1, 1, 1, 0.5f})},
                 .names = {"", "scales"},
                 .y_sizes = {1, 1, 1, 2},
                 .y = y});
  };
  half({onnx_attribute("mode", "linear")}, {0.5f, 2.5f});
  half({onnx_attribute("coordinate_transformation_mode", "asymmetric"),
        onnx_attribute("nearest_mode", "floor")},
       {0, 2});
}

TEST(OnnxResize, Upsample) {
  for (const std::int64_t opset : {7, 9, 10}) {
    const bool attribute = opset < 9;
    expect_node({.op = opset < 10 ? "Upsample" : "Resize",
                 .x_sizes = {1, 1, 1, 2},
                 .x = {0, 4},
                 .attributes = attribute ? std::vector{Message()
                                                           .text(1, "scales")
                                                           .real(7, 1)
                                                           .real(7, 1)
                                                           .real(7, 1)
                                                           .real(7, 2)
                                                           .number(20, 6)}
                                         : std::vector<Message>{},
                 .tensors = {onnx_floats("scales", {4}, {1, 1, 1, 2})},
                 .names = attribute ? std::vector<std::string>{} : std::vector<std::string>{"scales"},
                 .y_sizes = {1, 1, 1, 4},
                 .y = {0, 0, 4, 4},
                 .opset = opset});
  }
}

}  // namespace
}  // namespace clearcut::test
