#include "train/pipeline.h"

#include <gtest/gtest.h>

#include "data/file_lock.h"
#include "data/json.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/job.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;

class Pipelines : public testing::Test {
 protected:
  void TearDown() override { set_interrupted(false); }
  std::string yaml(const std::string& split_val = "0.3") const {
    return "stages:\n"
           "  - {name: drawings, kind: draw, size: 32, train: 12, val: 6}\n"
           "  - {name: split, kind: split, data: {format: folders, root: \"${work}/drawings/train\"}, val: " +
           split_val +
           "}\n"
           "  - {name: other, kind: draw, size: 32, train: 6, val: 6, needs: []}\n";
  }
  std::vector<std::string> done_now(const std::string& text, PipelineRun run = {}) {
    write_file(folder_ / "p.yaml", text);
    run.file = folder_ / "p.yaml";
    run.work_dir = folder_ / "work";
    std::vector<std::string> names;
    for (const StageRecord& r : run_pipeline(run))
      if (r.done && !r.skipped) names.push_back(r.name);
    return names;
  }
  std::string says(const std::string& text, PipelineRun run = {}) {
    try {
      done_now(text, run);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "no error";
  }
  test::Folder folder_;
};
using Names = std::vector<std::string>;

TEST_F(Pipelines, FinishedStagesAreNotRepeated) {
  EXPECT_EQ(done_now(yaml()), (Names{"drawings", "split", "other"}));
  EXPECT_EQ(done_now(yaml()), Names{});
  EXPECT_EQ(read_stages(folder_ / "work").size(), 3U);
  EXPECT_EQ(done_now(yaml(), {.fresh = true}), (Names{"drawings", "split", "other"}));
}

TEST_F(Pipelines, ACheckStopsTheRunBeforeBadDataAreUsed) {
  const auto with_check = [](const std::string& on_errors) {
    return "stages:\n"
           "  - {name: drawings, kind: draw, size: 32, train: 12, val: 6}\n"
           "  - {name: checked, kind: check, data: {format: list, root: \"${work}/drawings\", list: "
           "train.txt}, "
           "val: {format: list, root: \"${work}/drawings\", list: val.txt}" +
           on_errors + "}\n  - {name: other, kind: draw, size: 32, train: 6, val: 6}\n";
  };
  EXPECT_EQ(done_now(with_check("")), (Names{"drawings", "checked", "other"}));
  const JsonObject report = JsonObject::read(folder_ / "work/checked/report.json");
  EXPECT_EQ(report.integer("items"), 12);
  EXPECT_EQ(report.object("val").integer("items"), 6);

  // The validation list names a picture of training: known by its pixels.
  const std::string list = folder_ / "work/drawings/val.txt";
  write_file(list, read_text(list) + read_text(folder_ / "work/drawings/train.txt"));
  const auto alone = [&](const std::string& on_errors) {
    const std::string text = with_check(on_errors);
    std::string stages = "stages:\n" + text.substr(text.find("  - {name: checked"));
    const std::string work = "${work}/drawings", place = folder_ / "work/drawings";
    for (std::size_t at = 0; (at = stages.find(work)) != std::string::npos;)
      stages.replace(at, work.size(), place);
    return stages;
  };
  expect_error([&] { done_now(alone("")); }, "same picture in training and validation");
  testing::internal::CaptureStderr();
  EXPECT_EQ(done_now(alone(", on_errors: go_on")), (Names{"checked", "other"}));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("checked: error: same picture in training and validation (12)"), std::string::npos)
      << said;
  EXPECT_NE(said.find("goes on with these errors"), std::string::npos) << said;
  EXPECT_NE(read_text(folder_ / "work/checked/report.txt").find("same picture in training"),
            std::string::npos);
}

TEST_F(Pipelines, AChangeRepeatsTheStageAndWhatNeedsIt) {
  done_now(yaml());
  EXPECT_EQ(done_now(yaml("0.4")), Names{"split"});
  fs::remove(folder_ / "work/drawings/classes.txt");
  EXPECT_EQ(done_now(yaml("0.4")), Names{"drawings"});  // the same hash: what follows still fits
  std::string smaller = yaml("0.4");
  smaller.replace(smaller.find("train: 12"), 9, "train: 18");
  EXPECT_EQ(done_now(smaller), (Names{"drawings", "split"}));  // `other` needs nothing
}

