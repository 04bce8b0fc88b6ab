#include "train/loop.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/drawn.h"
#include "data/json.h"
#include "tensor/cuda_device.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
#include "tensor/safetensors.h"
#include "tests/train/folder.h"
#include "train/job.h"
#include "train/log.h"
#include "train/numerical.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

class TrainRuns : public testing::Test {
 protected:
  void SetUp() override { write_drawn(folder_ / "drawn", {.train = 12, .val = 6}, {.size = 32}); }
  void TearDown() override { set_interrupted(false); }

  std::string classes_yaml() const {
    return "task: classification\nmodel: {name: small_resnet, width: 0.25}\n"
           "data:\n  train: {format: folders, root: " +
           folder_.path() +
           "/drawn/train}\n"
           "  val: {format: folders, root: " +
           folder_.path() +
           "/drawn/val}\n"
           "augment: {resize: [32, 32], flip: 0.5}\n"
           "optimiser: {rate: 0.05}\n"
           "train: {batch: 4, steps: 7, log_every: 2, eval_every: 3, save_every: 2, keep: 9}\n";
  }
  std::string masks_yaml() const {
    return "task: pretrain\nmodel: {name: pspnet_small_resnet, width: 0.25}\n"
           "data:\n  train: {format: list, root: " +
           folder_.path() +
           "/drawn}\n"
           "  val: {format: list, root: " +
           folder_.path() +
           "/drawn, list: val.txt}\n"
           "augment: {crop: [32, 32], flip: 0.5}\n"
           "optimiser: {rate: 0.05, rates: {\"backbone.*\": 0.1}}\n"
           "train: {batch: 4, steps: 3, log_every: 1, save_every: 1}\n";
  }
  static TrainJob job(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    return read_train_job(Config::parse(yaml, "t.yaml", overrides));
  }
  TrainSummary run(const TrainJob& j, const std::string& name, bool resume = false,
                   Device device = Device::kCpu) const {
    return train(j, {.work_dir = folder_ / name, .device = device, .resume = resume});
  }
  void expect_same_run(const std::string& a, const std::string& b) const {
    for (const char* file :
         {"/checkpoints/last/model.safetensors", "/checkpoints/last/optim.safetensors", "/history.csv"})
      EXPECT_EQ(read_file(folder_ / (a + file)), read_file(folder_ / (b + file))) << file;
  }
  test::Folder folder_;
};

TEST_F(TrainRuns, StopAndResumeEqualsAStraightRun) {
  const TrainJob j = job(classes_yaml());
  run(j, "straight");
  set_interrupted(true);  // as after Ctrl-C: the running step is finished and saved
  EXPECT_THROW(run(j, "stopped"), Interrupted);
  EXPECT_TRUE(fs::exists(folder_ / "stopped/checkpoints/step_1"));
  EXPECT_THROW(run(j, "stopped", true), Interrupted);
  EXPECT_TRUE(fs::exists(folder_ / "stopped/checkpoints/step_2"));
  set_interrupted(false);
  run(j, "stopped", true);
  expect_same_run("straight", "stopped");
}

