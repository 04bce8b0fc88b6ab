#include "train/loop.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/drawn.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tensor/parallel.h"
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
