// Training on several ranks against training in one process.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "data/drawn.h"
#include "nn/loss.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tests/ranks.h"
#include "tests/train/folder.h"
#include "tests/train/pointwise_task.h"
#include "train/data_parallel.h"
#include "train/job.h"
#include "train/log.h"
#include "train/numerical.h"

namespace clearcut {
namespace {

class RanksTrain : public testing::Test {
 protected:
  void SetUp() override { write_drawn(folder_ / "drawn", {.train = 12, .val = 6}, {.size = 32}); }
  void TearDown() override { set_interrupted(false); }

  // Ignored pixels and a background of weight 0.1: ranks differ in the weight of their pixels.
  TrainJob job(const std::vector<std::string>& overrides = {}) const {
    return read_train_job(
        Config::parse("task: pretrain\nmodel: {name: pspnet_small_resnet, width: 0.25}\ndata:\n  threads: 1\n"
                      "  train: {format: list, root: " +
                          folder_.path() + "/drawn}\n  val: {format: list, root: " + folder_.path() +
                          "/drawn, list: val.txt}\n"
                          "augment: {crop: [32, 32], flip: 0.5}\noptimiser: {rate: 0.05}\n"
                          "train: {batch: 4, steps: 3, log_every: 1, save_every: 1, keep: 9}\n",
                      "t.yaml", overrides));
  }
  std::string classifier() const {
    return "task: classification\nmodel: {name: small_resnet, width: 0.25}\ndata:\n  threads: 0\n"
           "  train: {format: folders, root: " +
           folder_.path() +
           "/drawn/train}\naugment: {resize: [32, 32], flip: 0.5}\noptimiser: {rate: 0.05}\n"
           "train: {batch: 4, steps: 3, log_every: 1, accumulate: 2}\n";
  }

  void alone(const TrainJob& j, const std::string& name) const { train(j, {.work_dir = folder_ / name}); }
  void on(int ranks, const TrainJob& j, const std::string& name, TrainRun run = {}) const {
    run.work_dir = folder_ / name;
    test::on_lanes(ranks, [&](Lane& lane, Lane& behind) {
      const auto sums = sums_in_pairs(lane, behind);
      TrainRun mine = run;
      mine.ranks = {.lane = &lane, .sums = sums.get(), .by_picture = run.ranks.by_picture};
      train(j, mine);
    });
  }
  static TrainRun by_picture(bool resume = false) {
    return {.work_dir = "", .resume = resume, .ranks = {.by_picture = true}};
  }

