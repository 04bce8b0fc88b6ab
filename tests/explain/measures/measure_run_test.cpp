#include "explain/measures/measure_run.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/file.h"
#include "tests/errors.h"
#include "tests/explain/small_net.h"
#include "train/measure_report.h"

namespace clearcut {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<Classifier> net_called(const std::string& name) {
  auto net = std::make_unique<test::SmallNet>();
  net->rename(name);
  net->name_classes({"cat", "dog", "cow", "horse", "patch"});
  return net;
}

MeasureRun small_run(const std::vector<std::string>& nets, const std::vector<std::string>& explainers,
                     const std::vector<std::string>& measures) {
  MeasureRunOptions options;
  for (const std::string& text : explainers) options.explainers.push_back(parse_explainer(text));
  for (const std::string& text : measures) options.measures.push_back(parse_measure(text));
  std::vector<std::unique_ptr<Classifier>> classifiers;
  for (const std::string& name : nets) classifiers.push_back(net_called(name));
  return {std::move(classifiers), {}, std::move(options), {"background", "cat", "dog"}, {1, 2}};
}

struct Photo {
  Photo() : picture({20, 24, 3}, DType::kUInt8), truth(Tensor::zeros({20, 24}, DType::kInt32)) {
    Tensor noise({20, 24, 3});
    RandomStream(1, "photo").fill_uniform(noise, 0, 255);
    picture = noise.to(DType::kUInt8);
    for (std::int64_t i = 0; i < 100; ++i) truth.data<std::int32_t>()[i] = 1;
    truth.data<std::int32_t>()[479] = 255;
  }
  Item item = {.id = 9, .name = "a.png", .image = "", .mask = "", .classes = {1, 2}};
  Tensor picture, truth;
};

TEST(MeasureRun, JudgesEveryLabelClassifierAndExplainer) {
  MeasureRun measure_run = small_run({"a", "b"}, {"gradcam", "saliency"}, {"deletion:steps=4", "roc_auc"});
  const Photo photo;
  const auto found = measure_run.judge(photo.item, photo.picture, photo.truth, 255);
  ASSERT_EQ(found.size(), 8U);
  EXPECT_EQ(found[0].label, "cat");
  EXPECT_EQ(found[1].explainer, "saliency:reduction=abs");
  EXPECT_EQ(found[2].classifier, "b");
  EXPECT_EQ(found[4].label, "dog");
  EXPECT_EQ(found[0].verdicts[0].y.size(), 5U);
  EXPECT_NEAR(found[0].verdicts[0].y[0], found[0].probability, 1e-6);  // of the picture itself, a batch apart
  EXPECT_TRUE(std::isfinite(found[0].verdicts[1].value));
  EXPECT_TRUE(std::isnan(found[4].verdicts[1].value));  // no dog in the mask
}

// Without a mask the measures that need one say nothing. A member alone agrees with the consensus.
TEST(MeasureRun, WhatIsNotThereIsNotJudged) {
  MeasureRun measure_run = small_run({"a"}, {"saliency"}, {"pointing", "consensus", "pasted_patch"});
  const Photo photo;
  const auto found = measure_run.judge(photo.item, photo.picture, Tensor(), 255);
  EXPECT_TRUE(std::isnan(found[0].verdicts[0].value));
  EXPECT_NEAR(found[0].verdicts[1].value, 1, 1e-6);  // float32 shares
  EXPECT_TRUE(std::isnan(found[0].verdicts[2].value));
}

// CAM cannot do a network whose logits are not linear in pooled features.
TEST(MeasureRun, ExplainersThatDoNotFitAreSkippedOnDemand) {
  const Photo photo;
  for (const bool skip : {false, true}) {
    auto net = std::make_unique<test::SmallNet>();
    net->head.reset();
    net->name_classes({"cat", "dog", "cow", "horse", "patch"});
    std::vector<std::unique_ptr<Classifier>> nets;
    nets.push_back(std::move(net));
    MeasureRunOptions options{.explainers = {parse_explainer("cam"), parse_explainer("saliency")},
                              .measures = {parse_measure("increase"), parse_measure("consensus")},
                              .skip_unfit = skip};
    MeasureRun run(std::move(nets), {}, options, {"background", "cat", "dog"}, {1, 2});
    if (!skip) {
      EXPECT_THROW(run.judge(photo.item, photo.picture, photo.truth, 255), Error);
      continue;
    }
    const auto found = run.judge(photo.item, photo.picture, photo.truth, 255);
    EXPECT_NE(found[0].error, "");
    EXPECT_TRUE(std::isnan(found[0].verdicts[0].value));
    EXPECT_EQ(found[1].error, "");
    EXPECT_NEAR(found[1].verdicts[1].value, 1, 1e-6);  // float32 shares
    const auto rows = summarise(found, options.measures);
    EXPECT_EQ(rows[0].measures[0].n, 0);
    EXPECT_EQ(rows[1].measures[0].n, 2);
  }
}

TEST(MeasureRun, JudgementsAreWrittenAndRead) {
  const std::vector<MeasureChoice> measures = {parse_measure("deletion:steps=2"), parse_measure("road"),
                                               parse_measure("roc_auc")};
  const Judgement j{.label = "cat",
                    .classifier = "a",
                    .explainer = "cam",
                    .probability = 0.1,
                    .top1 = 3,
                    .seconds = 2.5,
                    .empty = true,
                    .verdicts = {{.value = 0.3, .parts = {}, .x = {0, 0.5, 1}, .y = {0.1, 1.0 / 3, 0}},
                                 {.value = 1, .parts = {{"morf", -1.0 / 7}, {"lerf", 2}}},
                                 {.value = kNothing}}};
  const Judgement back = judgement_of(JsonObject::parse(to_json(j, measures).line(), "test"), measures);
  EXPECT_EQ(back.label + back.classifier + back.explainer, "catacam");
  EXPECT_EQ(back.probability, 0.1);
  EXPECT_EQ(back.top1, 3);
  EXPECT_EQ(back.seconds, 2.5);
  EXPECT_TRUE(back.empty);
  EXPECT_EQ(back.verdicts[0].y, j.verdicts[0].y);
  EXPECT_EQ(back.verdicts[1].parts, j.verdicts[1].parts);
  EXPECT_TRUE(std::isnan(back.verdicts[2].value));
}

TEST(MeasureRun, MeansByHand) {
  const MeanOf four = mean_of({1, 2, kNothing, 3, 6});
  EXPECT_EQ(four.mean, 3);
  EXPECT_EQ(four.n, 4);
  EXPECT_NEAR(four.error, std::sqrt((4 + 1 + 0 + 9) / 3.0 / 4), 1e-12);
  EXPECT_TRUE(std::isnan(mean_of({5}).error));
  EXPECT_TRUE(std::isnan(mean_of({kNothing}).mean));
  // cat 0.5 of {0, 1}, dog 1 of {1, 1, 1}: not 4 of 5. Errors sqrt(0.5 / 2) and 0.
  const MeanOf classes = mean_over_classes({{"cat", {0, 1}}, {"dog", {1, 1, 1}}, {"cow", {kNothing}}});
  EXPECT_EQ(classes.mean, 0.75);
  EXPECT_EQ(classes.n, 5);
  EXPECT_NEAR(classes.error, 0.5 / 2, 1e-12);
}

TEST(MeasureRun, SummaryByHand) {
  const std::vector<MeasureChoice> measures = {parse_measure("deletion:steps=2")};
  const auto judged = [](const char* explainer, double value, std::vector<double> x, std::vector<double> y) {
    Judgement j;
    j.label = "cat";
    j.classifier = "a";
    j.explainer = explainer;
    j.seconds = value;
    j.verdicts = {{.value = value, .parts = {}, .x = std::move(x), .y = std::move(y)}};
    return j;
  };
  const auto rows = summarise({judged("cam", 1, {0, 1}, {1, 0}), judged("ig", 5, {0, 1}, {1, 1}),
                               judged("cam", 3, {0, 0.5, 1}, {1, 1, 1})},
                              measures);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].explainer, "cam");
  EXPECT_EQ(rows[0].measures[0].mean, 2);
  EXPECT_EQ(rows[0].seconds.mean, 2);
  EXPECT_EQ(rows[0].curve_x[0], (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(rows[0].curve_y[0], (std::vector<double>{1, 0.75, 0.5}));
  const std::string table =
      measure_table_text({.rows = rows, .measures = measures, .pictures = 2, .data = "d"});
  EXPECT_EQ(table,
            "explainer  seconds  deletion (low)  empty\n"
            "cam              2               2      0\n"
            "ig               5               5      0\n");
}

TEST(MeasureRun, RefusesWhatCannotBeDone) {
  expect_error([] { small_run({"a", "a"}, {"cam"}, {"deletion"}); }, "two classifiers are called a");
  expect_error([] { small_run({"a"}, {"cam", "cam"}, {"deletion"}); }, "cam:relu=1 is asked for twice");
  expect_error([] { small_run({"a"}, {"cam"}, {}); }, "at least one classifier, explainer and measure");
}

TEST(Measures, TheirPageIsWhatTheTableSays) {
  const std::string page = read_text("docs/measures.md");
  EXPECT_NE(page.find(measure_document()), std::string::npos)
      << "docs/measures.md must hold what `clearcut explain-eval --table` prints:\n"
      << measure_document();
}

}  // namespace
}  // namespace clearcut
