// Networks that PyTorch's exporter wrote, against PyTorch's own numbers; see tests/golden/onnx/networks.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/onnx_head.h"
#include "models/onnx_net.h"
#include "tensor/safetensors.h"

namespace clearcut {
namespace {

const std::string kFolder = "tests/golden/onnx/";

struct Network {
  const char* name;
  const char* features;  // operator that makes the feature map that find_feature_map() names, "" for none
  bool cam;
};
void PrintTo(const Network& network, std::ostream* out) { *out << network.name; }

constexpr Network kNetworks[] = {{"resnet_op13", "Relu", true},
                                 {"vgg_op9", "", false},
                                 {"densenet_op11", "Relu", true},
                                 {"mobilenet_v2_op10", "Clip", true},
                                 {"mobilenet_v3_op14", "HardSwish", false},
                                 {"mobilenet_v3_op11", "Mul", false},
                                 {"efficientnet_op15", "Mul", true},
                                 {"shufflenet_op12", "Relu", true},
                                 {"convnext_op16", "Add", false},
                                 {"convnext_op17", "Add", false},
                                 {"mixed_op11", "", false},
                                 {"mixed_op17", "", false},
                                 {"decoder_op13", "Mul", true}};

const Tensor& golden(const std::string& name) {
  static const SafetensorsFile file = read_safetensors(kFolder + "networks.safetensors");
  for (const auto& [key, tensor] : file.tensors)
    if (key == name) return tensor;
  throw Error("no golden " + name);
}

// Some twenty layers, each of sums of up to a few hundred products in another order: 1e-5 of the largest
// value.
void expect_close(const char* what, const Tensor& got, const Tensor& expected) {
  SCOPED_TRACE(what);
  ASSERT_EQ(got.shape(), expected.shape());
  const auto a = got.values<float>(), b = expected.values<float>();
  float largest = 0;
  for (const float v : b) largest = std::max(largest, std::abs(v));
  ASSERT_GT(largest, 0);
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5F * largest) << "element " << i;
}

class OnnxNetwork : public testing::TestWithParam<Network> {
 protected:
  const std::string file_ = GetParam().name, name_ = file_.substr(0, file_.find("_op"));
  const onnx::Model model_ = onnx::read_model(kFolder + file_ + ".onnx");
};

TEST_P(OnnxNetwork, GivesPyTorchsLogitsAndGradient) {
  Registry registry;
  const onnx::Net net(registry.scope(), model_);
  for (const bool fuse : {true, false}) {
    registry.mode.fuse = fuse;
    const Var x(golden("x"), true);
    const Var y = net(x);
    expect_close("logits", y.value(), golden(name_ + ".y"));
    y.backward(golden(name_ + ".dy"));
    expect_close("dx", x.grad(), golden(name_ + ".dx"));
  }
}

// Sizes follow the batch: one picture, and the same two twice.
TEST_P(OnnxNetwork, TakesAnyBatch) {
  Registry registry;
  const onnx::Net net(registry.scope(), model_);
  const NoGrad no_grad;
  const Tensor &x = golden("x"), &y = golden(name_ + ".y");
  expect_close("one picture", net(Var(x.slice(0, 1))).value(), y.slice(0, 1));
  Tensor four({4, 3, 32, 32});
  four.slice(0, 2).copy_from(x);
  four.slice(2, 4).copy_from(x);
  expect_close("four", net(Var(four)).value().slice(2, 4), y);
}

// Weights can be trained: each of them gets a gradient.
TEST_P(OnnxNetwork, CanBeFineTuned) {
  Registry registry;
  const onnx::Net net(registry.scope(), model_);
  registry.require_grad(true);
  net(Var(golden("x"))).backward(golden(name_ + ".dy"));
  for (const Param* p : registry.params()) EXPECT_TRUE(p->var().grad().defined()) << p->name();
}

TEST_P(OnnxNetwork, HeadAndFeatureMap) {
  const std::string logits = onnx::logits_value(model_.graph);
  const std::string features = onnx::find_feature_map(model_, logits);
  std::string made_by;
  for (const onnx::Node& node : model_.graph.nodes)
    if (node.outputs[0] == features) made_by = node.op;
  EXPECT_EQ(made_by, GetParam().features);
  EXPECT_EQ(onnx::find_cam(model_, logits).has_value(), GetParam().cam);
}

INSTANTIATE_TEST_SUITE_P(PyTorch, OnnxNetwork, testing::ValuesIn(kNetworks),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace clearcut