  std::vector<double> losses(const std::string& name) const {
    std::vector<double> found;
    for (const JsonObject& record : read_metrics(folder_ / name, "train"))
      found.push_back(record.number("loss"));
    return found;
  }
  void expect_same_run(const std::string& a, const std::string& b) const {
    for (const char* file :
         {"/checkpoints/last/model.safetensors", "/checkpoints/last/optim.safetensors", "/history.csv"})
      EXPECT_TRUE(read_file(folder_ / (a + file)) == read_file(folder_ / (b + file)))
          << a << ", " << b << file;
  }
  test::Folder folder_;
};

// The losses of one process: sums over ranks round differently, and steps 2 and 3 see weights that differ by
// as much. Twice the same ranks: the same bits.
TEST_F(RanksTrain, LossesAreThoseOfOneProcess) {
  alone(job(), "alone");
  const auto expected = losses("alone");
  ASSERT_EQ(expected.size(), 3U);
  for (const int ranks : {2, 4}) {
    const std::string name = cat("on", ranks);
    on(ranks, job(), name);
    const auto got = losses(name);
    ASSERT_EQ(got.size(), 3U);
    EXPECT_NEAR(got[0], expected[0], 1e-5);
    EXPECT_NEAR(got[1], expected[1], 1e-3);
    EXPECT_NEAR(got[2], expected[2], 1e-2);
    on(ranks, job(), name + "again");
    expect_same_run(name, name + "again");
    EXPECT_EQ(read_metrics(folder_ / name, "eval").size(), 1U);
  }
}

TEST_F(RanksTrain, ByPictureOneTwoAndFourRanksGiveTheSameBits) {
  for (const int ranks : {1, 2, 4}) on(ranks, job(), cat("on", ranks), by_picture());
  expect_same_run("on1", "on2");
  expect_same_run("on1", "on4");
  alone(job({"train.steps=1"}), "alone");
  EXPECT_NEAR(losses("on1")[0], losses("alone")[0], 1e-5);
}

TEST_F(RanksTrain, ByPictureClassifiersWithAccumulationGiveTheSameBits) {
  const TrainJob j = read_train_job(Config::parse(classifier(), "t.yaml"));
  for (const int ranks : {1, 2, 4}) on(ranks, j, cat("on", ranks), by_picture());
  expect_same_run("on1", "on2");
  expect_same_run("on1", "on4");
  alone(j, "alone");
  on(2, j, "buckets");
  EXPECT_NEAR(losses("on1")[0], losses("alone")[0], 1e-5);
  EXPECT_NEAR(losses("buckets")[0], losses("alone")[0], 1e-5);
  EXPECT_NEAR(losses("buckets")[2], losses("alone")[2], 1e-2);
}

// Gradients that only recompute() sees are summed too, or weights would drift apart from step 2 on.
TEST_F(RanksTrain, RecomputedNetworksTrainAlike) {
  const std::vector<std::string> resnet = {"model.name=resnet18", "train.accumulate=1"};
  const auto recompute = [&](bool on) {
    std::vector<std::string> overrides = resnet;
    overrides.push_back(cat("model.recompute=", on ? "true" : "false"));
    return read_train_job(Config::parse(classifier(), "t.yaml", overrides));
  };
  on(2, recompute(false), "kept");
  on(2, recompute(true), "recomputed");
  const auto a = losses("kept"), b = losses("recomputed");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(a[i], b[i], 1e-6) << i;
}

// The mean of each rank's weighted mean, from the logits of the whole batch in one process.
TEST_F(RanksTrain, NormaliseRankIsTheMeanOfTheRanksMeans) {
  const TrainJob j =
      job({"train.steps=1", "loss.normalise=rank", "loss.terms={cross_entropy: 1, dice: 0.5}"});
  const PreparedJob ready = prepare_job(j, {.work_dir = folder_ / "none"});
  const Batch batch = *ready.loader->next();
  ready.task->registry().mode.training = true;
  ready.task->registry().mode.items = batch.items;
  const auto outputs = ready.segmenter->logits(Var(batch.images));
  double mean = 0;
  for (int r = 0; r < 2; ++r) {
    std::vector<Var> part;
    for (const Var& y : outputs) part.emplace_back(y.value().slice(2 * r, 2 * r + 2));
    SegmentationLossOptions options{.coefficients = j.coefficients};
    options.terms.dice = 0.5;
    options.cross_entropy.ignore_index = ready.train.ignore;
    options.cross_entropy.class_weights.assign(ready.train.class_names.size(), 1.0);
    options.cross_entropy.class_weights[static_cast<std::size_t>(ready.train.background)] = 0.1;
    mean += segmentation_loss(part, batch.labels.slice(2 * r, 2 * r + 2), options).total.value().item() / 2;
  }
  on(2, j, "rank");
  on(2, job({"train.steps=1", "loss.normalise=rank"}), "no_dice");
  on(2, job({"train.steps=1"}), "global");
  EXPECT_NEAR(losses("rank")[0], mean, 1e-5);
  // The two ranks must weigh their pixels differently, or the test shows nothing.
  EXPECT_GT(std::abs(losses("global")[0] - losses("no_dice")[0]), 1e-4);
}

TEST_F(RanksTrain, GoesOnWithAnotherNumberOfRanks) {
  on(1, job(), "straight", by_picture());
  on(2, job(), "resumed", by_picture());
  const std::string checkpoints = folder_ / "resumed/checkpoints";
  for (const char* gone : {"/step_3", "/last", "/best"}) std::filesystem::remove_all(checkpoints + gone);
  std::filesystem::create_directory_symlink("step_2", checkpoints + "/last");
  on(4, job(), "resumed", by_picture(true));
  expect_same_run("straight", "resumed");
}

TEST_F(RanksTrain, InterruptedRanksStopTogetherAndGoOn) {
  on(2, job(), "straight");
  set_interrupted(true);
  EXPECT_THROW(on(2, job(), "stopped"), Interrupted);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "stopped/checkpoints/step_1"));
  set_interrupted(false);
  on(2, job(), "stopped", {.work_dir = "", .resume = true});
  expect_same_run("straight", "stopped");
}

