// The main job in small: classifier, labels, pre-training, fine-tuning; on both devices.
#include <gtest/gtest.h>

#include <cmath>

#include "data/label_png.h"
#include "tensor/file.h"
#include "tests/train/folder.h"
#include "train/check.h"
#include "train/log.h"
#include "train/pipeline.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPipeline = R"(
stages:
  - {name: drawn, kind: draw, size: 32, train: 12, val: 6}
  - name: classifiers
    kind: train
    with:
      task: classification
      data: {train: {format: folders, root: "${work}/drawn/train", classes: "${work}/drawn/objects.txt"}}
      model: {width: 0.25}
      augment: {resize: [32, 32]}
      optimiser: {rate: 0.01}
      train: {batch: 6, steps: 3, log_every: 1}
    variants: {small_resnet: {model: {name: small_resnet}}, small_vgg: {model: {name: small_vgg}}}
  - name: labels
    kind: label
    data: {format: csv, root: "${work}/drawn", split: train, masks: masks}
    classifiers: ["${work}/classifiers/small_resnet", "${work}/classifiers/small_vgg"]
    explainers: [cam, gradcam, "smoothgrad:samples=2"]
    rule: value:0.4
  - name: pretrain
    kind: train
    with:
      task: pretrain
      model: {name: pspnet_small_resnet, width: 0.25}
      init: {from: "${work}/classifiers/small_resnet", prefix: backbone.}
      data: {train: {format: labels, root: "${work}/labels", images: "${work}/drawn"}}
      augment: {crop: [32, 32]}
      optimiser: {rate: 0.01, rates: {"backbone.*": 0.1}}
      train: {batch: 6, steps: 2, log_every: 1}
  - name: finetune
    kind: train
    with:
      task: segmentation
      model: {name: pspnet_small_resnet, width: 0.25}
      init: {from: "${work}/pretrain/run"}
      data:
        train: {format: list, root: "${work}/drawn"}
        val: {format: list, root: "${work}/drawn", list: val.txt}
      augment: {crop: [32, 32]}
      optimiser: {rate: 0.01}
      train: {batch: 6, steps: 2, log_every: 1}
      eval: {bootstrap: 0}
)";

void run_on(const test::Folder& folder, Device device, const std::string& name) {
  write_file(folder / "p.yaml", kPipeline);
  for (const StageRecord& stage :
       run_pipeline({.file = folder / "p.yaml", .work_dir = folder / name, .device = device}))
    EXPECT_EQ(stage.failures, 0U) << stage.name;
}

TEST(MainJob, ReferenceAndCpuAgreeFromClassifiersToFineTuning) {
  const test::Folder folder;
  run_on(folder, Device::kCpu, "cpu");
  run_on(folder, Device::kReference, "reference");
  for (const char* run :
       {"/classifiers/small_resnet", "/classifiers/small_vgg", "/pretrain/run", "/finetune/run"}) {
    const auto a = read_metrics(folder / (std::string("cpu") + run), "train");
    const auto b = read_metrics(folder / (std::string("reference") + run), "train");
    ASSERT_EQ(a.size(), b.size()) << run;
    ASSERT_FALSE(a.empty()) << run;
    // Float sums in another order; a few label pixels at the threshold may differ too.
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i].number("loss"), b[i].number("loss"), 2e-2) << run << ", record " << i;
  }
  std::int64_t pixels = 0, equal = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "cpu/labels/labels")) {
    if (entry.path().extension() != ".png") continue;
    const std::string other =
        folder /
        ("reference/labels/labels/" + entry.path().lexically_relative(folder / "cpu/labels/labels").string());
    const auto x = read_label_png(entry.path().string()).labels.values<std::int32_t>();
    const auto y = read_label_png(other).labels.values<std::int32_t>();
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i) equal += x[i] == y[i] ? 1 : 0;
    pixels += static_cast<std::int64_t>(x.size());
  }
  EXPECT_EQ(pixels, 12 * 32 * 32);
  // Maps agree to about 1e-6 of their range; only pixels that close to the threshold may change sides.
  EXPECT_GE(equal, pixels * 99 / 100);
}

TEST(CheckLabels, ThreadsBatchesAndShardsDoNotMatter) {
  const test::Folder folder;
  write_file(folder / "p.yaml", kPipeline);
  run_pipeline({.file = folder / "p.yaml", .work_dir = folder / "w", .to = "classifiers"});
  const auto config = [&](const std::string& rule) {
    return Config::parse(
        "data: {format: csv, root: " + (folder / "w/drawn") +
            ", split: train}\n"
            "classifiers: [" +
            (folder / "w/classifiers/small_resnet") + ", " + (folder / "w/classifiers/small_vgg") +
            "]\nexplainers: [cam, \"smoothgrad:samples=2\", \"lime:samples=10\"]\nrule: " + rule + "\n",
        "t.yaml");
  };
  const auto same = check_labels(config("value:0.4"), Device::kCpu, folder / "a");
  ASSERT_EQ(same.size(), 3U);
  for (const Repetition& r : same) EXPECT_EQ(r.hash, same[0].hash) << r.how;
  const auto other = check_labels(config("value:0.6"), Device::kCpu, folder / "b");
  EXPECT_NE(other[0].hash, same[0].hash);
}

}  // namespace
}  // namespace clearcut
