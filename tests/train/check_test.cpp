#include "train/check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/drawn.h"
#include "tests/train/folder.h"

namespace clearcut {
namespace {

TrainJob small_job(const std::string& drawn, const std::vector<std::string>& overrides = {}) {
  write_drawn(drawn, {.train = 8, .val = 6}, {.size = 32});
  return read_train_job(
      Config::parse("task: segmentation\nmodel: {name: pspnet_small_resnet, width: 0.25}\n"
                    "data: {train: {format: list, root: " +
                        drawn +
                        "}}\n"
                        "augment: {crop: [32, 32]}\n"
                        "optimiser: {rate: 0.01}\ntrain: {batch: 4, steps: 3, log_every: 1}\n",
                    "t.yaml", overrides));
}

TEST(CheckStep, TwoRunsOnOneDeviceAreEqual) {
  const test::Folder folder;
  const StepCheck s = check_step(small_job(folder / "drawn"), Device::kCpu, Device::kCpu, 0);
  EXPECT_TRUE(s.agrees);
  EXPECT_EQ(s.first, -1);
  EXPECT_GT(s.modules.size(), 20U);
  EXPECT_GT(s.parameters.size(), 20U);
  EXPECT_EQ(s.loss_a, s.loss_b);
}

TEST(CheckStep, DevicesAgreeWithinRoundingAndTheFirstDisagreementIsFound) {
  const test::Folder folder;
  const TrainJob job = small_job(folder / "drawn");
  // Float sums in another order, through some 30 layers of batch norm on a batch of 4.
  const StepCheck close = check_step(job, Device::kCpu, Device::kReference, 2e-2);
  EXPECT_TRUE(close.agrees);
  const StepCheck strict = check_step(job, Device::kCpu, Device::kReference, 0);
  EXPECT_FALSE(strict.agrees);
  ASSERT_GE(strict.first, 0);
  for (int i = 0; i < strict.first; ++i) EXPECT_EQ(strict.modules[static_cast<std::size_t>(i)].value, 0);
  EXPECT_FALSE(strict.modules[static_cast<std::size_t>(strict.first)].agrees);
}

// The same bound: the emulated device adds up in its own order too.
TEST(CheckStep, TheEmulatedDeviceAgreesWithTheCpu) {
  const test::Folder folder;
  const StepCheck s = check_step(small_job(folder / "drawn"), Device::kCuda, Device::kCpu, 2e-2);
  EXPECT_TRUE(s.agrees);
  EXPECT_GT(s.modules.size(), 20U);
  EXPECT_NEAR(s.loss_a, s.loss_b, 1e-4);
}

TEST(CheckTraining, EveryWayGivesTheSameBitsAndAnotherSeedOthers) {
  const test::Folder folder;
  const auto same = check_training(small_job(folder / "drawn"), Device::kCpu, folder / "a");
  ASSERT_EQ(same.size(), 4U);
  for (const Repetition& r : same) EXPECT_EQ(r.hash, same[0].hash) << r.how;
  const auto other = check_training(small_job(folder / "drawn", {"seed=2"}), Device::kCpu, folder / "b");
  EXPECT_NE(other[0].hash, same[0].hash);
}

TEST(CheckGradients, RunsTheRowsOfThatName) {
  const auto checks = check_gradients("log_softmax");
  ASSERT_FALSE(checks.empty());
  double worst = 0;
  for (const GradientCheck& c : checks) {
    EXPECT_NE(c.row.find("log_softmax"), std::string::npos);
    EXPECT_TRUE(c.passed) << c.row << ": " << c.where;
    worst = std::max(worst, c.worst);
  }
  EXPECT_GT(worst, 0);  // central differences are not exact
  EXPECT_TRUE(check_gradients("no such row").empty());
}

}  // namespace
}  // namespace clearcut
