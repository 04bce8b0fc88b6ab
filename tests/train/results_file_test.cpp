// Pipelines that keep what they found out in a file: stages are finished where their lines are, on any
// machine.
#include "train/results_file.h"

#include <gtest/gtest.h>

#include "data/jsonl.h"
#include "tensor/file.h"
#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/pipeline.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class Results : public testing::Test {
 protected:
  std::string yaml(const std::string& last = "", const std::string& train = "12") const {
    return "results: " + (folder_ / "results.jsonl") +
           "\nstages:\n"
           "  - {name: a, kind: draw, size: 32, train: " +
           train +
           ", val: 6, about: {step: drawn}, speed: 2}\n"
           "  - {name: b, kind: split, data: {format: folders, root: \"${work}/a/train\"}, val: 0.3}\n" +
           last;
  }
  PipelineRun at(const std::string& text, const std::string& work) const {
    write_file(folder_ / "p.yaml", text);
    return {.file = folder_ / "p.yaml", .work_dir = folder_ / work};
  }
  Names ran(const std::string& text, const std::string& work) const {
    Names names;
    for (const StageRecord& r : run_pipeline(at(text, work)))
      if (r.done && !r.skipped) names.push_back(r.name);
    return names;
  }
  std::vector<JsonObject> lines() const { return read_jsonl(folder_ / "results.jsonl"); }
  test::Folder folder_;
};

TEST_F(Results, EveryStageLeavesALine) {
  ran(yaml(), "one");
  const auto found = lines();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].text("stage"), "a");
  EXPECT_EQ(found[0].text("kind"), "draw");
  EXPECT_EQ(found[0].object("about").text("step"), "drawn");
  EXPECT_EQ(found[0].text("recipe").size(), 16U);
  EXPECT_NE(found[0].text("recipe"), found[1].text("recipe"));
  EXPECT_GT(found[0].number("seconds"), 0);
}

// The second folder is another machine: the file is there, the stages' folders are not.
TEST_F(Results, AStageWithLinesRunsAgainOnlyIfItsFilesAreNeeded) {
  ran(yaml(), "one");
  EXPECT_EQ(ran(yaml(), "two"), Names{});
  EXPECT_TRUE(read_stages(folder_ / "two")[0].in_results);
  EXPECT_EQ(plan_pipeline(at(yaml(), "two"))[1].why, "its lines are in " + (folder_ / "results.jsonl"));
  const std::string more = yaml(
      "  - {name: c, kind: split, needs: [a], data: {format: folders, root: \"${work}/a/train\"}, val: "
      "0.5}\n");
  EXPECT_EQ(plan_pipeline(at(more, "two"))[0].why, "a stage that runs needs its files");
  EXPECT_EQ(ran(more, "two"), (Names{"a", "c"}));
  EXPECT_EQ(lines().size(), 3U);
  EXPECT_EQ(ran(more, "one"), Names{});  // a and b are there, c has its line
}

TEST_F(Results, RemarksAreNoPartOfTheRecipeAndKeysAre) {
  ran(yaml(), "one");
  std::string remarks = yaml();
  remarks.replace(remarks.find("{step: drawn}, speed: 2"), 23, "{step: other}, speed: 9");
  EXPECT_EQ(ran(remarks, "two"), Names{});
  const std::string before = read_text(folder_ / "results.jsonl");
  expect_error([&] { ran(yaml("", "18"), "two"); },
               "stage a was made by recipe " + lines()[0].text("recipe"));
  expect_error([&] { plan_pipeline(at(yaml("", "18"), "one")); }, "Rows of two recipes are not mixed");
  EXPECT_EQ(read_text(folder_ / "results.jsonl"), before);
}

// The recipe of a stage holds those of the stages that it needs.
TEST_F(Results, AChangeBehindAStageChangesItsRecipe) {
  ran(yaml(), "one");
  const auto found = lines();
  write_file(folder_ / "results.jsonl", found[1].line() + "\n");
  expect_error([&] { ran(yaml("", "18"), "two"); }, "stage b was made by recipe");
}

// Names, sizes and lists of a data set are in the recipe; where it lies and when it was copied is not.
TEST_F(Results, DataIsKnownByItsContentNotByItsPlace) {
  ran("stages:\n  - {name: a, kind: draw, size: 32, train: 12, val: 6}\n", "data");
  const auto split = [&](const std::string& data) {
    return "results: " + (folder_ / "results.jsonl") +
           "\nstages:\n  - {name: s, kind: split, data: {format: csv, root: " + (folder_ / data) +
           "}, val: 0.3}\n";
  };
  ran(split("data/a"), "one");
  fs::copy(folder_ / "data/a", folder_ / "moved", fs::copy_options::recursive);
  EXPECT_EQ(ran(split("moved"), "two"), Names{});
  std::string list = read_text(folder_ / "moved/labels.csv");
  std::swap(list[list.size() - 3], list[list.size() - 2]);  // of the same size
  write_file(folder_ / "moved/labels.csv", list);
  expect_error([&] { ran(split("moved"), "two"); }, "stage s was made by recipe");
}