// Stopped in the evaluation of step 3, resumed, and killed before the next checkpoint: the evaluation is made
// once more, and recorded once.
TEST_F(TrainRuns, AnEvaluationThatIsMadeAgainIsRecordedOnce) {
  const TrainJob j = job(classes_yaml());
  run(j, "straight");
  set_interrupted(true);
  for (int stop = 0; stop < 3; ++stop) EXPECT_THROW(run(j, "killed", stop > 0), Interrupted);
  set_interrupted(false);
  EXPECT_TRUE(read_metrics(folder_ / "killed", "eval").empty());
  fs::copy(folder_ / "killed/checkpoints", folder_ / "before",
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  run(j, "killed", true);
  fs::remove_all(folder_ / "killed/checkpoints");
  fs::rename(folder_ / "before", folder_ / "killed/checkpoints");
  run(j, "killed", true);
  expect_same_run("straight", "killed");
  EXPECT_EQ(read_metrics(folder_ / "killed", "eval").size(),
            read_metrics(folder_ / "straight", "eval").size());
}

// Stopped in an evaluation that takes too long: who takes the validation data away goes on without it.
TEST_F(TrainRuns, AnEvaluationThatIsDueNeedsValidationData) {
  set_interrupted(true);
  for (int stop = 0; stop < 3; ++stop) EXPECT_THROW(run(job(classes_yaml()), "run", stop > 0), Interrupted);
  set_interrupted(false);
  EXPECT_EQ(run(job(classes_yaml(), {"data.val=~"}), "run", true).loop.steps, 7);
  EXPECT_TRUE(read_metrics(folder_ / "run", "eval").empty());
}

// Made longer, and stopped in its last evaluation: result.json is that of the longer run in the end.
TEST_F(TrainRuns, TheResultIsThatOfTheLastSteps) {
  const auto result = [&] { return JsonObject::read(folder_ / "run/result.json"); };
  run(job(classes_yaml(), {"train.steps=2"}), "run");
  EXPECT_EQ(result().integer("steps"), 2);
  set_interrupted(true);
  EXPECT_THROW(run(job(classes_yaml(), {"train.steps=3"}), "run", true), Interrupted);
  set_interrupted(false);
  run(job(classes_yaml(), {"train.steps=3"}), "run", true);
  EXPECT_EQ(result().integer("steps"), 3);
  EXPECT_FALSE(std::isnan(result().number("score")));
  set_interrupted(true);
  EXPECT_THROW(run(job(classes_yaml()), "run"), Interrupted);
  set_interrupted(false);
  EXPECT_FALSE(fs::exists(folder_ / "run/result.json"));  // of the run that was replaced
}

// As if the first process had been slow.
TEST_F(TrainRuns, TheTimeIsThatOfAllItsProcesses) {
  run(job(classes_yaml(), {"train.steps=4"}), "run");
  const std::string path = folder_ / "run/metrics.jsonl";
  std::string lines;
  for (JsonObject& record : read_jsonl(path)) {
    if (record.has("seconds")) record.set("seconds", 1000.0);
    lines += record.line() + "\n";
  }
  write_file(path, lines);
  const auto records = static_cast<double>(read_metrics(folder_ / "run", "train").size());
  EXPECT_GE(records, 1);
  EXPECT_GE(run(job(classes_yaml()), "run", true).seconds, 1000 * records);
}

// All that a run may keep beside its weights: means of AdamW, averaged weights, parts of a step.
TEST_F(TrainRuns, StopAndResumeWithEverythingOnEqualsAStraightRun) {
  const TrainJob j = job(classes_yaml(), {"optimiser.rule=adamw", "optimiser.rate=0.003",
                                          "optimiser.clip=0.5", "optimiser.no_decay=[vectors]",
                                          "train.accumulate=2", "train.ema=0.9", "train.batch=3"});
  run(j, "straight");
  set_interrupted(true);
  for (int stop = 0; stop < 3; ++stop) EXPECT_THROW(run(j, "stopped", stop > 0), Interrupted);
  set_interrupted(false);
  run(j, "stopped", true);
  expect_same_run("straight", "stopped");
  EXPECT_EQ(read_file(folder_ / "straight/checkpoints/last/training.safetensors"),
            read_file(folder_ / "stopped/checkpoints/last/training.safetensors"));
  EXPECT_NE(read_file(folder_ / "straight/checkpoints/last/training.safetensors"),
            read_file(folder_ / "straight/checkpoints/last/model.safetensors"));
}

// The mean of the gradients of two batches of 2 is that of one batch of 4, where no batch norm looks at the
// batch and every picture weighs the same.
TEST_F(TrainRuns, TwoHalvesOfABatchMakeOneStep) {
  const std::vector<std::string> plain = {"train.freeze_batch_norm=true", "train.steps=2",
                                          "train.eval_every=0", "train.shuffle=false", "augment.flip=0"};
  std::vector<std::string> halves = plain;
  halves.insert(halves.end(), {"train.batch=2", "train.accumulate=2"});
  run(job(classes_yaml(), plain), "whole");
  run(job(classes_yaml(), halves), "halves");
  const auto a = read_safetensors(folder_ / "whole/checkpoints/last/model.safetensors").tensors,
             b = read_safetensors(folder_ / "halves/checkpoints/last/model.safetensors").tensors;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = a[i].second.to(DType::kFloat32).values<float>(),
               y = b[i].second.to(DType::kFloat32).values<float>();
    for (std::size_t k = 0; k < x.size(); ++k) ASSERT_NEAR(x[k], y[k], 1e-5) << a[i].first;  // float sums
  }
}

