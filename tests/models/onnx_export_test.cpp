// Our networks as ONNX graphs, read back by our own reader: the same logits, for any batch and size.
#include "models/onnx_export.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/rearrange.h"
#include "autograd/resize.h"
#include "models/build.h"
#include "models/onnx_encode.h"
#include "models/onnx_net.h"
#include "tensor/random.h"
#include "tensor/safetensors.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

constexpr std::int64_t kClasses = 5;

// Batch norms as training leaves them; fresh ones are 0 and 1, which would prove little.
void shake(Registry& root) {
  for (const auto& [name, tensor] : root.state()) {
    if (tensor.rank() != 1) continue;
    const RandomStream random(3, name);
    if (name.ends_with("running_var"))
      random.fill_uniform(tensor, 0.5, 1.5);
    else
      random.fill_normal(tensor, name.ends_with("weight") ? 1 : 0, 0.1);
  }
}

Tensor picture(std::int64_t batch, Size2 size) {
  Tensor x({batch, 3, size.h, size.w});
  RandomStream(5, "picture").fill_normal(x, 0, 1);
  return x;
}

onnx::Model through_bytes(const onnx::Model& model) {
  const std::string bytes = onnx::encode_model(model);
  return onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "t.onnx");
}

// The reader folds batch norms and joins operators otherwise than the network does: rounding of float32 sums
// of some hundred products, through up to three hundred layers. 1e-4 of the largest logit leaves room.
void expect_close(const Tensor& got, const Tensor& expected) {
  ASSERT_EQ(got.shape(), expected.shape());
  const auto a = got.values<float>(), b = expected.values<float>();
  float largest = 0, apart = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(b[i]));
    apart = std::max(apart, std::abs(a[i] - b[i]));
  }
  EXPECT_GT(largest, 0);
  EXPECT_LE(apart, 1e-4F * largest);
}

void expect_same_logits(const onnx::Model& model, const Forward& forward, Size2 size) {
  Registry registry;
  const onnx::Net net(registry.scope(), through_bytes(model));
  const NoGrad no_grad;
  for (const std::int64_t batch : {1, 3}) {
    SCOPED_TRACE(cat(batch, " x ", size.h, " x ", size.w));
    const Var x(picture(batch, size));
    expect_close(net(x).value(), forward(x).value());
  }
}

ModelSpec narrow(const std::string& name) {
  return {.name = name, .classes = kClasses, .width = 0.125, .seed = 2};
}

// Every weight of ours is an initializer of that name, and none is missing but the counters of batch norms.
void expect_names(const onnx::Model& model, const Registry& root, bool all) {
  std::size_t found = 0;
  for (const auto& [name, tensor] : root.state()) {
    const auto initializer = model.graph.initializers.find(name);
    if (initializer != model.graph.initializers.end()) {
      ++found;
      EXPECT_EQ(initializer->second.values<float>(), tensor.values<float>()) << name;
    } else if (all) {
      EXPECT_TRUE(name.ends_with("num_batches_tracked")) << name;
    }
  }
  EXPECT_GT(found, 0U);
}

class ExportedClassifier : public testing::TestWithParam<std::string> {};

TEST_P(ExportedClassifier, GivesTheSameLogits) {
  const auto net = make_classifier(narrow(GetParam()));
  shake(net->registry());
  const onnx::Model model = onnx::export_classifier(*net);
  EXPECT_EQ(model.opset, 13);
  EXPECT_EQ(model.graph.inputs[0].sizes, (std::vector<std::int64_t>{-1, 3, -1, -1}));
  EXPECT_EQ(model.graph.outputs[0].sizes, (std::vector<std::int64_t>{-1, kClasses}));
  expect_names(model, net->registry(), true);
  for (const Size2 size : {Size2(64, 96), Size2(97, 75)})
    expect_same_logits(
        model, [&](const Var& x) { return net->logits(x); }, size);
}
INSTANTIATE_TEST_SUITE_P(Net, ExportedClassifier, testing::ValuesIn(classifier_names()),
                         [](const auto& test) { return test.param; });

class ExportedSegmenter : public testing::TestWithParam<std::string> {};

TEST_P(ExportedSegmenter, GivesTheSameLogitsAtTheSizeOfThePicture) {
  const auto net = make_segmenter(narrow(GetParam()));
  shake(net->registry());
  const Forward forward = [&](const Var& x) {
    return resize_bilinear(net->main_logits(x), Size2(x.dim(2), x.dim(3)), false);
  };
  const bool fixed = GetParam().starts_with("pspnet_");
  if (fixed) expect_error([&] { onnx::export_segmenter(*net); }, "give the height and width");
  onnx::Model model;
  for (const Size2 size : {Size2(64, 96), Size2(97, 75)}) {
    if (fixed || model.graph.nodes.empty()) model = onnx::export_segmenter(*net, size);
    const std::vector<std::int64_t> plane =
        fixed ? std::vector<std::int64_t>{size.h, size.w} : std::vector<std::int64_t>{-1, -1};
    EXPECT_EQ(model.graph.inputs[0].sizes, (std::vector<std::int64_t>{-1, 3, plane[0], plane[1]}));
    EXPECT_EQ(model.graph.outputs[0].sizes, (std::vector<std::int64_t>{-1, kClasses, plane[0], plane[1]}));
    expect_same_logits(model, forward, size);
  }
  expect_names(model, net->registry(), false);
}
INSTANTIATE_TEST_SUITE_P(Net, ExportedSegmenter, testing::ValuesIn(segmenter_names()),
                         [](const auto& test) { return test.param; });

