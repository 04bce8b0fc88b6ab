#include "train/profile.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/drawn.h"
#include "models/inspect.h"
#include "tests/train/folder.h"

namespace clearcut {
namespace {

// A batch of 4 pictures of 32 x 32: the first convolution of small_resnet at a quarter of its width is found
// by its work. Training asks for it forward and for its weight gradient, the others also for their input
// gradient.
TEST(Profile, EveryLayerStandsThereWithItsWork) {
  const test::Folder folder;
  write_drawn(folder / "drawn", {.train = 12, .val = 6}, {.size = 32});
  const TrainJob job =
      read_train_job(Config::parse("task: classification\nmodel: {name: small_resnet, width: 0.25}\n"
                                   "data:\n  train: {format: folders, root: " +
                                       folder.path() +
                                       "/drawn/train}\naugment: {resize: [32, 32]}\noptimiser: {clip: 1}\n"
                                       "train: {batch: 4, steps: 2}\n",
                                   "t.yaml"));
  const StepProfile p = profile_training(job, {.work_dir = ""}, 2);
  EXPECT_EQ(p.steps, 2);
  double operators = 0;
  std::vector<LayerProfile> convolutions;
  for (const LayerProfile& row : p.layers) {
    operators += row.seconds();
    if (row.op == "conv2d") convolutions.push_back(row);
  }
  EXPECT_GT(operators, 0);
  EXPECT_LE(operators + p.data + p.update, p.whole);
  ASSERT_GE(convolutions.size(), 2U);
  EXPECT_FALSE(convolutions[1].module.empty());
  for (const LayerProfile& row : convolutions) EXPECT_GT(row.backward, 0) << row.module;
  // A step asks for three forward passes, but for the input gradient of the first convolution.
  const PreparedJob ready = prepare_job(job, {.work_dir = ""});
  const auto forward = [&](const Var& x) { return ready.classifier->logits(x); };
  const auto layers =
      layer_table(ready.classifier->registry(), forward, Tensor::zeros({4, 3, 32, 32}, DType::kFloat32));
  std::int64_t asked = 0;
  for (const LayerProfile& row : p.layers) asked += row.multiply_adds;
  const auto first = std::ranges::find_if(layers, [](const LayerRow& row) { return row.multiply_adds > 0; });
  EXPECT_EQ(asked, 3 * totals_of(layers).multiply_adds - first->multiply_adds);
  EXPECT_EQ(convolutions[0].multiply_adds, 2 * first->multiply_adds);
  const std::string table = profile_table(p);
  EXPECT_NE(table.find("conv2d, " + convolutions[1].module), std::string::npos) << table;
  EXPECT_NE(table.find("waiting for pictures"), std::string::npos);
}

}  // namespace
}  // namespace clearcut
