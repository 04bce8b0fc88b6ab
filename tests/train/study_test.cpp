// A study end to end on drawn pictures, and what its results file says, by hand-computed numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "data/dataset.h"
#include "data/jsonl.h"
#include "tensor/file.h"
#include "tensor/interrupt.h"
#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/pipeline.h"
#include "train/results_file.h"
#include "train/study_page.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

/// Keys and stages of a study: two seeds of classifier, labels, controls, pre-training and three starts, at
/// 32 pixels.
const char* const kTinyKeys = R"(
classify:
  task: classification
  model: {name: small_resnet, width: 0.25}
  data: {train: {format: folders, root: "${work}/drawn/train", classes: "${work}/drawn/objects.txt"},
         val: {format: folders, root: "${work}/drawn/val", classes: "${work}/drawn/objects.txt"}}
  augment: {crop: [32, 32]}
  optimiser: {rate: 0.02}
  train: {batch: 4, steps: 6, log_every: 2, save_every: 2}
segment:
  model: {name: pspnet_small_resnet, width: 0.25}
  augment: {crop: [32, 32]}
  train: {batch: 4, steps: 4, log_every: 1, save_every: 2}
  eval: {bootstrap: 0}
drawn: {format: csv, root: "${work}/drawn", split: train}
views: {same: {eval: {bootstrap: 0}}, windows: {eval: {slide: [20, 20]}}}
)";
const char* const kTinyStages = R"(stages:
  - {name: drawn, kind: draw, size: 32, train: 18, val: 6, needs: []}
  - each: {seed: [1, 2]}
    do:
      - {name: trunk-<seed>, kind: train, needs: [drawn], speed: 50, about: {step: trunk, network: small},
         with: "${classify}", variants: {trunk: {}}, seeds: [<seed>]}
      - {name: labels-<seed>, kind: label, needs: [trunk-<seed>], about: {step: labels}, data: "${drawn}",
         classifiers: ["${work}/trunk-<seed>/trunk-seed<seed>"], explainers: [cam], rule: "value:0.5"}
      - {each: {how: [box, shuffle]}, name: <how>-<seed>, kind: relabel, needs: [labels-<seed>], data: "${drawn}",
         labels: "${work}/labels-<seed>", how: <how>}
      - name: pretrain-<seed>
        kind: train
        needs: [trunk-<seed>, labels-<seed>]
        about: {step: pretrain, network: tiny}
        with: "${segment}"
        variants:
          pssl:
            task: pretrain
            optimiser: {rate: 0.02}
            init: {from: "${work}/trunk-<seed>/trunk-seed<seed>", prefix: backbone.}
            data: {train: {format: labels, root: "${work}/labels-<seed>", images: "${work}/drawn"}}
        seeds: [<seed>]
      - name: finetune-<seed>
        kind: train
        needs: [drawn, trunk-<seed>, pretrain-<seed>]
        about: {step: finetune, network: tiny, target: drawn}
        with:
          task: segmentation
          model: "${segment.model}"
          augment: "${segment.augment}"
          train: {batch: 4, steps: 4, log_every: 1, eval_every: 2}
          eval: {bootstrap: 0}
          optimiser: {rate: RATE}
          data: {train: {format: list, root: "${work}/drawn"}, val: {format: list, root: "${work}/drawn", list: val.txt}}
        variants:
          random: {}
          trunk: {init: {from: "${work}/trunk-<seed>/trunk-seed<seed>", prefix: backbone.}}
          pssl: {init: {from: "${work}/pretrain-<seed>/pssl-seed<seed>"}}
        seeds: [<seed>]
      - {each: {view: [same, windows]}, name: <view>-<seed>, kind: rescore, needs: [finetune-<seed>], pictures: 18,
         speed: 9, runs: "${work}/finetune-<seed>", with: "${views.<view>}",
         about: {step: finetune, network: tiny, target: drawn, view: <view>}}
)";

/// `rate` is that of fine-tuning.
std::string tiny_study(const std::string& results, const std::string& rate = "0.02") {
  std::string stages = kTinyStages;
  stages.replace(stages.find("RATE"), 4, rate);
  return cat("results: ", results, kTinyKeys, stages);
}

