// An ONNX classifier that is trained further.
#include <gtest/gtest.h>

#include <filesystem>

#include "data/drawn.h"
#include "models/onnx_classifier.h"
#include "models/weights/export.h"
#include "tensor/file.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/job.h"
#include "train/log.h"

namespace clearcut {
namespace {

class OnnxTraining : public testing::Test {
 protected:
  void SetUp() override { write_drawn(folder_ / "drawn", {.train = 12, .val = 6}, {.size = 32}); }

  // All 12 pictures in every step, as they are.
  TrainJob job(const std::vector<std::string>& changes = {}) const {
    return read_train_job(
        Config::parse("task: classification\nmodel: {name: " + (folder_ / "net.onnx") +
                          "}\ndata: {train: {format: folders, root: " + (folder_ / "drawn/train") +
                          "}}\naugment: {resize: [32, 32]}\noptimiser: {rate: 0.02}\n"
                          "train: {batch: 12, steps: 3, log_every: 1, shuffle: false}\n",
                      "t.yaml", changes));
  }
  test::Folder folder_;
};

TEST_F(OnnxTraining, TheLossFallsAndTheWeightsComeBack) {
  std::filesystem::copy_file("tests/golden/onnx/resnet_op13.onnx", folder_ / "net.onnx");
  const TrainSummary summary = train(job(), {.work_dir = folder_ / "run"});
  const auto records = read_metrics(folder_ / "run", "train");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_LT(records[1].number("loss"), records[0].number("loss"));
  EXPECT_LT(records[2].number("loss"), records[1].number("loss"));

  const auto trained = load_classifier(folder_ / "run");
  EXPECT_EQ(trained->name(), "net");
  const ModelCard card = read_model_card(folder_ / "run");
  EXPECT_EQ(card.spec.name, "net.onnx");
  EXPECT_EQ(trained->class_names(), card.spec.class_names);
  const std::string file = folder_ / "out.onnx";
  export_model(*trained, card, file, {.program = "p", .graph = find_graph(folder_ / "run")});
  const auto back = load_classifier(file);
  EXPECT_EQ(back->class_names(), card.spec.class_names);
  Tensor x({2, 3, 32, 32});
  RandomStream(5, "picture").fill_normal(x, 0, 1);
  const NoGrad no_grad;
  const auto logits = trained->logits(Var(x)).value();
  EXPECT_EQ(logits.dim(1), card.spec.classes);
  EXPECT_EQ(back->logits(Var(x)).value().values<float>(), logits.values<float>());
  expect_error([&] { export_model(*trained, card, folder_ / "out.safetensors", {.program = "p"}); },
               "net.onnx was read from an ONNX file; export it as .onnx");
}

TEST_F(OnnxTraining, SaysWhatDoesNotFit) {
  std::filesystem::copy_file("tests/golden/onnx/resnet_op13.onnx", folder_ / "net.onnx");
  write_file(folder_ / "net.json", R"({"channel_order": "RGB", "mean": [0, 0, 0], "scale": [1, 1, 1]})");
  const TrainRun run{.work_dir = folder_ / "run"};
  expect_error([&] { prepare_job(job(), run); }, "was trained with normalise: {mean: [0, 0, 0]");
  write_file(folder_ / "net.json", R"({"channel_order": "BGR", "mean": [0, 0, 0], "scale": [1, 1, 1]})");
  expect_error([&] { prepare_job(job(), run); }, "takes BGR");
  write_file(
      folder_ / "net.json",
      R"({"channel_order": "RGB", "mean": [127.5, 127.5, 127.5], "scale": [0.00784314, 0.00784314, 0.00784314]})");
  TrainJob wide = job();
  wide.model.preprocess.width = 48;
  expect_error([&] { prepare_job(wide, run); }, "takes pictures of 32 x 32 only");
  EXPECT_NO_THROW(prepare_job(job(), run));
  expect_error([&] { job({"model.width=0.5"}); }, "width");
}

}  // namespace
}  // namespace clearcut
