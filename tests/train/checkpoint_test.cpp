#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include "data/json.h"
#include "tensor/file.h"
#include "tensor/safetensors.h"
#include "tests/disk_limit.h"
#include "tests/train/folder.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

/// "backbone.w" [2, 2] and "head.w" [classes].
struct Net {
  explicit Net(std::int64_t classes, double value)
      : body(root.scope() / "backbone" / "w", Tensor::full({2, 2}, value)),
        head(root.scope() / "head" / "w", Tensor::full({classes}, value)) {}
  Registry root;
  Param body, head;
};

TEST(Checkpoints, KeepTheNewestAndTheBest) {
  const test::Folder folder;
  Net net(3, 1);
  Sgd sgd(net.root, {});
  Checkpoints checkpoints(folder.path(), 2);
  EXPECT_FALSE(checkpoints.exists());
  EXPECT_FALSE(checkpoints.resume(net.root, sgd));
  for (std::int64_t step = 1; step <= 5; ++step) {
    TrainState state;
    state.step = step;
    state.best = 0.5;
    state.best_step = step < 2 ? -1 : 2;
    checkpoints.save(net.root, sgd, state, "{}");
  }
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(checkpoints.folder()))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"best", "last", "step_2", "step_4", "step_5"}));
  EXPECT_EQ(fs::read_symlink(checkpoints.folder() + "/best"), "step_2");
  EXPECT_EQ(fs::read_symlink(checkpoints.folder() + "/last"), "step_5");
}