// A segmenter whose logits are f of the picture.
class Function : public Segmenter {
 public:
  explicit Function(Forward f) : f_(std::move(f)) {}
  const std::string& name() const override { return name_; }
  std::int64_t classes() const override { return 3; }
  std::vector<Var> logits(const Var& x) const override { return {f_(x)}; }
  Var main_logits(const Var& x) const override { return f_(x); }
  std::size_t outputs() const override { return 1; }
  Registry& registry() override { return registry_; }

 private:
  std::string name_ = "function";
  Forward f_;
  Registry registry_;
};

TEST(OnnxExport, RefusesNumbersThatDependOnThePicture) {
  Function half(
      [](const Var& x) { return resize_bilinear(relu(x), Size2(x.dim(2) / 2, x.dim(3) / 2), false); });
  expect_error([&] { onnx::export_segmenter(half); }, "(Concat) of function would hold numbers that depend");
  Function turned([](const Var& x) { return reshape(relu(x), {x.dim(0), 3, x.dim(3), x.dim(2)}); });
  expect_error([&] { onnx::export_segmenter(turned); },
               "(Reshape) of function would hold numbers that depend");
  Function joined([](const Var& x) { return reshape(relu(x), {1, 3, -1, x.dim(3)}); });
  expect_error([&] { onnx::export_segmenter(joined); },
               "(Reshape) of function would hold numbers that depend");
}

TEST(OnnxExport, NamesWhatItCannotWrite) {
  Function f([](const Var& x) { return silu(x); });
  expect_error([&] { onnx::export_segmenter(f); }, "the operator silu has no form in ONNX here");
  Function batch_of_doubles([](const Var& x) { return relu(x); });
  batch_of_doubles.registry().to(DType::kFloat64);
  expect_error([&] { onnx::export_segmenter(batch_of_doubles); }, "must be float32 on the CPU");
}

// Values carry the names of our taps, so that explainers and `model verify` find them.
TEST(OnnxExport, ValuesAreCalledLikeModules) {
  const auto net = make_classifier(narrow("resnet18"));
  const onnx::Model model = onnx::export_classifier(*net);
  Registry registry;
  const onnx::Net back(registry.scope(), model);
  for (const char* path :
       {"conv1", "bn1", "maxpool", "layer1.0.conv2", "layer1.0", "layer2.0.downsample", "layer4"})
    EXPECT_TRUE(back.has(path)) << path;
  const Tap ours(net->registry(), "layer2"), theirs(registry, "layer2");
  const NoGrad no_grad;
  const Var x(picture(1, {64, 96}));
  net->logits(x);
  back(x);
  expect_close(theirs.activation(), ours.activation());
}

const Tensor& golden_x() {
  static const SafetensorsFile file = read_safetensors("tests/golden/onnx/networks.safetensors");
  for (const auto& [key, tensor] : file.tensors)
    if (key == "x") return tensor;
  throw Error("no golden x");
}

// Files of another exporter, read and written again.
class WrittenAgain : public testing::TestWithParam<const char*> {};

TEST_P(WrittenAgain, IsTheSameNetwork) {
  onnx::Model model = onnx::read_model(cat("tests/golden/onnx/", GetParam(), ".onnx"));
  model.metadata["classes"] = std::string(100'000, 'x');
  const onnx::Model again = through_bytes(model);
  EXPECT_EQ(again.opset, model.opset);
  EXPECT_EQ(again.metadata, model.metadata);
  EXPECT_EQ(again.graph.initializer_order, model.graph.initializer_order);
  EXPECT_EQ(again.graph.inputs[0].names, model.graph.inputs[0].names);
  EXPECT_EQ(again.graph.inputs[0].sizes, model.graph.inputs[0].sizes);
  Registry first, second;
  const onnx::Net net(first.scope(), model), copy(second.scope(), again);
  const NoGrad no_grad;
  const Tensor y = net(Var(golden_x())).value();
  EXPECT_EQ(copy(Var(golden_x())).value().values<float>(), y.values<float>());
  // Other weights: what they are made of is left out where the reader works them out beforehand.
  for (const Param* p : first.params()) RandomStream(9, p->name()).fill_uniform(p->value(), 0.1, 0.4);
  Registry third;
  const onnx::Net changed(third.scope(), through_bytes(onnx::with_weights(again, first.state())));
  const Tensor other = net(Var(golden_x())).value();
  EXPECT_NE(other.values<float>(), y.values<float>());
  EXPECT_EQ(changed(Var(golden_x())).value().values<float>(), other.values<float>());
}
INSTANTIATE_TEST_SUITE_P(File, WrittenAgain,
                         testing::Values("convnext_op16", "convnext_op17", "densenet_op11",
                                         "efficientnet_op15", "mixed_op11", "mixed_op17", "mobilenet_v2_op10",
                                         "mobilenet_v3_op14", "resnet_op13", "shufflenet_op12", "vgg_op9"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace clearcut
