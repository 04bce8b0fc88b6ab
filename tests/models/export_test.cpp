// Files for others: what stands in them, and that they come back.
#include "models/weights/export.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "models/onnx_classifier.h"
#include "models/weights/weights_file.h"
#include "tensor/file.h"
#include "tensor/random.h"
#include "tensor/safetensors.h"
#include "tensor/sha256.h"
#include "tests/errors.h"
#include "tests/train/folder.h"

namespace clearcut {
namespace {

ModelCard card_of_pets() {
  ModelCard card;
  card.licence = "CC0-1.0";
  card.spec = {.name = "small_resnet",
               .classes = 3,
               .width = 0.25,
               .class_names = {"cat", "dog", "Käse \"x\""},
               .class_ids = {"n1", "n2", "n3"}};
  card.spec.preprocess = {.height = 48,
                          .width = 40,
                          .filter = Filter::kCubic,
                          .pixels = {{123.675, 116.28, 103.53}, {1 / 58.395, 1 / 57.12, 1 / 57.375}, true},
                          .crop = 0.75,
                          .any_size = true};
  return card;
}

Tensor picture() {
  Tensor x({2, 3, 48, 40});
  RandomStream(5, "picture").fill_normal(x, 0, 1);
  return x;
}

void expect_pets(const Classifier& net) {
  const ModelCard card = card_of_pets();
  EXPECT_EQ(net.class_names(), card.spec.class_names);
  EXPECT_EQ(net.class_ids(), card.spec.class_ids);
  const Preprocess &got = net.preprocess(), &expected = card.spec.preprocess;
  EXPECT_EQ(got.height, expected.height);
  EXPECT_EQ(got.width, expected.width);
  EXPECT_EQ(got.filter, expected.filter);
  EXPECT_EQ(got.pixels.mean, expected.pixels.mean);
  EXPECT_EQ(got.pixels.scale, expected.pixels.scale);
  EXPECT_EQ(got.pixels.bgr, expected.pixels.bgr);
  EXPECT_EQ(got.crop, expected.crop);
  EXPECT_EQ(got.any_size, expected.any_size);
}

TEST(Export, SafetensorsComeBackBitForBit) {
  const test::Folder folder;
  const auto net = make_classifier(card_of_pets().spec);
  const std::string file = folder / "pets.safetensors";
  export_model(*net, card_of_pets(), file, {.program = "clearcut 9.9"});
  const auto back = load_classifier(file);
  expect_pets(*back);
  const NoGrad no_grad;
  EXPECT_EQ(back->logits(Var(picture())).value().values<float>(),
            net->logits(Var(picture())).value().values<float>());
  const auto metadata = read_safetensors_metadata(file);
  EXPECT_EQ(metadata, read_safetensors(file).metadata);
  EXPECT_EQ(metadata.at("format"), "clearcut");
  EXPECT_EQ(metadata.at("model"), "small_resnet");
  EXPECT_EQ(metadata.at("producer"), "clearcut 9.9");
  EXPECT_EQ(metadata.at("licence"), "CC0-1.0");
  EXPECT_EQ(read_model_card(file).licence, "CC0-1.0");
  // The format puts the numbers behind the header, in their order: the hash is that of the rest of the file.
  const Bytes bytes = read_file(file);
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  EXPECT_EQ(metadata.at("sha256"), sha256(ByteView(bytes).subspan(8 + header)));
}

TEST(Export, OnnxNeedsNoJsonBesideIt) {
  const test::Folder folder;
  const auto net = make_classifier(card_of_pets().spec);
  const std::string file = folder / "pets.onnx";
  export_model(*net, card_of_pets(), file, {.program = "clearcut 9.9"});
  const auto back = load_classifier(file);
  expect_pets(*back);
  EXPECT_EQ(back->feature_path(), "layer3");
  EXPECT_TRUE(back->cam_weights().has_value());
  const NoGrad no_grad;
  const auto a = back->logits(Var(picture())).value().values<float>(),
             b = net->logits(Var(picture())).value().values<float>();
  // The reader folds batch norms otherwise: rounding of some ten layers.
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5);
  const auto metadata = onnx::read_model(file).metadata;
  EXPECT_EQ(metadata.at("producer"), "clearcut 9.9");
  EXPECT_EQ(metadata.at("licence"), "CC0-1.0");
  // A JSON file beside it has the last word on the input; the names of the classes stay.
  write_file(folder / "pets.json",
             R"({"channel_order": "RGB", "mean": [1, 2, 3], "scale": [4, 5, 6], "input_size": [32, 16]})");
  const auto other = load_classifier(file);
  EXPECT_EQ(other->preprocess().width, 16);
  EXPECT_FALSE(other->preprocess().pixels.bgr);
  EXPECT_EQ(other->class_names()[1], "dog");
}

// The weights in an ONNX file have our names, so they go back into a network of ours.
TEST(Export, OnnxInitialisersAreTheWeights) {
  const test::Folder folder;
  const auto net = make_classifier(card_of_pets().spec);
  export_model(*net, card_of_pets(), folder / "pets.onnx", {.program = "p"});
  ModelSpec spec = card_of_pets().spec;
  spec.seed = 99;
  const auto other = make_classifier(spec);
  const LoadReport report =
      other->registry().load(read_weights(folder / "pets.onnx").tensors, {.allow = {"*num_batches_tracked"}});
  const NoGrad no_grad;
  EXPECT_EQ(other->logits(Var(picture())).value().values<float>(),
            net->logits(Var(picture())).value().values<float>());
}

TEST(Export, SegmenterWithAFixedSizeSaysIt) {
  const test::Folder folder;
  ModelCard card;
  card.kind = ModelCard::Kind::kSegmenter;
  card.spec = {
      .name = "pspnet_small_resnet", .classes = 4, .width = 0.25, .class_names = {"a", "b", "c", "d"}};
  card.colours = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {0, 0, 0}};
  const auto net = make_segmenter(card.spec);
  export_model(*net, card, folder / "s.onnx", {.program = "p", .size = {64, 48}});
  const auto metadata = onnx::read_model(folder / "s.onnx").metadata;
  const ModelCard said = parse_model_card(metadata.at(kCardKey), "s.onnx");
  EXPECT_EQ(said.spec.preprocess.height, 64);
  EXPECT_EQ(said.spec.preprocess.width, 48);
  EXPECT_FALSE(said.spec.preprocess.any_size);
  EXPECT_EQ(said.spec.class_names, card.spec.class_names);
  export_model(*net, card, folder / "s.safetensors", {.program = "p"});
  const TrainedSegmenter back = load_segmenter(folder / "s.safetensors");
  EXPECT_EQ(back.card.colours.size(), 4U);
  const NoGrad no_grad;
  EXPECT_EQ(back.model->main_logits(Var(picture())).value().values<float>(),
            net->main_logits(Var(picture())).value().values<float>());
  expect_error([&] { export_model(*net, card, folder / "s.pth", {.program = "p"}); },
               "must end in .safetensors or .onnx");
}

}  // namespace
}  // namespace clearcut