// Killed between the links, or resumed from before the best: the next save puts it right.
TEST(Checkpoints, TheLinkToTheBestIsMadeAtEachSave) {
  const test::Folder folder;
  Net net(3, 1);
  Sgd sgd(net.root, {});
  Checkpoints checkpoints(folder.path(), 2);
  TrainState state;
  for (state.step = 1; state.step <= 2; ++state.step) {
    state.best_step = state.step;
    checkpoints.save(net.root, sgd, state, "{}");
  }
  fs::remove(checkpoints.folder() + "/best");
  fs::create_directory_symlink("step_1", checkpoints.folder() + "/best");
  state.step = 3;
  checkpoints.save(net.root, sgd, state, "{}");
  EXPECT_EQ(fs::read_symlink(checkpoints.folder() + "/best"), "step_2");
  checkpoints.save(net.root, sgd, state, "{}");  // again, where it stands
  EXPECT_EQ(fs::read_symlink(checkpoints.folder() + "/last"), "step_3");
  for (const auto& entry : fs::directory_iterator(checkpoints.folder()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
}

TEST(Checkpoints, BringBackWeightsVelocitiesAndState) {
  const test::Folder folder;
  Net net(3, 7);
  Sgd sgd(net.root, {});
  sgd.load({{"backbone.w", Tensor::full({2, 2}, 5)}, {"head.w", Tensor::full({3}, 6)}});
  TrainState state;
  state.step = 12;
  state.position = {.epoch = 3, .item = 4};
  state.loss_sums = {0.1, 0.2};
  state.losses_summed = 2;
  state.config = "a: 1\n";
  Checkpoints checkpoints(folder.path(), 1);
  checkpoints.save(net.root, sgd, state, "{}");
  Net other(3, 0);
  Sgd fresh(other.root, {});
  const auto back = checkpoints.resume(other.root, fresh);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->step, 12);
  EXPECT_EQ(back->position.epoch, 3U);
  EXPECT_EQ(back->position.item, 4);
  EXPECT_EQ(back->loss_sums, (std::vector<double>{0.1, 0.2}));
  EXPECT_EQ(back->best, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(back->config, "a: 1\n");
  EXPECT_EQ(other.head.value().values<float>(), std::vector<float>(3, 7.F));
  EXPECT_EQ(fresh.state()[0].second.values<float>(), std::vector<float>(4, 5.F));
}

TEST(Checkpoints, OfAnotherModelAreRefused) {
  const test::Folder folder;
  Net net(3, 1), wider(4, 1);
  Sgd sgd(net.root, {}), other(wider.root, {});
  Checkpoints checkpoints(folder.path(), 1);
  TrainState state;
  state.step = 1;
  checkpoints.save(net.root, sgd, state, "{}");
  EXPECT_THROW(checkpoints.resume(wider.root, other), Error);
  write_file(checkpoints.folder() + "/last/state.json", "{\"format\": \"else\"}");
  EXPECT_THROW(checkpoints.resume(net.root, sgd), Error);
}

// Nothing is damaged, and the weights are still of use.
TEST(Checkpoints, OfAnotherVersionAreRefusedAsSuch) {
  const test::Folder folder;
  Net net(3, 1);
  Sgd sgd(net.root, {});
  Checkpoints checkpoints(folder.path(), 1);
  TrainState state;
  state.step = 1;
  checkpoints.save(net.root, sgd, state, "{}");
  const std::string path = checkpoints.folder() + "/step_1/state.json";
  JsonObject::read(path).set("version", 1).write(path);
  try {
    checkpoints.resume(net.root, sgd);
    FAIL() << "no error";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("step_1 is a checkpoint of version 1, this program reads version 2"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("--set init.from="), std::string::npos) << text;
    EXPECT_EQ(text.find("damaged"), std::string::npos) << text;
  }
  EXPECT_EQ(hand_over(net.root, checkpoints.folder() + "/step_1").reinitialised.size(), 0U);
}

// One flipped bit, a missing file, a missing state: refused, and the newest whole one is offered and loads.
TEST(Checkpoints, DamagedOnesAreRefusedAndTheNewestWholeOneOffered) {
  const test::Folder folder;
  Net net(3, 1);
  Sgd sgd(net.root, {});
  Checkpoints checkpoints(folder.path(), 5);
  for (std::int64_t step = 1; step <= 4; ++step) {
    TrainState state;
    state.step = step;
    net.head.value().copy_from(Tensor::full({3}, static_cast<double>(step)));
    checkpoints.save(net.root, sgd, state, "{}");
  }
  Bytes bytes = read_file(checkpoints.folder() + "/step_4/optim.safetensors");
  bytes[bytes.size() - 3] ^= 1;
  write_file(checkpoints.folder() + "/step_4/optim.safetensors", bytes);
  fs::remove(checkpoints.folder() + "/step_3/model.json");
  const auto says = [&] {
    try {
      checkpoints.resume(net.root, sgd);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(says().find("step_4"), std::string::npos);
  EXPECT_NE(says().find("optim.safetensors is "), std::string::npos) << says();
  EXPECT_NE(says().find("step_2 is whole: go on from it with --resume --checkpoint step_2"),
            std::string::npos)
      << says();
  EXPECT_EQ(checkpoints.damage("step_2"), "");
  EXPECT_EQ(checkpoints.resume(net.root, sgd, nullptr, "step_2")->step, 2);
  EXPECT_EQ(net.head.value().values<float>(), std::vector<float>(3, 2.F));
  for (const char* step : {"/step_1", "/step_2"}) fs::remove(checkpoints.folder() + step + "/state.json");
  EXPECT_NE(says().find("no other is whole"), std::string::npos) << says();
}

// Killed between the first checkpoint and its link: the newest one is the last.
TEST(Checkpoints, WithoutALinkTheNewestIsTheLast) {
  const test::Folder folder;
  Net net(3, 1);
  Sgd sgd(net.root, {});
  Checkpoints checkpoints(folder.path(), 5);
  for (const std::int64_t step : {9, 10}) {
    TrainState state;
    state.step = step;
    checkpoints.save(net.root, sgd, state, "{}");
  }
  fs::remove(checkpoints.folder() + "/last");
  EXPECT_TRUE(checkpoints.exists());
  EXPECT_EQ(checkpoints.resume(net.root, sgd)->step, 10);
  fs::create_directory_symlink("step_11",
                               checkpoints.folder() + "/last");  // killed while it was written anew
  EXPECT_EQ(checkpoints.resume(net.root, sgd)->step, 10);
  try {
    checkpoints.resume(net.root, sgd, nullptr, "step_11");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("has no checkpoint 'step_11'; it has step_10, step_9; name one"),
              std::string::npos)
        << error.what();
  }
}

TEST(Checkpoints, AFullDiskLeavesTheEarlierOnes) {
  const test::Folder folder;
  Net net(3000, 1);  // 12 kB
  Sgd sgd(net.root, {});
  Checkpoints checkpoints(folder.path(), 5);
  TrainState state;
  state.step = 1;
  checkpoints.save(net.root, sgd, state, "{}");
  state.step = 2;
  {
    const test::DiskLimit full(4096);
    try {
      checkpoints.save(net.root, sgd, state, "{}");
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("make room and go on with --resume"), std::string::npos);
    }
  }
  EXPECT_FALSE(fs::exists(checkpoints.folder() + "/.writing_step_2"));
  EXPECT_EQ(checkpoints.resume(net.root, sgd)->step, 1);
}

// Spec 3.3: what fits by name and shape is copied; the classes changed, so the head stays fresh.
TEST(HandOver, CopiesByNameAndShapeAndReportsTheRest) {
  const test::Folder folder;
  const std::string file = folder / "w.safetensors";
  Net source(1001, 3), target(11, 0);
  write_safetensors(file, {source.root.state(), {}});
  const HandOver result = hand_over(target.root, file);
  EXPECT_EQ(target.body.value().values<float>(), std::vector<float>(4, 3.F));
  EXPECT_EQ(target.head.value().values<float>(), std::vector<float>(11, 0.F));
  EXPECT_EQ(result.report.loaded, std::vector<std::string>{"backbone.w"});
  EXPECT_EQ(result.reinitialised, std::vector<std::string>{"head.w [11], file has [1001]"});
}

TEST(HandOver, PartsAndPrefixChoose) {
  const test::Folder folder;
  const std::string file = folder / "w.safetensors";
  Net source(11, 3), target(11, 0);
  write_safetensors(file, {source.root.state(), {}});
  EXPECT_EQ(hand_over(target.root, file, {"backbone.*"}).reinitialised,
            std::vector<std::string>{"head.w, not asked for"});
  write_safetensors(file, {{{"w", Tensor::full({2, 2}, 4)}}, {}});
  EXPECT_EQ(hand_over(target.root, file, {"*"}, "backbone.").report.loaded,
            std::vector<std::string>{"backbone.w"});
  EXPECT_EQ(target.body.value().values<float>(), std::vector<float>(4, 4.F));
  EXPECT_THROW(hand_over(target.root, file), Error);  // nothing fits
}

}  // namespace
}  // namespace clearcut