// Rank 1 cannot read a picture of the second step and ends; rank 0 is in the middle of that step.
TEST_F(RanksTrain, ALostRankLeavesACheckpointThatGoesOn) {
  const std::vector<std::string> rare = {"train.save_every=100", "train.shuffle=false"};
  on(2, job(rare), "straight");
  const PreparedJob ready = prepare_job(job(rare), {.work_dir = folder_ / "none"});
  const std::string path = ready.train.items[6].image;  // steps of 4: rank 1 has 2, 3 and then 6, 7
  const auto good = read_file(path);
  write_file(path, "broken");
  try {
    on(2, job(rare), "lost");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(ready.train.items[6].name), std::string::npos) << error.what();
  }
  EXPECT_TRUE(std::filesystem::exists(folder_ / "lost/checkpoints/step_1"));
  write_file(path, good);
  on(2, job(rare), "lost", {.work_dir = "", .resume = true});
  expect_same_run("straight", "lost");
}

/// What two ranks say that train on these pictures with the loss sum of log(w x), infinite for a black one;
/// one of them is silent.
std::string said_by_two(const Dataset& data, const std::string& work_dir) {
  std::string text;
  std::atomic<int> silent = 0;
  test::on_lanes(2, [&](Lane& lane, Lane& behind) {
    test::PointwiseTask task(1, 1, [](const Var& y) { return log(y); });
    Loader loader(data, {}, {.mean = {0, 0, 0}, .deviation = {1, 1, 1}},
                  {.batch = 4, .threads = 0, .drop_last = true, .rank = lane.rank(), .ranks = 2});
    const auto sums = sums_in_pairs(lane, behind);
    const auto parallel = parallel_in_buckets(task, *sums, OneOfRanks::Mean::kGlobal);
    LoopOptions options;
    options.work_dir = work_dir;
    options.ranks = {.lane = &lane, .parallel = parallel.get()};
    try {
      run_loop(task, loader, options);
    } catch (const NumericalError& error) {
      EXPECT_EQ(lane.rank(), 0);
      text = error.what();
    } catch (const SaidByAnotherRank& same) {
      EXPECT_THROW(std::rethrow_exception(same.error), NumericalError);
      ++silent;
    }
  });
  EXPECT_EQ(silent, 1);
  return text;
}

// Of four pictures ranks have two each; the black one is the first of rank 1.
TEST_F(RanksTrain, OneOfThemSaysWhereANumberWasNotFinite) {
  Dataset data;
  for (int i = 0; i < 4; ++i) {
    const std::string name = cat(i, ".png");
    write_png(folder_ / name, Tensor::full({2, 2, 3}, i == 2 ? 0 : 255, DType::kUInt8));
    data.items.push_back({.id = 0, .name = name, .image = folder_ / name, .mask = "", .classes = {}});
  }
  const std::string text = said_by_two(data, folder_ / "run");
  EXPECT_NE(text.find("the loss is -inf at step 0"), std::string::npos) << text;
  EXPECT_NE(text.find("rank 1, first picture 2.png"), std::string::npos) << text;
  EXPECT_NE(text.find("log in layer: output is the first"), std::string::npos) << text;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run/not_finite_rank1/step_0.safetensors"));
  // Where the rank cannot write what it found, nobody waits for it.
  write_file(folder_ / "full/not_finite_rank1", "no folder");
  EXPECT_NE(said_by_two(data, folder_ / "full")
                .find("rank 1, first picture 2.png); the search for the operator failed: "),
            std::string::npos);
}

TEST_F(RanksTrain, WhatRanksCannotShareIsAConfigError) {
  const auto refused = [&](int ranks, const std::vector<std::string>& overrides, const std::string& text,
                           const TrainRun& run = {}) {
    try {
      on(ranks, job(overrides), "refused", run);
      FAIL() << "accepted; expected: " << text;
    } catch (const ConfigError& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  refused(3, {}, "train.batch: 4 pictures cannot be shared equally by 3 ranks");
  refused(2, {"train.drop_last=false"}, "several ranks need full batches");
  refused(2, {"data.on_failure=skip"}, "several ranks need full batches");
  refused(2, {"loss.terms={cross_entropy: 1, dice: 1}"}, "normalise: rank takes each rank's part by itself");
  refused(1, {"loss.hard.threshold=0.7"}, "leave them out with --reduce exact", by_picture());
  refused(1, {"loss.normalise=rank"}, "--reduce exact needs normalise: global", by_picture());
}

TEST_F(RanksTrain, SameLossesOnTheEmulatedDevice) {
  const TrainJob j = job({"train.steps=1", "train.batch=2"});
  alone(j, "alone");
  on(2, j, "cuda", {.work_dir = "", .device = Device::kCuda});
  EXPECT_NEAR(losses("cuda")[0], losses("alone")[0],
              1e-4);  // kernels of another device, over the whole network
}

}  // namespace
}  // namespace clearcut