class Studies : public testing::Test {
 protected:
  void TearDown() override { set_interrupted(false); }
  Names ran(const std::string& text, const std::string& work, const std::string& to = "") const {
    write_file(folder_ / "p.yaml", text);
    Names names;
    for (const StageRecord& r :
         run_pipeline({.file = folder_ / "p.yaml", .work_dir = folder_ / work, .to = to}))
      if (r.done && !r.skipped) names.push_back(r.name);
    return names;
  }
  std::string results() const { return folder_ / "results.jsonl"; }
  test::Folder folder_;
};

/// Stage, variant and score of all lines: what must not depend on where and how often a study was stopped.
std::vector<std::string> scores_in(const std::string& path) {
  std::vector<std::string> all;
  for (const JsonObject& line : read_jsonl(path))
    if (line.has("score"))
      all.push_back(cat(line.text("stage"), " ", line.text("variant"), " ", line.text("recipe"), " ",
                        line.number("score"), " ", line.has("loss") ? line.number("loss") : 0));
  return all;
}

/// Scores and IoUs of the lines of one stage, variant by variant.
std::vector<std::string> of_stage(const std::string& path, const std::string& stage) {
  std::vector<std::string> all;
  for (const JsonObject& line : read_jsonl(path))
    if (line.text("stage") == stage)
      all.push_back(cat(line.text("variant"), " ", line.integer("seed"), " ", line.number("score"), " ",
                        line.object("iou").line()));
  return all;
}

// One machine does all of it; two others, each without the files of the one before, do it in parts.
TEST_F(Studies, GoesOnFromItsLinesOnAnotherMachine) {
  ran(tiny_study(folder_ / "straight.jsonl"), "straight");
  const auto straight = scores_in(folder_ / "straight.jsonl");
  ASSERT_EQ(straight.size(), 22U);  // of each seed a trunk, a pre-training, three starts scored three times

  const std::string text = tiny_study(results());
  ran(text, "first", "labels-1");
  set_interrupted(true);
  EXPECT_THROW(ran(text, "first"), Interrupted);
  set_interrupted(false);
  ran(text, "first", "windows-1");
  EXPECT_EQ(ran(text, "second"), (Names{"drawn", "trunk-2", "labels-2", "box-2", "shuffle-2", "pretrain-2",
                                        "finetune-2", "same-2", "windows-2"}));
  EXPECT_EQ(ran(text, "third"), Names{});
  EXPECT_EQ(scores_in(results()), straight);

  expect_error([&] { ran(tiny_study(results(), "0.03"), "third"); }, "stage finetune-1 was made by recipe");
  EXPECT_EQ(scores_in(results()), straight);
  for (const JsonObject& line : read_jsonl(results())) {
    const std::string step = line.text("stage").substr(0, line.text("stage").find('-'));
    const bool scored = step == "finetune" || step == "same" || step == "windows";
    EXPECT_EQ(line.has("iou") ? line.object("iou").names().size() : 0U, scored ? 7U : 0U) << line.line();
  }
  EXPECT_EQ(of_stage(results(), "same-1"), of_stage(results(), "finetune-1"));
  EXPECT_NE(of_stage(results(), "windows-1"), of_stage(results(), "finetune-1"));

  const StudyPage page = study_page(read_jsonl(results()));
  EXPECT_NE(page.markdown.find("## tiny on drawn"), std::string::npos);
  EXPECT_NE(page.markdown.find("## tiny on drawn, by windows"), std::string::npos);
  EXPECT_NE(page.markdown.find("| finetune | 2 |"), std::string::npos) << page.markdown;
  EXPECT_NE(page.markdown.find("| rescore | 4 |"), std::string::npos) << page.markdown;
  ASSERT_EQ(page.charts.size(), 2U);
  EXPECT_EQ(page.charts[0].first, "tiny-drawn.svg");
  EXPECT_EQ(page.charts[1].first, "pretrain-tiny.svg");
}

