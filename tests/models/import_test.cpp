// Foreign weights to a checkpoint folder, and looking into networks.
#include "models/weights/import.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "models/inspect.h"
#include "models/onnx_classifier.h"
#include "tensor/random.h"
#include "tensor/safetensors.h"
#include "tensor/work.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

std::string in_folder(const std::string& name) { return testing::TempDir() + "import/" + name; }

ModelCard small_card() {
  ModelCard card;
  card.spec = {.name = "small_resnet", .classes = 3, .width = 0.25, .class_names = {"a", "b", "c"}};
  card.spec.preprocess.height = card.spec.preprocess.width = 32;
  return card;
}

// Weights of a network of another seed, in a file, with `change` made to them.
template <class Change>
std::string weights_file(const Change& change) {
  ModelSpec spec = small_card().spec;
  spec.seed = 77;
  StateDict state = make_classifier(spec)->registry().state();
  change(state);
  std::filesystem::create_directories(in_folder(""));
  write_safetensors(in_folder("foreign.safetensors"), {.tensors = state, .metadata = {}});
  return in_folder("foreign.safetensors");
}

TEST(Import, MakesACheckpointThatLoads) {
  const std::string file = weights_file([](StateDict& state) {
    for (auto& [name, tensor] : state) name = "net." + name;
    std::erase_if(state, [](const auto& named) { return named.first.ends_with("num_batches_tracked"); });
  });
  write_file(in_folder("mine.map"), "net.* -> $1\n");
  const ImportReport report =
      import_weights(file, in_folder("model"), {.card = small_card(), .map = in_folder("mine.map")});
  EXPECT_EQ(report.format, "safetensors");
  const auto model = load_trained_classifier(in_folder("model"));
  EXPECT_EQ(model->class_names(), (std::vector<std::string>{"a", "b", "c"}));
  const StateDict theirs = read_safetensors(file).tensors, ours = model->registry().state();
  EXPECT_EQ(report.loaded.loaded.size(), theirs.size());
  EXPECT_EQ(ours[0].second.values<float>(), theirs[0].second.values<float>());
  const auto metadata = read_safetensors(in_folder("model/model.safetensors")).metadata;
  EXPECT_EQ(metadata.at("source"), "foreign.safetensors");
  EXPECT_EQ(metadata.at("source_sha256").size(), 64U);
}

TEST(Import, ListsWhatDoesNotFitWithSuggestions) {
  const std::string file = weights_file([](StateDict& state) { state[0].first = "konv1.weight"; });
  expect_error([&] { import_weights(file, in_folder("bad"), {.card = small_card()}); },
               "is it konv1.weight?");
  EXPECT_FALSE(std::filesystem::exists(in_folder("bad")));
}

// Numbers of a convolution counted by hand: 3 x 3 over 3 channels to 4, 32 x 32 pixels at stride 1.
TEST(Inspect, LayersAddUpToTheNetwork) {
  const auto model = make_classifier(small_card().spec);
  const Tensor x = Tensor::zeros({1, 3, 32, 32});
  const Forward forward = [&](const Var& v) { return model->logits(v); };
  const std::vector<LayerRow> rows = layer_table(model->registry(), forward, x);
  const WorkMeter meter;
  const NoGrad no_grad;
  model->logits(Var(x));
  std::int64_t parameters = 0, multiply_adds = 0;
  for (const LayerRow& row : rows) parameters += row.parameters, multiply_adds += row.multiply_adds;
  EXPECT_EQ(parameters, model->registry().parameter_count());
  EXPECT_EQ(multiply_adds, meter.multiply_adds());
  EXPECT_NE(rows.back().path, "(others)");
  for (const LayerRow& row : rows)
    if (row.path == "conv1") {
      EXPECT_EQ(row.parameters, 3 * 3 * 3 * row.shape[1]);
      EXPECT_EQ(row.multiply_adds, 3 * 3 * 3 * row.shape.numel());
    }
}

// In an ONNX network a layer is a node; its weights have names of their own.
TEST(Inspect, OnnxNodesOwnTheirWeights) {
  const auto model = load_onnx_classifier("tests/golden/onnx/resnet_op13.onnx", {.preprocess = Preprocess{}});
  const Forward forward = [&](const Var& v) { return model->logits(v); };
  const auto rows = layer_table(model->registry(), forward, Tensor::zeros({1, 3, 32, 32}));
  std::int64_t parameters = 0;
  for (const LayerRow& row : rows) parameters += row.parameters;
  EXPECT_EQ(parameters, model->registry().parameter_count());
  EXPECT_NE(rows.back().path, "(others)");
}

TEST(Verify, FindsTheFirstLayerThatDiffers) {
  const auto model = make_classifier(small_card().spec);
  const Forward forward = [&](const Var& v) { return model->logits(v); };
  Tensor x({2, 3, 32, 32});
  RandomStream(5, "verify").fill_normal(x, 0, 1);
  NamedTensors dump = {{"input", x}};
  {
    const NoGrad no_grad;
    Tap first(model->registry(), "layer1"), second(model->registry(), "layer2");
    dump.emplace_back("output", forward(Var(x)).value().clone());
    dump.emplace_back("layer1", first.activation().clone());
    dump.emplace_back("layer2", second.activation().clone());
    dump.emplace_back("relu", first.activation());
  }
  const Verification same = verify_layers(model->registry(), forward, dump, "d.npz");
  ASSERT_EQ(same.layers.size(), 3U);
  EXPECT_EQ(same.layers[0].path, "layer1") << "in the order of the forward pass";
  EXPECT_EQ(same.first_above(0), nullptr);
  EXPECT_EQ(same.unknown, (std::vector<std::string>{"relu"}));

  float* changed = dump[3].second.data<float>();
  changed[5] += 1;
  const Verification other = verify_layers(model->registry(), forward, dump, "d.npz");
  ASSERT_NE(other.first_above(1e-4), nullptr);
  EXPECT_EQ(other.first_above(1e-4)->path, "layer2");
  EXPECT_NEAR(other.first_above(1e-4)->largest, 1, 1e-6);
  dump[2].second = Tensor::zeros({2, 1});
  EXPECT_EQ(verify_layers(model->registry(), forward, dump, "d.npz").first_above(10)->path, "layer1");
  expect_error(
      [&] {
        verify_layers(model->registry(), forward, {{"a", x}}, "d.npz");
      },
      "has no array 'input'");
  expect_error(
      [&] {
        verify_layers(model->registry(), forward, {{"input", x}, {"z", x}}, "d.npz");
      },
      "has no layer of this network; it has z");
}

}  // namespace
}  // namespace clearcut
