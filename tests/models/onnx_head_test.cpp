// Heads of ONNX classifiers, the JSON file beside them, and what is said when something is missing.
#include "models/onnx_head.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "models/onnx_classifier.h"
#include "tensor/file.h"
#include "tests/errors.h"
#include "tests/onnx_writer.h"

namespace clearcut {
namespace {

using test::Message;
using test::onnx_attribute;
using test::onnx_floats;
using test::onnx_node;
using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

const Message kTwoByThree = onnx_floats("w", {2, 3}, {1, 2, 3, 4, 5, 6});
const Message kThreeByTwo = onnx_floats("w", {3, 2}, {1, 4, 2, 5, 3, 6});

// x [N, 3, H, W] -> Relu "maps" -> `nodes` -> y [N, 2].
std::string model_bytes(std::vector<Message> nodes, const std::vector<Message>& tensors) {
  nodes.insert(nodes.begin(), onnx_node("Relu", {"x"}, {"maps"}));
  return test::onnx_model({.nodes = nodes,
                           .tensors = tensors,
                           .inputs = {test::onnx_value("x", {-1, 3, 4, 6})},
                           .outputs = {test::onnx_value("y", {-1, 2})}});
}

onnx::Model parse(const std::string& bytes) {
  return onnx::parse_model({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "t.onnx");
}

const Message kPool = onnx_node("GlobalAveragePool", {"maps"}, {"p"});
const Message kFlatten = onnx_node("Flatten", {"p"}, {"f"});

void expect_weights(const std::vector<Message>& nodes, const std::vector<Message>& tensors) {
  const auto model = parse(model_bytes(nodes, tensors));
  const std::string logits = onnx::logits_value(model.graph);
  const auto cam = onnx::find_cam(model, logits);
  ASSERT_TRUE(cam.has_value());
  EXPECT_EQ(cam->path, "maps");
  EXPECT_EQ(cam->margin, 0);
  EXPECT_EQ(cam->weights.shape(), (Shape{2, 3}));
  EXPECT_EQ(cam->weights.values<float>(), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(onnx::find_feature_map(model, logits), "maps");
}

TEST(OnnxHead, FindsTheWeightsOfLinearHeads) {
  const Message trans_b = onnx_attribute("transB", std::int64_t{1}), bias = onnx_floats("b", {2}, {0, 0});
  expect_weights({kPool, kFlatten, onnx_node("Gemm", {"f", "w", "b"}, {"y"}, {trans_b})},
                 {kTwoByThree, bias});
  expect_weights({kPool, kFlatten, onnx_node("Gemm", {"f", "w"}, {"y"})}, {kThreeByTwo});
  expect_weights(
      {kPool, kFlatten, onnx_node("MatMul", {"f", "w"}, {"m"}), onnx_node("Add", {"b", "m"}, {"y"})},
      {kThreeByTwo, bias});
  expect_weights({kPool, onnx_node("Conv", {"p", "w"}, {"c"}), onnx_node("Flatten", {"c"}, {"y"})},
                 {onnx_floats("w", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6})});
  expect_weights(
      {onnx_node("ReduceMean", {"maps"}, {"f"},
                 {onnx_attribute("axes", Ints{-1, -2}), onnx_attribute("keepdims", std::int64_t{0})}),
       onnx_node("Dropout", {"f"}, {"d"}), onnx_node("MatMul", {"d", "w"}, {"l"}),
       onnx_node("Softmax", {"l"}, {"y"})},
      {kThreeByTwo});
}

// Class maps of a padded 1x1 convolution: one row and column on each side lies outside the picture.
TEST(OnnxHead, FindsClassMaps) {
  const auto model =
      parse(model_bytes({onnx_node("Conv", {"maps", "w"}, {"c"}, {onnx_attribute("pads", Ints{1, 1, 1, 1})}),
                         onnx_node("Relu", {"c"}, {"r"}), onnx_node("GlobalAveragePool", {"r"}, {"p"}),
                         onnx_node("Flatten", {"p"}, {"y"})},
                        {onnx_floats("w", {2, 3, 1, 1}, {1, 2, 3, 4, 5, 6})}));
  const auto cam = onnx::find_cam(model, "y");
  ASSERT_TRUE(cam.has_value());
  EXPECT_EQ(cam->path, "r");
  EXPECT_EQ(cam->margin, 1);
  EXPECT_EQ(cam->weights.values<float>(), (Floats{1, 0, 0, 1}));
  EXPECT_EQ(onnx::find_feature_map(model, "y"), "maps");
}

TEST(OnnxHead, KnowsWhereCamDoesNotApply) {
  const auto hidden = parse(
      model_bytes({kPool, kFlatten, onnx_node("Relu", {"f"}, {"h"}), onnx_node("MatMul", {"h", "w"}, {"y"})},
                  {kThreeByTwo}));
  EXPECT_FALSE(onnx::find_cam(hidden, "y").has_value());
  EXPECT_EQ(onnx::find_feature_map(hidden, "y"), "maps");
  const auto no_pool =
      parse(model_bytes({onnx_node("Flatten", {"maps"}, {"f"}), onnx_node("MatMul", {"f", "w"}, {"y"})},
                        {onnx_floats("w", {72, 2}, Floats(144, 1))}));
  EXPECT_FALSE(onnx::find_cam(no_pool, "y").has_value());
  EXPECT_EQ(onnx::find_feature_map(no_pool, "y"), "");
}

class OnnxFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "onnx_folder/";
    std::filesystem::remove_all(folder_);
    write("n.onnx", model_bytes({kPool, kFlatten, onnx_node("MatMul", {"f", "w"}, {"l"}),
                                 onnx_node("Softmax", {"l"}, {"y"})},
                                {kThreeByTwo}));
  }
  void write(const std::string& name, const std::string& text) { write_file(folder_ + name, text); }
  std::unique_ptr<Classifier> load() { return load_classifier(folder_ + "n.onnx"); }
  std::string folder_;
};

const char* const kCard =
    R"({"channel_order": "BGR", "mean": [1, 2, 3], "scale": [4, 5, 6], "classes": "c.txt"})";

TEST_F(OnnxFolder, ReadsTheJsonAndStopsBeforeTheSoftmax) {
  write("n.json", kCard);
  write("c.txt", "0\tn01\tcat, tabby\n1\tn02\tdog\n");
  const auto net = load();
  EXPECT_EQ(net->name(), "n");
  EXPECT_EQ(net->preprocess().height, 4);
  EXPECT_EQ(net->preprocess().width, 6);
  EXPECT_TRUE(net->preprocess().pixels.bgr);
  EXPECT_EQ(net->preprocess().pixels.scale[2], 6);
  EXPECT_EQ(net->class_ids(), (std::vector<std::string>{"n01", "n02"}));
  EXPECT_EQ(net->class_names()[0], "cat, tabby");
  EXPECT_EQ(net->feature_path(), "maps");
  // Means 1, 1, 1 through W: logits, not probabilities.
  const Var y = net->logits(Var(Tensor::full({1, 3, 4, 6}, 1)));
  EXPECT_EQ(y.value().values<float>(), (Floats{6, 15}));
  EXPECT_FALSE(y.requires_grad());
}

TEST_F(OnnxFolder, SaysWhatIsMissing) {
  expect_error([&] { load(); }, "n.json is missing beside");
  write("n.json", kCard);
  expect_error([&] { load(); }, "c.txt");
  write("c.txt", "0\tn01\tcat\n2\tn02\tdog\n");
  expect_error([&] { load(); }, "c.txt: line 2 must be 1, tab, id, tab, name");
  write("c.txt", "0\tn01\tcat\n");
  expect_error([&] { load(); }, "names 1 classes, n has 2");
  write("n.json", R"({"channel_order": "YUV", "mean": [1, 2, 3], "scale": [4, 5, 6]})");
  expect_error([&] { load(); }, "channel_order must be RGB or BGR, got 'YUV'");
  write("n.json", R"({"channel_order": "RGB", "mean": [1, 2], "scale": [4, 5, 6]})");
  expect_error([&] { load(); }, "mean must be three numbers, got 2");
  write("n.json", R"({"channel_order": "RGB", "mean": [1, 2, 3]})");
  expect_error([&] { load(); }, "scale");
  write(
      "n.json",
      R"({"channel_order": "RGB", "mean": [1, 2, 3], "scale": [4, 5, 6], "last_feature_map": {"tensor": "q"}})");
  expect_error([&] { load(); }, "last_feature_map 'q' is no value of the network");
  expect_error([&] { load_classifier(folder_ + "other.onnx"); }, "there is no");
}

TEST_F(OnnxFolder, TakesTheInputByOption) {
  const auto net =
      load_onnx_classifier(folder_ + "n.onnx", {.preprocess = Preprocess{.pixels = {}, .crop = 1}});
  EXPECT_EQ(net->preprocess().crop, 1);
  EXPECT_EQ(net->preprocess().width, 6) << "the ONNX file says the size";
  EXPECT_EQ(net->class_names(), (std::vector<std::string>{"class 0", "class 1"}));
}

}  // namespace
}  // namespace clearcut
