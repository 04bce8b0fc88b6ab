// Damaged ONNX files: whatever the bytes, the reader answers with a network or an Error.
#include <gtest/gtest.h>

#include "models/onnx_head.h"
#include "models/onnx_net.h"
#include "tensor/random.h"
#include "tests/onnx_writer.h"

namespace clearcut {
namespace {

using test::onnx_attribute;
using test::onnx_floats;
using test::onnx_node;
using Ints = std::vector<std::int64_t>;

// A small classifier with every kind of field: 2 classes on 3x6x6 pictures.
std::string small_model() {
  return test::onnx_model(
      {.nodes = {onnx_node("Conv", {"x", "w", "b"}, {"c"},
                           {onnx_attribute("pads", Ints{1, 1, 1, 1}), onnx_attribute("strides", Ints{2, 2}),
                            onnx_attribute("group", std::int64_t{1})},
                           "conv"),
                 onnx_node("Clip", {"c", "low", "high"}, {"r"}),
                 onnx_node(
                     "MaxPool", {"r"}, {"p"},
                     {onnx_attribute("kernel_shape", Ints{2, 2}), onnx_attribute("auto_pad", "SAME_UPPER"),
                      onnx_attribute("ceil_mode", std::int64_t{1})}),
                 onnx_node("GlobalAveragePool", {"p"}, {"g"}), onnx_node("Reshape", {"g", "shape"}, {"f"}),
                 onnx_node("Gemm", {"f", "fc"}, {"y"},
                           {onnx_attribute("transB", std::int64_t{1}), onnx_attribute("alpha", 1.f)}, "fc")},
       .tensors = {onnx_floats("w", {2, 3, 3, 3}, std::vector<float>(54, 0.5f)),
                   onnx_floats("b", {2}, {1, 2}), onnx_floats("low", {}, {0}), onnx_floats("high", {}, {6}),
                   test::onnx_ints("shape", {0, -1}), onnx_floats("fc", {2, 2}, {1, 2, 3, 4})},
       .inputs = {test::onnx_value("x", {-1, 3, 6, 6})},
       .outputs = {test::onnx_value("y", {-1, 2})}});
}

// True if the bytes make a network that runs; false if they are refused with an Error. Anything else that is
// thrown, and any crash, fails the test.
bool runs(const std::string& bytes) {
  try {
    const auto model =
        onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "f.onnx");
    Registry registry;
    const std::string logits = onnx::logits_value(model.graph);
    const onnx::Net net(registry.scope(), model, logits);
    onnx::find_cam(model, logits);
    onnx::find_feature_map(model, logits);
    const NoGrad no_grad;
    net(Var(Tensor::zeros({1, 3, 6, 6})));
    return true;
  } catch (const Error& error) {
    EXPECT_FALSE(std::string(error.what()).empty());
    return false;
  }
}

TEST(OnnxFuzz, EveryPrefixIsRefused) {
  const std::string whole = small_model();
  ASSERT_TRUE(runs(whole));
  for (std::size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(runs(whole.substr(0, n))) << "prefix of " << n;
}

TEST(OnnxFuzz, FlippedBitsNeverCrash) {
  const std::string whole = small_model();
  int accepted = 0;
  constexpr int kRounds = 4000;
  for (int round = 0; round < kRounds; ++round) {
    const RandomStream random(7, "onnx-bits", static_cast<std::uint64_t>(round));
    std::string bytes = whole;
    const std::int64_t flips = 1 + random.below(0, 4);
    for (std::int64_t i = 0; i < flips; ++i) {
      const auto at =
          static_cast<std::size_t>(random.below(1 + 2 * i, static_cast<std::int64_t>(bytes.size())));
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(2 + 2 * i, 8)));
    }
    accepted += runs(bytes) ? 1 : 0;
  }
  // Flips in weights and names leave a network that runs; flips in lengths do not.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kRounds);
}

// Every byte replaced by the values that are worst for lengths and sizes.
TEST(OnnxFuzz, ExtremeBytesNeverCrash) {
  const std::string whole = small_model();
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const char value : {'\0', '\x7f', '\x80', '\xff'}) {
      std::string bytes = whole;
      bytes[i] = value;
      runs(bytes);
    }
}

}  // namespace
}  // namespace clearcut