// Data unpacked again, elsewhere or later, is the same data.
TEST_F(Pipelines, DataAreKnownByNamesSizesAndLists) {
  const auto text = [&](const std::string& folder) {
    return "stages:\n  - {name: split, kind: split, data: {format: folders, root: \"" + (folder_ / folder) +
           "\"}, val: 0.3}\n";
  };
  done_now(yaml(), {.to = "drawings"});
  fs::copy(folder_ / "work/drawings/train", folder_ / "data", fs::copy_options::recursive);
  EXPECT_EQ(done_now(text("data")), Names{"split"});
  fs::copy(folder_ / "data", folder_ / "again", fs::copy_options::recursive);
  for (const auto& file : fs::recursive_directory_iterator(folder_ / "again"))
    fs::last_write_time(file, fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(done_now(text("again")), Names{});
  write_file(folder_ / "again/list.txt", "one more\n");
  EXPECT_EQ(done_now(text("again")), Names{"split"});
}

TEST_F(Pipelines, WhatAStageNeedsMustFitTheFile) {
  done_now(yaml());
  std::string smaller = yaml("0.4");
  smaller.replace(smaller.find("train: 12"), 9, "train: 18");
  EXPECT_NE(says(smaller, {.from = "split"}).find("stage drawings is of other keys or inputs"),
            std::string::npos);
  EXPECT_EQ(done_now(smaller), (Names{"drawings", "split"}));
}

TEST_F(Pipelines, FromAndToChooseStages) {
  EXPECT_NE(says(yaml(), {.from = "split"}).find("stage drawings is not done, and what runs needs it"),
            std::string::npos);
  EXPECT_EQ(done_now(yaml(), {.from = "other"}), Names{"other"});
  EXPECT_EQ(done_now(yaml(), {.to = "drawings"}), Names{"drawings"});
  EXPECT_EQ(done_now(yaml(), {.from = "split"}), Names{"split"});  // `other` is done
  EXPECT_NE(says(yaml(), {.from = "nothing"}).find("no stage 'nothing'"), std::string::npos);
}

// Those outside the range stay done, and a mistake costs nothing.
TEST_F(Pipelines, FreshForgetsTheStagesOfItsRangeAlone) {
  done_now(yaml());
  EXPECT_NE(says(yaml(), {.from = "splitt", .fresh = true}).find("no stage 'splitt'"), std::string::npos);
  EXPECT_EQ(done_now(yaml()), Names{});
  EXPECT_EQ(done_now(yaml(), {.from = "split", .to = "split", .fresh = true}), Names{"split"});
  EXPECT_EQ(done_now(yaml()), Names{});
}

TEST_F(Pipelines, DataBesideTheWorkFolderAreOutsideIt) {
  done_now(yaml(), {.to = "drawings"});
  fs::copy(folder_ / "work/drawings/train", folder_ / "work_data", fs::copy_options::recursive);
  const std::string text = "stages:\n  - {name: split, kind: split, data: {format: folders, root: \"" +
                           (folder_ / "work_data") + "\"}, val: 0.3}\n";
  done_now(text);
  EXPECT_EQ(done_now(text), Names{});
  write_file(folder_ / "work_data/list.txt", "one more\n");
  EXPECT_EQ(done_now(text), Names{"split"});
}

// Weights take room: whoever deletes them gets them again once a stage needs them.
TEST_F(Pipelines, ATrainStageWithoutItsWeightsTrainsAgain) {
  const std::string text =
      "stages:\n"
      "  - {name: drawn, kind: draw, size: 32, train: 12, val: 6}\n"
      "  - name: net\n"
      "    kind: train\n"
      "    with:\n"
      "      task: classification\n"
      "      model: {name: small_resnet, width: 0.25}\n"
      "      data: {train: {format: folders, root: \"${work}/drawn/train\"}}\n"
      "      augment: {resize: [32, 32]}\n"
      "      train: {batch: 4, steps: 2}\n";
  done_now(text);
  const std::string weights = folder_ / "work/net/run/checkpoints/last/model.safetensors";
  const auto before = read_file(weights);
  fs::remove_all(folder_ / "work/net/run/checkpoints");
  EXPECT_EQ(done_now(text), Names{"net"});
  EXPECT_EQ(read_file(weights), before);
  EXPECT_EQ(done_now(text), Names{});
}

TEST_F(Pipelines, AnInterruptedRunGoesOnWhereItStopped) {
  set_interrupted(true);
  EXPECT_THROW(done_now(yaml()), Interrupted);
  set_interrupted(false);
  done_now(yaml(), {.to = "drawings"});
  EXPECT_EQ(done_now(yaml()), (Names{"split", "other"}));
}

TEST_F(Pipelines, APlanSaysWhatWouldRunAndWhy) {
  const auto plan = [&](const std::string& text, PipelineRun run = {}) {
    write_file(folder_ / "p.yaml", text);
    run.file = folder_ / "p.yaml";
    run.work_dir = folder_ / "work";
    std::vector<std::string> lines;
    for (const PlannedStage& stage : plan_pipeline(run))
      lines.push_back(cat(stage.name, stage.runs ? " runs: " : ": ", stage.why));
    return lines;
  };
  EXPECT_EQ(plan(yaml()),
            (Names{"drawings runs: not done yet", "split runs: not done yet", "other runs: not done yet"}));
  EXPECT_FALSE(fs::exists(folder_ / "work"));
  done_now(yaml(), {.to = "split"});
  EXPECT_EQ(plan(yaml()), (Names{"drawings: done before", "split: done before", "other runs: not done yet"}));
  EXPECT_EQ(
      plan(yaml("0.4"), {.to = "split"}),
      (Names{"drawings: done before", "split runs: its keys, its inputs or a stage that it needs changed",
             "other: outside --from .. --to"}));
  fs::remove(folder_ / "work/drawings/classes.txt");
  EXPECT_EQ(plan(yaml())[0], "drawings runs: its classes.txt is gone");
  expect_error([&] { plan("stages:\n  - {name: a, kind: drow}\n"); }, "did you mean 'draw'");
}

// stages.json names all stages from the start, and the command that goes on.
TEST_F(Pipelines, AStatusFileNamesWhatIsLeft) {
  done_now(yaml(), {.to = "drawings"});
  const std::vector<StageRecord> stages = read_stages(folder_ / "work");
  ASSERT_EQ(stages.size(), 3U);
  EXPECT_TRUE(stages[0].done);
  EXPECT_FALSE(stages[1].done);
  EXPECT_EQ(stages[2].name, "other");
  EXPECT_EQ(stages[2].hash, "");
  EXPECT_FALSE(JsonObject::read(folder_ / "work/stages.json").texts("command").empty());
}

TEST_F(Pipelines, OneProcessPerWorkFolder) {
  fs::create_directories(folder_ / "work");
  const FileLock lock(pipeline_lock(folder_ / "work"), FileLock::Wait::kBriefly);
  expect_error([&] { done_now(yaml()); }, "another process runs a pipeline");
}

TEST_F(Pipelines, SplitWritesEveryPictureOnceAndHoldsSomeOut) {
  done_now(yaml());
  std::istringstream lines(read_text(folder_ / "work/split/labels.csv"));
  int train = -1, val = 0;  // the header is no picture
  for (std::string line; std::getline(lines, line);) line.ends_with(",val") ? ++val : ++train;
  EXPECT_EQ(train + val, 12);
  EXPECT_GT(val, 0);
  EXPECT_EQ(read_text(folder_ / "work/split/classes.txt").substr(0, 24), "0\tbackground\n1\tbricks\n2\t");
}

TEST_F(Pipelines, SplitOfACsvDropsTheBackgroundClass) {
  // labels.csv of the drawn set stands beside a class file that has background as class 0.
  std::string text = yaml();
  text.replace(text.find("{format: folders, root: \"${work}/drawings/train\"}"), 49,
               "{format: auto, root: \"${work}/drawings\"}");
  done_now(text);
  EXPECT_EQ(read_text(folder_ / "work/split/objects.txt").substr(0, 17), "0\tbricks\n1\tchecks");
  EXPECT_NE(read_text(folder_ / "work/split/labels.csv").find("bricks/000000.png,0"), std::string::npos);
}

TEST_F(Pipelines, MistakesAreFoundBeforeAnythingRuns) {
  EXPECT_NE(says("stages:\n  - {name: a, kind: draw, sise: 32}\n").find("did you mean 'size'"),
            std::string::npos);
  EXPECT_NE(says("stages:\n  - {name: a, kind: drow}\n").find("did you mean 'draw'"), std::string::npos);
  EXPECT_NE(says("stages:\n  - {name: a, kind: draw, needs: [b]}\n").find("no stage 'b'"), std::string::npos);
  EXPECT_NE(says("stages:\n  - {name: ../a, kind: draw}\n").find("plain folder name"), std::string::npos);
  EXPECT_NE(says("x: ${data}\nstages: []\n").find("--set data="), std::string::npos);
  EXPECT_FALSE(fs::exists(folder_ / "work/stages.json"));
}

TEST_F(Pipelines, FullSetsItsValues) {
  const std::string text =
      "n: 6\nfull: {n: 12}\nstages:\n  - {name: a, kind: draw, size: 32, train: \"${n}\", val: 6}\n";
  done_now(text, {.full = true});
  int pictures = 0;
  for (const auto& e : fs::recursive_directory_iterator(folder_ / "work/a/train"))
    pictures += e.is_regular_file();
  EXPECT_EQ(pictures, 12);
}

}  // namespace
}  // namespace clearcut