// A rate of 0 never gets better than its first evaluation: two more end the run, and it does not go on.
TEST_F(TrainRuns, NoBetterScoreEndsTheRun) {
  const TrainJob j = job(classes_yaml(), {"optimiser.rate=0", "train.freeze_batch_norm=true",
                                          "train.eval_every=1", "train.early_stop=2"});
  const TrainSummary s = run(j, "run");
  EXPECT_EQ(s.loop.steps, 3);
  EXPECT_TRUE(s.loop.stopped_early);
  const auto result = read_file(folder_ / "run/result.json");
  const TrainSummary again = run(j, "run", true);
  EXPECT_EQ(again.loop.steps, 3);
  EXPECT_EQ(again.loop.before, 3);
  EXPECT_EQ(read_file(folder_ / "run/result.json"), result);
  std::filesystem::remove(folder_ / "run/result.json");  // killed before it was written
  EXPECT_EQ(run(j, "run", true).loop.score, s.loop.score);
  EXPECT_EQ(JsonObject::read(folder_ / "run/result.json").number("score"), s.loop.score);
  EXPECT_EQ(read_metrics(folder_ / "run", "eval").size(), 3U);
  EXPECT_THROW(job(classes_yaml(), {"train.eval_every=0", "train.early_stop=2"}), ConfigError);
}

// A killed run: its records go beyond the last checkpoint, a checkpoint is half written.
TEST_F(TrainRuns, KilledAndResumedEqualsAStraightRun) {
  const TrainJob j = job(classes_yaml());
  run(j, "straight");
  run(j, "killed");
  const std::string checkpoints = folder_ / "killed/checkpoints";
  for (const char* gone : {"/step_7", "/step_6", "/last", "/best"}) fs::remove_all(checkpoints + gone);
  fs::create_directory_symlink("step_4", checkpoints + "/last");
  fs::create_directories(checkpoints + "/.writing_step_6");
  write_file(checkpoints + "/.writing_step_6/model.safetensors", "half");
  run(j, "killed", true);
  expect_same_run("straight", "killed");
  EXPECT_FALSE(fs::exists(checkpoints + "/.writing_step_6"));
  EXPECT_EQ(read_metrics(folder_ / "killed", "train").size(), 4U);  // steps 2, 4, 6, 7
  EXPECT_EQ(read_metrics(folder_ / "killed", "eval").size(), 3U);   // steps 3, 6, 7
}

TEST_F(TrainRuns, SameBitsForOneAndManyThreads) {
  const TrainJob j = job(masks_yaml());
  const int before = threads();
  set_threads(1);
  run(j, "one");
  set_threads(3);
  run(job(masks_yaml(), {"data.threads=0"}), "many");
  set_threads(before);
  expect_same_run("one", "many");
}

TEST_F(TrainRuns, ReferenceAndCpuTrainAlike) {
  const TrainJob j = job(masks_yaml(), {"train.steps=2"});
  run(j, "cpu");
  run(j, "reference", false, Device::kReference);
  const auto a = read_metrics(folder_ / "cpu", "train"), b = read_metrics(folder_ / "reference", "train");
  ASSERT_EQ(a.size(), 2U);
  ASSERT_EQ(b.size(), 2U);
  // Forward passes of float sums in another order; step 2 sees weights that differ by as much.
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(a[i].number("loss"), b[i].number("loss"), 1e-3);
  EXPECT_TRUE(fs::exists(folder_ / "reference/eval.json"));
}

TEST_F(TrainRuns, TrainingLowersTheLoss) {
  const TrainJob j = job(classes_yaml(), {"train.steps=40", "train.eval_every=0", "augment.flip=0"});
  run(j, "run");
  const auto records = read_metrics(folder_ / "run", "train");
  // Twelve pictures can be learnt by heart; chance is log 6 = 1.79.
  EXPECT_LT(records.back().number("loss"), 0.5 * records.front().number("loss"));
}

// All terms together learn twelve masks by heart, and configurations without any are refused.
TEST_F(TrainRuns, TermsOfTheLossComeFromTheConfiguration) {
  const TrainJob j =
      job(masks_yaml(), {"train.steps=12", "augment.flip=0",
                         "loss.terms={cross_entropy: 1, dice: 0.5, lovasz: 0.5, boundary: 0.1}",
                         "loss.focal_gamma=2", "loss.hard={threshold: 0.9, min_kept: 100}"});
  EXPECT_EQ(j.loss_terms.boundary, 0.1);
  EXPECT_EQ(j.hard_pixels->min_kept, 100);
  run(j, "run");
  const auto records = read_metrics(folder_ / "run", "train");
  EXPECT_LT(records.back().number("loss"), records.front().number("loss"));
  EXPECT_THROW(job(masks_yaml(), {"loss.terms={dice: 0}"}), ConfigError);
  EXPECT_THROW(job(masks_yaml(), {"loss.terms={dise: 1}"}), ConfigError);
}