// Paths in lists too: the classifiers of a label stage, the inputs of a prediction.
TEST_F(Results, FilesInListsAreKnownByTheirContent) {
  write_file(folder_ / "results.jsonl", "{\"stage\": \"s\", \"recipe\": \"old\"}\n");
  const auto recipe = [&](const std::string& a, const std::string& b) {
    const std::string text = "results: " + (folder_ / "results.jsonl") +
                             "\nstages:\n  - {name: s, kind: predict, model: m, inputs: [" + (folder_ / a) +
                             ", \"" + (folder_ / b) + "\"]}\n";
    try {
      plan_pipeline(at(text, "one"));
    } catch (const ConfigError& error) {
      const std::string said = error.what(), mark = "its recipe is ";
      return said.substr(said.find(mark) + mark.size(), 16);
    }
    return std::string("accepted");
  };
  for (const char* file : {"a/x.png", "b/y.png", "moved/x.png", "other/longer.png"})
    write_file(folder_ / file, file[0] == 'b' ? "yy" : "x");
  const std::string one = recipe("a", "b/y.png");
  EXPECT_EQ(recipe("moved", "b/y.png"), one);
  EXPECT_NE(recipe("other", "b/y.png"), one);
  write_file(folder_ / "b/y.png", "zz");
  EXPECT_NE(recipe("a", "b/y.png"), one);
}

TEST_F(Results, WhatIsLeftOutDoesNotRunNorWhatNeedsIt) {
  const std::string text =
      "stages:\n  - {name: a, kind: draw, size: 32, train: 6, val: 6, left_out: true}\n"
      "  - {name: b, kind: split, data: {format: folders, root: \"${work}/a/train\"}}\n"
      "  - {name: c, kind: draw, size: 32, train: 6, val: 6, needs: []}\n";
  EXPECT_EQ(ran(text, "one"), Names{"c"});
  EXPECT_EQ(plan_pipeline(at(text, "one"))[1].why, "left_out in the pipeline");
  EXPECT_EQ(read_stages(folder_ / "one").size(), 1U);  // nothing is missing
}

// `a` is outside the range and of another recipe: what it found out is nobody's result.
TEST_F(Results, AStaleStageOutsideTheRangeLeavesNoLine) {
  ran(yaml(), "one");
  fs::remove(folder_ / "results.jsonl");
  const std::string text = yaml("  - {name: c, kind: draw, size: 32, train: 6, val: 6, needs: []}\n", "18");
  PipelineRun run = at(text, "one");
  run.from = "c";
  run_pipeline(run);
  ASSERT_EQ(lines().size(), 1U);
  EXPECT_EQ(lines()[0].text("stage"), "c");
}

// Its lines stand; that nobody can find them out again is no reason to stop.
TEST_F(Results, AStageOutsideTheRangeMayHaveLostItsFolder) {
  const std::string text = yaml(
      "  - {name: net, kind: train, needs: [a], with: {task: classification, model: {name: small_resnet, "
      "width: 0.25}, data: {train: {format: folders, root: \"${work}/a/train\"}}, augment: {resize: [32, "
      "32]}, "
      "train: {batch: 4, steps: 1}}}\n"
      "  - {name: c, kind: draw, size: 32, train: 6, val: 6, needs: []}\n");
  PipelineRun run = at(text, "one");
  run.to = "net";
  run_pipeline(run);
  fs::remove_all(folder_ / "one/net");
  run.from = "c", run.to = "";
  run_pipeline(run);
  EXPECT_EQ(lines().back().text("stage"), "c");
}

TEST_F(Results, ALineThatIsNoResultIsNamed) {
  write_file(folder_ / "results.jsonl", "{\"stage\": \"a\"}\n");
  expect_error([&] { ran(yaml(), "one"); }, "results.jsonl");
}

TEST(ResultsFile, WhatDiffersWhenAStageIsMadeAgain) {
  JsonObject line;
  line.set("stage", "s").set("recipe", "r").set("variant", "pssl").set("seed", 2).set("score", 0.5);
  test::Folder folder;
  ResultsFile file(folder / "results.jsonl");
  file.add({line});
  EXPECT_EQ(file.difference("s", {line}), "");
  JsonObject other = line;
  other.set("score", 0.25);
  EXPECT_EQ(file.difference("s", {other}), "had pssl, seed 2: 0.5, has pssl, seed 2: 0.25");
  EXPECT_EQ(file.difference("s", {}), "had pssl, seed 2: 0.5, has nothing");
  expect_error([&] { file.add({}); }, "at least one line");
}

// Two work folders with one file, or a pull while a stage runs.
TEST(ResultsFile, LinesThatCameMeanwhileStay) {
  const auto line = [](const std::string& stage) {
    return JsonObject().set("stage", stage).set("recipe", "r");
  };
  test::Folder folder;
  ResultsFile mine(folder / "results.jsonl"), other(folder / "results.jsonl");
  mine.add({line("a")});
  other.add({line("b")});
  other.add({line("a")});  // made twice: the first stands
  EXPECT_EQ(read_jsonl(folder / "results.jsonl").size(), 2U);
  EXPECT_EQ(other.lines().size(), 2U);
  write_file(folder / "results.jsonl", line("b").line() + "\n");  // deleted by hand, and not brought back
  mine.add({line("c")});
  EXPECT_EQ(read_jsonl(folder / "results.jsonl").size(), 2U);
}

}  // namespace
}  // namespace clearcut