TEST_F(Studies, RescoringTakesKeysOfEvaluationAlone) {
  const auto says = [&](const std::string& keys) {
    write_file(folder_ / "p.yaml", "stages:\n  - {name: a, kind: rescore, runs: nowhere, " + keys + "}\n");
    try {
      run_pipeline({.file = folder_ / "p.yaml", .work_dir = folder_ / "work"});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(says("with: {train: {steps: 1}}").find("holds only keys of `eval`; got train"),
            std::string::npos);
  EXPECT_NE(says("with: {eval: {slid: 96}}").find("did you mean 'slide'"), std::string::npos);
  EXPECT_NE(says("with: {eval: {slide: 96}}")
                .find("nowhere/jobs.json; `runs` must name the folder of a train stage"),
            std::string::npos);
}

// A centred box per picture, as large on average as what it stands for; shuffled masks stay in their class.
TEST_F(Studies, ControlsKeepSizeOrShapesAndLoseTheRest) {
  ran(tiny_study(results()), "work", "shuffle-1");
  const auto open = [&](const std::string& stage) {
    return open_dataset(
        {.format = "labels", .root = folder_ / ("work/" + stage), .images = folder_ / "work/drawn"});
  };
  const Dataset labels = open("labels-1"), box = open("box-1"), shuffled = open("shuffle-1");
  ASSERT_EQ(box.items.size(), labels.items.size());
  std::map<std::string, int> sizes, shuffled_sizes;
  double objects = 0, boxed = 0;
  for (std::size_t i = 0; i < labels.items.size(); ++i) {
    const auto count = [&](const Dataset& data) {
      const Tensor mask = read_mask(data, data.items[i]);
      const auto* v = mask.data<const std::int32_t>();
      EXPECT_EQ(data.items[i].classes, labels.items[i].classes);
      std::set<int> values(v, v + mask.numel());
      values.erase(0);
      for (const int value : values) EXPECT_EQ(value, data.items[i].classes[0]) << data.items[i].name;
      return static_cast<int>(mask.numel() - std::count(v, v + mask.numel(), 0));
    };
    const int own = count(labels);
    const std::string kind = cat(labels.items[i].classes[0], ":");
    ++sizes[cat(kind, own)];
    ++shuffled_sizes[cat(kind, count(shuffled))];
    objects += own, boxed += count(box);
  }
  EXPECT_EQ(shuffled_sizes, sizes);  // the same masks within each class
  const double pixels = 32.0 * 32.0 * static_cast<double>(labels.items.size());
  // Sides are whole pixels: each is off by at most half of one, so the share by at most 2 * 0.5 / 32.
  EXPECT_NEAR(boxed / pixels, objects / pixels, 1.0 / 32);
  const Tensor one = read_mask(box, box.items[0]);
  EXPECT_EQ(one.data<const std::int32_t>()[0], 0);
  EXPECT_EQ(one.data<const std::int32_t>()[16 * 32 + 16], box.items[0].classes[0]);
}

// Two stages that share the steps end with the bits of one.
TEST_F(Studies, APartGoesOnWithTheRunOfTheStageBefore) {
  const std::string start = R"(
train: {task: classification, model: {name: small_resnet, width: 0.25}, augment: {crop: [32, 32]},
        data: {train: {format: folders, root: "${work}/drawn/train", classes: "${work}/drawn/objects.txt"}},
        optimiser: {rate: 0.02, decay: cosine}, train: {batch: 4, steps: 6, log_every: 1}}
stages:
  - {name: drawn, kind: draw, size: 32, train: 12, val: 6}
  - {name: whole, kind: train, with: "${train}", variants: {a: {}}}
  - {name: half, kind: train, with: "${train}", variants: {a: {}}, until: 0.5, speed: 1}
)";
  ran(start +
          "  - {name: rest, kind: train, with: \"${train}\", variants: {a: {}}, after: \"${work}/half\", "
          "begins: 0.5}\n",
      "work");
  EXPECT_EQ(JsonObject::read(folder_ / "work/half/a/result.json").integer("steps"), 3);
  const auto weights = [&](const std::string& stage) {
    std::string all;
    for (const auto& entry :
         fs::recursive_directory_iterator(folder_ / ("work/" + stage + "/a/checkpoints/step_6")))
      if (entry.path().extension() == ".safetensors") all += read_text(entry.path().string());
    return all;
  };
  ASSERT_FALSE(weights("whole").empty());
  EXPECT_EQ(weights("rest"), weights("whole"));
  EXPECT_EQ(read_jsonl(folder_ / "work/rest/a/metrics.jsonl").size(), 6U);
  expect_error(
      [&] {
        ran(start +
                "  - {name: rest, kind: train, with: \"${train}\", variants: {b: {}}, after: "
                "\"${work}/half\", begins: 0.5}\n",
            "work");
      },
      "no checkpoints in");
  expect_error(
      [&] {
        ran(start + "  - {name: rest, kind: train, with: \"${train}\", variants: {a: {}}, begins: 0.2}\n",
            "work");
      },
      "needs `after`");
}

/// A line of a fine-tuning run.
JsonObject run_line(const std::string& stage, const std::string& arm, int seed, double score,
                    const char* step = "finetune") {
  JsonObject about, line;
  about.set("step", step).set("network", "psp").set("target", "camvid");
  line.set("stage", stage).set("kind", "train").set("recipe", "r").set("about", about);
  line.set("seconds", 60.0).set("peak_bytes", std::int64_t{1 << 20});
  line.set("variant", arm).set("seed", seed).set("metric", "miou").set("score", score);
  line.set("scores", std::vector<std::vector<double>>{{10, score / 2}, {20, score}});
  line.set("losses", std::vector<std::vector<double>>{{10, 1.0}});
  return line;
}

// trunk 30, 34, 38 and pssl 33, 35, 43 in percent: means 34 and 37; sample deviations 4 and sqrt(28), over
// sqrt(3): 2.31 and 3.06; differences 3, 1, 5: mean 3, deviation 2, error 1.15.
TEST(StudyPage, MeansErrorsAndPairsAreThoseOfAHand) {
  std::vector<JsonObject> lines;
  const double trunk[] = {0.30, 0.34, 0.38}, pssl[] = {0.33, 0.35, 0.43};
  for (int seed = 1; seed <= 3; ++seed) {
    lines.push_back(run_line(cat("f", seed), "trunk", seed, trunk[seed - 1]));
    lines.push_back(run_line(cat("f", seed), "pssl", seed, pssl[seed - 1]));
  }
  lines.push_back(run_line("f4", "box", 2, 0.20));  // one seed: paired with 35
  const std::string text = study_page(lines).markdown;
  EXPECT_NE(text.find("| trunk | 34.00 | 2.31 | 3 | +3.00 | 1.15 | 3 |"), std::string::npos) << text;
  EXPECT_NE(text.find("| pssl | 37.00 | 3.06 | 3 | | | |"), std::string::npos) << text;
  EXPECT_NE(text.find("| box | 20.00 | - | 1 | +15.00 | - | 1 |"), std::string::npos) << text;
  EXPECT_NE(text.find("| psp | camvid | +3.00 | 1.15 | 3 |"), std::string::npos) << text;
  EXPECT_NE(text.find("| all | all | +3.00 | 1.15 | 3 |"), std::string::npos) << text;
  // Two lines of one stage are one stage's time.
  EXPECT_NE(text.find("| finetune | 4 | 4:00 | 1:00 | 1.00MiB |"), std::string::npos) << text;
  lines.push_back(lines[0]);
  expect_error([&] { study_page(lines); }, "arm trunk of psp on camvid has two runs with seed 1");
}

// IoU of trunk 20 and 40 percent, of which the second run's val lacks b; of pssl 50.
TEST(StudyPage, ClassesHaveMeansOfTheRunsThatSawThem) {
  const auto with_iou = [](const char* arm, int seed, double a, double b) {
    JsonObject line = run_line("f", arm, seed, 0.3), iou;
    return line.set("iou", iou.set("a", a).set("b", b));
  };
  const std::string text =
      study_page({with_iou("trunk", 1, 0.2, 0.1), with_iou("trunk", 2, 0.4, std::nan("")),
                  with_iou("pssl", 1, 0.5, std::nan(""))})
          .markdown;
  EXPECT_NE(
      text.find("| IoU of class | trunk | pssl |\n|---|---|---|\n| a | 30.0 | 50.0 |\n| b | 10.0 | - |\n"),
      std::string::npos)
      << text;
}

// Few labels have a table of their own; "all" in the main one is over the full data sets.
TEST(StudyPage, AnotherViewHasTablesOfItsOwn) {
  const auto again = [](const char* arm, double score) {
    JsonObject about, line;
    about.set("step", "finetune").set("network", "psp").set("target", "camvid").set("view", "halves");
    line.set("stage", "again-1").set("kind", "rescore").set("recipe", "r").set("about", about);
    line.set("seconds", 3.0).set("peak_bytes", std::int64_t{1});
    return line.set("variant", arm).set("seed", 1).set("metric", "miou").set("score", score);
  };
  const StudyPage page = study_page({run_line("f", "trunk", 1, 0.3), run_line("f", "pssl", 1, 0.4),
                                     again("trunk", 0.5), again("pssl", 0.4)});
  const std::string& text = page.markdown;
  EXPECT_NE(text.find("## PSSL and its trunk\n\nmIoU"), std::string::npos) << text;
  EXPECT_NE(text.find("| psp | camvid | +10.00 | - | 1 |\n"), std::string::npos) << text;
  const std::size_t view = text.find("## PSSL and its trunk, by halves\n");
  ASSERT_NE(view, std::string::npos) << text;
  EXPECT_NE(text.find("| psp | camvid | -10.00 | - | 1 |\n", view), std::string::npos) << text;
  EXPECT_NE(text.find("## psp on camvid, by halves\n"), std::string::npos) << text;
  EXPECT_NE(text.find("| rescore | 1 | 0:03 |"), std::string::npos) << text;
  EXPECT_EQ(page.charts.size(), 1U);
}

TEST(StudyPage, OtherStepsStayOutOfTheMainTable) {
  const std::string text =
      study_page({run_line("f", "trunk", 1, 0.3, "few labels"), run_line("f", "pssl", 1, 0.4, "few labels")})
          .markdown;
  EXPECT_EQ(text.find("PSSL and its trunk"), std::string::npos) << text;
  EXPECT_NE(text.find("| trunk | 30.00 | - | 1 | +10.00 | - | 1 |"), std::string::npos) << text;
}

TEST(StudyPage, AChartHasACurvePerArm) {
  const StudyPage page = study_page({run_line("f", "trunk", 1, 0.3), run_line("f", "pssl", 1, 0.4)});
  ASSERT_EQ(page.charts.size(), 1U);
  const auto& [name, svg] = page.charts[0];
  EXPECT_EQ(name, "psp-camvid.svg");
  EXPECT_TRUE(svg.starts_with("<svg xmlns='http://www.w3.org/2000/svg'"));
  for (const char* arm : {">trunk<", ">pssl<"}) EXPECT_NE(svg.find(arm), std::string::npos) << svg;
  EXPECT_EQ(study_page({}).charts.size(), 0U);
}

// The study's own file: every key is read, and what is asked for by default takes at most ten hours, no
// stage more than twenty minutes.
TEST(StudyPipeline, FitsIntoTenHours) {
  double seconds = 0;
  int stages = 0;
  for (const PlannedStage& stage : plan_pipeline({.file = "configs/study.yaml",
                                   .overrides = {"data=" + testing::TempDir() + "nowhere", "results="},
                                   .work_dir = testing::TempDir() + "clearcut_study"})) {
    EXPECT_LE(stage.seconds, 20 * 60) << stage.name;
    seconds += stage.seconds;
    stages += stage.runs ? 1 : 0;
  }
  // Without data the labels' time is unknown: 3 x 8,525 pictures at 21, 66, 31, 18 and 42 per second, 74
  // minutes.
  EXPECT_LE(seconds, (10 * 60 - 74) * 60);
  EXPECT_NEAR(seconds / 60, 9 * 60 + 46 - 74, 1);  // what docs/study.md says, in whole minutes
  EXPECT_GT(stages, 80);
}

}  // namespace
}  // namespace clearcut