// Masks say which classes a picture has; balanced draws resume like all else.
TEST_F(TrainRuns, BalancedDrawsAndForegroundWindowsResume) {
  const TrainJob j = job(masks_yaml(), {"train.balanced=true", "augment.crop=[16, 16]",
                                        "augment.foreground=0.5", "train.steps=5"});
  run(j, "straight");
  set_interrupted(true);
  for (int stop = 0; stop < 4; ++stop) EXPECT_THROW(run(j, "stopped", stop > 0), Interrupted);
  set_interrupted(false);
  run(j, "stopped", true);
  expect_same_run("straight", "stopped");
  run(job(masks_yaml(), {"augment.crop=[16, 16]", "train.steps=5"}), "plain");
  EXPECT_NE(read_file(folder_ / "plain/checkpoints/last/model.safetensors"),
            read_file(folder_ / "straight/checkpoints/last/model.safetensors"));
}

// bfloat16 has 8 bits: losses near 2 agree to a few times 2^-9 after a few layers.
TEST_F(TrainRuns, TensorCoreProductsAreForCudaAndNearFloat) {
  const std::vector<std::string> small = {"train.steps=2", "train.batch=2", "data.val=~",
                                          "train.log_every=1"};
  std::vector<std::string> rounded = small;
  rounded.push_back("train.products=bfloat16");
  EXPECT_THROW(run(job(classes_yaml(), rounded), "cpu"), ConfigError);
  run(job(classes_yaml(), small), "exact", false, Device::kCuda);
  run(job(classes_yaml(), rounded), "rounded", false, Device::kCuda);
  set_cuda_products(CudaProducts::kFloat32);
  const auto a = read_metrics(folder_ / "exact", "train"), b = read_metrics(folder_ / "rounded", "train");
  ASSERT_EQ(b.size(), 2U);
  EXPECT_NE(a[0].number("loss"), b[0].number("loss"));
  EXPECT_NEAR(a[0].number("loss"), b[0].number("loss"), 0.05);
  EXPECT_TRUE(std::isfinite(b[1].number("loss")));
}

TEST_F(TrainRuns, AnInfiniteLossStopsAndNamesTheStep) {
  const TrainJob j = job(classes_yaml(), {"optimiser.rate=1e30", "train.eval_every=0"});
  try {
    run(j, "run");
    FAIL() << "no error";
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("at step "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("first picture "), std::string::npos) << error.what();
  }
}

TEST_F(TrainRuns, AChangedConfigurationIsReportedOnResume) {
  run(job(classes_yaml(), {"train.steps=2"}), "run");
  const TrainSummary s = run(job(classes_yaml(), {"train.steps=3"}), "run", true);
  EXPECT_EQ(s.loop.changed, std::vector<std::string>{"train.steps: 2 -> 3"});
  EXPECT_EQ(s.loop.steps, 3);
}

TEST_F(TrainRuns, ACheckpointOfAnotherModelIsAnError) {
  run(job(classes_yaml(), {"train.steps=2"}), "run");
  EXPECT_THROW(run(job(classes_yaml(), {"model.width=0.5"}), "run", true), Error);
}

TEST_F(TrainRuns, UnreadablePicturesAreSkippedAndListedIfAskedFor) {
  const std::string bad = folder_ / "drawn/train/dots/broken.png";
  write_file(bad, "not a picture");
  EXPECT_THROW(run(job(classes_yaml(), {"train.epochs=1", "train.steps=~"}), "throws"), Error);
  const TrainSummary s =
      run(job(classes_yaml(), {"train.epochs=2", "train.steps=~", "data.on_failure=skip"}), "skips");
  ASSERT_EQ(s.failures.size(), 1U);
  EXPECT_NE(s.failures[0].id.find("broken.png"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_ / "skips/failures.jsonl"));
}

TEST_F(TrainRuns, TheRateGrowsWithTheBatch) {
  run(job(masks_yaml(), {"optimiser.rate_batch=96", "train.steps=1"}), "scaled");
  // 0.05 is meant for 96 pictures; the batch has 4.
  EXPECT_NEAR(read_metrics(folder_ / "scaled", "train").at(0).number("rate"), 0.05 * 4 / 96, 1e-9);
}

TEST_F(TrainRuns, MistakesInTheJobNameTheKey) {
  const auto says = [&](const std::vector<std::string>& overrides) {
    try {
      job(classes_yaml(), overrides);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(says({"model.name=small_resnt"}).find("did you mean 'small_resnet'"), std::string::npos);
  EXPECT_NE(says({"train.epochs=3"}).find("either steps or epochs"), std::string::npos);
  EXPECT_NE(says({"augment.resize=~"}).find("the input size must be fixed"), std::string::npos);
  EXPECT_NE(says({"optimiser.momentun=0.9"}).find("did you mean 'momentum'"), std::string::npos);
}

}  // namespace
}  // namespace clearcut
