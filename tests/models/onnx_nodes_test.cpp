// Single operators of the ONNX reader against other programs' numbers: tests/golden/onnx/nodes.py.
#include "tensor/safetensors.h"
#include "tests/errors.h"
#include "tests/models/onnx_case.h"

namespace clearcut::test {
namespace {

const Tensor& golden(const std::string& name) {
  static const SafetensorsFile file = read_safetensors("tests/golden/onnx/nodes.safetensors");
  for (const auto& [key, tensor] : file.tensors)
    if (key == name) return tensor;
  throw Error("no golden " + name);
}

void expect_golden(const std::string& name, const std::string& op, const std::vector<Message>& attributes,
                   const std::vector<Message>& tensors = {}, const std::vector<std::string>& names = {},
                   std::int64_t opset = 13) {
  SCOPED_TRACE(name);
  const Tensor &x = golden(name + ".x"), &y = golden(name + ".y");
  expect_node({.op = op,
               .x_sizes = x.shape().sizes(),
               .x = x.values<float>(),
               .attributes = attributes,
               .tensors = tensors,
               .names = names,
               .y_sizes = y.shape().sizes(),
               .y = y.values<float>(),
               .opset = opset});
}

TEST(OnnxNodes, LocalResponseNormalization) {
  const auto lrn = [](const std::string& name, std::int64_t size) {
    expect_golden(name, "LRN",
                  {onnx_attribute("size", size), onnx_attribute("alpha", 0.9f), onnx_attribute("beta", 0.6f),
                   onnx_attribute("bias", 1.5f)});
  };
  lrn("lrn", 5);
  lrn("lrn_even", 4);
}

TEST(OnnxNodes, CubicResizeWithoutPixelsOutside) {
  expect_golden("cubic", "Resize",
                {onnx_attribute("mode", "cubic"), onnx_attribute("cubic_coeff_a", -0.5f),
                 onnx_attribute("exclude_outside", std::int64_t{1})},
                {onnx_ints("sizes", {1, 1, 8, 13})}, {"", "", "sizes"});
}

TEST(OnnxNodes, LinearResizeByCorners) {
  const std::vector<Message> scales = {onnx_floats("scales", {4}, {1, 1, 2.5, 1.75})};
  const Message linear = onnx_attribute("mode", "linear"),
                asymmetric = onnx_attribute("coordinate_transformation_mode", "asymmetric");
  expect_golden("asymmetric", "Resize", {linear, asymmetric}, scales, {"", "scales"});
  expect_golden("asymmetric", "Upsample", {linear}, scales, {"scales"}, 9);
}

TEST(OnnxNodes, WhatIsNotSupportedIsRefusedByTheNodesName) {
  const auto refuses = [](const std::string& op, const std::vector<Message>& attributes,
                          const std::string& text) {
    expect_error(
        [&] {
          const auto model = parse_onnx({.nodes = {onnx_node(op, {"x", "w"}, {"y"}, attributes, "here")},
                                         .tensors = {onnx_floats("w", {1, 1, 2, 2}, {1, 2, 3, 4})},
                                         .inputs = {onnx_value("x", {-1, 1, 4, 4})},
                                         .outputs = {onnx_value("y", {})}});
          Registry registry;
          const onnx::Net net(registry.scope(), model);
        },
        "node 'here' (" + op + "): " + text);
  };
  refuses("ConvTranspose", {onnx_attribute("output_shape", Ints{7, 7})},
          "auto_pad SAME and output_shape are not");
  refuses("ConvTranspose", {onnx_attribute("output_padding", Ints{1, 0})},
          "output_padding must be two numbers");
  refuses("Resize", {onnx_attribute("coordinate_transformation_mode", "tf_crop_and_resize")},
          "coordinate_transformation_mode 'tf_crop_and_resize' is not supported");
  refuses("Resize", {onnx_attribute("mode", "lanczos")}, "mode 'lanczos' is not supported");
}

}  // namespace
}  // namespace clearcut::test
