#include "train/summary.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/json.h"
#include "train/pipeline.h"

namespace clearcut {
namespace {

Summary small_summary() {
  Summary s;
  s.labels = {{.consensus = "all background",
               .threshold_from = "none",
               .scored_on = "val:96",
               .miou = 0.11,
               .precision = NAN,
               .coverage = 1},
              {.classifiers = {"a"},
               .explainers = {"cam"},
               .consensus = "none",
               .threshold_from = "train:48",
               .scored_on = "val:96",
               .miou = 0.5,
               .precision = 0.6,
               .coverage = 1},
              {.classifiers = {"a"},
               .explainers = {"ig"},
               .consensus = "none",
               .threshold_from = "train:48",
               .scored_on = "val:96",
               .miou = 0.4,
               .precision = 0.6,
               .coverage = 1},
              {.classifiers = {"a", "b"},
               .explainers = {"cam", "ig"},
               .consensus = "minmax",
               .threshold_from = "train:48",
               .scored_on = "val:96",
               .miou = 0.55,
               .precision = 0.7,
               .coverage = 1}};
  s.finetune = {
      {"random", 1, 0.2, 240}, {"random", 2, 0.3, 240}, {"random", 3, 0.4, 240}, {"pssl", 1, 0.6, 240}};
  s.image_labels_only = {.miou = 0.45, .steps = 600, .scored_on = "held-out pictures", .done = true};
  s.seconds = {{"drawn", 1.5}, {"classifiers", 100}};
  s.peak_bytes = {{"drawn", 1000}, {"classifiers", 5'000'000'000}};
  return s;
}

// 0.2, 0.3, 0.4: mean 0.3, sample deviation 0.1, standard error 0.1 / sqrt(3).
TEST(Summary, MeanAndStandardErrorByHand) {
  const auto rows = finetune_by_init(small_summary());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].first, "random");
  EXPECT_NEAR(rows[0].second.mean, 0.3, 1e-12);
  EXPECT_NEAR(rows[0].second.error, 0.1 / std::sqrt(3.0), 1e-12);
  EXPECT_TRUE(std::isnan(rows[1].second.error));  // one run says nothing about the spread
  EXPECT_NE(markdown_table(small_summary()).find("| pssl | 60.0 | - | 1 |"), std::string::npos);
}

TEST(Summary, KeysAreThePromisedOnes) {
  const std::string path = testing::TempDir() + "summary.json";
  small_summary().write(path);
  const JsonObject o = JsonObject::read(path);
  EXPECT_EQ(o.names(),
            (std::vector<std::string>{"labels", "finetune", "image_labels_only", "seconds", "peak_bytes"}));
  EXPECT_EQ(o.objects("labels")[0].names(),
            (std::vector<std::string>{"classifiers", "explainers", "consensus", "threshold_from", "scored_on",
                                      "miou", "precision", "coverage"}));
  EXPECT_TRUE(o.objects("labels")[0].texts("classifiers").empty());
  EXPECT_EQ(o.objects("finetune")[0].names(), (std::vector<std::string>{"init", "seed", "miou", "steps"}));
  EXPECT_EQ(o.object("peak_bytes").integer("classifiers"), 5'000'000'000);
}

TEST(Summary, ComesBackFromItsFile) {
  const std::string path = testing::TempDir() + "summary_back.json";
  small_summary().write(path);
  const Summary s = Summary::read(path);
  EXPECT_EQ(s.labels[3].explainers, (std::vector<std::string>{"cam", "ig"}));
  EXPECT_TRUE(std::isnan(s.labels[0].precision));
  EXPECT_EQ(s.finetune[3].init, "pssl");
  EXPECT_TRUE(s.image_labels_only.done);
  EXPECT_EQ(s.seconds[1].second, 100);
}

TEST(Summary, TheBestAreFound) {
  const BestLabels best = best_labels(small_summary());
  EXPECT_EQ(best.baseline, 0);
  EXPECT_EQ(best.member, 1);
  EXPECT_EQ(best.ensemble, 3);
}

TEST(Summary, MarkdownHoldsTheNumbers) {
  const std::string text = markdown_table(small_summary());
  EXPECT_NE(text.find("| cam + ig of 2 networks | minmax | val:96 | 55.0 | 70.0 | 100.0 |"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("| random | 30.0 | 5.8 | 3 |"), std::string::npos) << text;
  EXPECT_EQ(markdown_table({}), "Nothing was scored: there are no true masks.\n");
  EXPECT_NE(text.find("| all background | - | val:96 | 11.0 | - | 100.0 |"), std::string::npos) << text;
}

// All keys of all stages are read; nothing runs.
TEST(Summary, TheDemosConfigurationsAreGood) {
  for (const char* file : {"configs/demo.yaml", "configs/demo-short.yaml"})
    EXPECT_NO_THROW(check_pipeline({.file = file, .work_dir = testing::TempDir() + "demo"})) << file;
}

}  // namespace
}  // namespace clearcut
