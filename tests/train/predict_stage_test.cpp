// What stages show to a network that was trained and scored on smaller pictures.
#include <gtest/gtest.h>

#include <filesystem>

#include "data/json.h"
#include "models/card.h"
#include "tensor/file.h"
#include "tests/train/folder.h"
#include "train/pipeline.h"
#include "train/predict.h"

namespace clearcut {
namespace {

const char* const kPipeline = R"(
val: {format: list, root: "${work}/drawn", list: val.txt}
stages:
  - {name: drawn, kind: draw, size: 48, train: 12, val: 6}
  - name: trained
    kind: train
    with:
      task: segmentation
      model: {name: pspnet_small_resnet, width: 0.25}
      data: {train: {format: list, root: "${work}/drawn"}, val: "${val}"}
      augment: {resize_short: 24, crop: [24, 24]}
      train: {batch: 4, steps: 12}
      eval: {resize_short: 24, bootstrap: 0}
  - {name: scored, kind: evaluate, needs: [trained], model: "${work}/trained/run", data: "${val}", bootstrap: 0}
  - {name: whole, kind: evaluate, needs: [trained], model: "${work}/trained/run", data: "${val}", bootstrap: 0,
     resize_short: 0}
  - {name: predicted, kind: predict, needs: [trained], model: "${work}/trained/run", inputs: "${work}/drawn/val"}
  - {name: same, kind: predict, needs: [trained], model: "${work}/trained/run", inputs: "${work}/drawn/val",
     resize_short: 24}
  - {name: large, kind: predict, needs: [trained], model: "${work}/trained/run", inputs: "${work}/drawn/val",
     resize_short: 0}
)";

TEST(PredictStages, PicturesHaveTheSizeThatTheNetworkWasScoredAt) {
  const test::Folder folder;
  write_file(folder / "p.yaml", kPipeline);
  run_pipeline({.file = folder / "p.yaml", .work_dir = folder / "work"});
  const auto miou = [&](const std::string& stage) {
    return JsonObject::read(folder / ("work/" + stage + "/eval.json")).number("miou");
  };
  EXPECT_EQ(miou("scored"), miou("trained/run"));
  EXPECT_NE(miou("whole"), miou("trained/run"));
  const auto labels = [&](const std::string& stage) {
    std::string all;
    const std::vector<StageRecord> stages = read_stages(folder / "work");
    for (const std::string& name : stages.back().outputs)
      if (name.ends_with(".png")) all += read_text(folder / ("work/" + stage + "/" + name));
    return all;
  };
  EXPECT_GT(labels("predicted").size(), 0U);
  EXPECT_EQ(labels("predicted"), labels("same"));
  EXPECT_NE(labels("predicted"), labels("large"));

  // What is asked for later is written later.
  TrainedSegmenter network = load_segmenter(folder / "work/trained/run", Device::kCpu);
  PredictFiles more = {.pictures = find_pictures({folder / "work/drawn/val"}, folder / "more"),
                       .out = folder / "more",
                       .overlay = false};
  EXPECT_TRUE(predict_files(network, more).empty());
  const std::string first = std::filesystem::path(more.pictures[0]).stem().string();
  EXPECT_FALSE(std::filesystem::exists(folder / ("more/" + first + ".npz")));
  more.probabilities = true;
  predict_files(network, more);
  EXPECT_TRUE(std::filesystem::exists(folder / ("more/" + first + ".npz")));

  const ModelCard card = read_model_card(folder / "work/trained/run/checkpoints/last/model.json");
  EXPECT_EQ(card.spec.preprocess.height, 24);  // what `explain` shows it
  EXPECT_EQ(card.spec.preprocess.width, 24);
}

}  // namespace
}  // namespace clearcut
