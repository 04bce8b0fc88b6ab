#include <iostream>

#include "train/data_config.h"
#include "train/ensemble_config.h"
#include "train/label_stages.h"
#include "train/run_report.h"

namespace clearcut {

namespace {

struct RowsConfig {
  DatasetConfig data;
  EnsembleConfig ensemble;
  LabelRule rule;
  std::string model;
};

struct ReportStage {
  std::string title, subtitle;
  std::vector<std::string> scores;
  std::string labels, classifiers, pretrain, finetune, image_labels_only;
  std::optional<RowsConfig> rows;
};

/// The numbers that earlier stages left, as summary.json has them.
Summary summarise(const RunReport& run, const ReportStage& stage, const StageContext& context) {
  Summary summary;
  for (const LabelScores& scores : run.scores)
    for (const ScoredLabels& row : scores.rows) summary.labels.push_back(row.score);
  for (const TrainedRun& r : run.finetune)
    summary.finetune.push_back({.init = r.variant, .seed = r.seed, .miou = r.score, .steps = r.steps});
  if (!stage.image_labels_only.empty()) {
    const JsonObject eval = JsonObject::read(stage.image_labels_only + "/eval.json");
    const std::vector<TrainedRun> trained = read_runs(stage.pretrain);
    summary.image_labels_only = {.miou = eval.number("miou"),
                                 .steps = trained.empty() ? 0 : trained.front().steps,
                                 .scored_on = "held-out pictures",
                                 .done = true};
  }
  for (const StageRecord& record : read_stages(context.work_dir)) {
    if (!record.done || record.name == context.name) continue;
    summary.seconds.emplace_back(record.name, record.seconds);
    summary.peak_bytes.emplace_back(record.name, record.peak_bytes);
  }
  return summary;
}

void add_rows(const RowsConfig& config, const StageContext& context, RunReport& run) {
  const Dataset data = open_dataset(config.data);
  EnsembleConfig words = config.ensemble;
  words.options.segment = config.rule.snap;
  Ensemble ensemble = make_ensemble(words, data, context.device, context.seed);
  std::optional<TrainedSegmenter> segmenter;
  if (!config.model.empty()) segmenter = load_segmenter(config.model, context.device);
  run.rows = make_report_rows(data, ensemble, config.rule, segmenter ? &*segmenter : nullptr);
}

void report(const ReportStage& stage, const StageContext& context) {
  RunReport run{.title = stage.title,
                .subtitle = stage.subtitle,
                .summary = {},
                .scores = {},
                .ranks = {},
                .classifiers = read_runs(stage.classifiers),
                .pretrain = read_runs(stage.pretrain),
                .finetune = read_runs(stage.finetune),
                .arms = {},
                .rows = {}};
  for (const std::string& folder : stage.scores)
    run.scores.push_back(read_label_scores(folder + "/scores.json"));
  if (!stage.labels.empty()) run.ranks = rank_classifiers(stage.labels);
  run.arms = compare_arms(run.finetune, context.seed);
  run.summary = summarise(run, stage, context);
  if (stage.rows) add_rows(*stage.rows, context, run);
  run.summary.write(context.work_dir + "/summary.json");
  write_run_report(context.folder + "/index.html", run);
  std::cout << markdown_table(run.summary);
  for (const LabelScores& scores : run.scores) std::cout << "\n" << describe(scores) << "\n";
  std::cout << "\n" << describe(run.arms) << "\n\nreport: " << context.folder << "/index.html\n";
}

}  // namespace

StagePlan read_report_stage(const Config& config) {
  ReportStage stage;
  stage.title = config.text("title");
  stage.subtitle = config.text_or("subtitle", "");
  stage.scores = config.texts_or("scores", {});
  stage.labels = config.text_or("labels", "");
  stage.classifiers = config.text_or("classifiers", "");
  stage.pretrain = config.text_or("pretrain", "");
  stage.finetune = config.text_or("finetune", "");
  stage.image_labels_only = config.text_or("image_labels_only", "");
  if (config.has("rows")) {
    const Config rows = config.section("rows");
    stage.rows = RowsConfig{.data = read_dataset_config(rows.section("data")),
                            .ensemble = read_ensemble_config(rows),
                            .rule = parsed(rows, "rule", [&] { return parse_rule(rows.text("rule")); }),
                            .model = rows.text_or("model", "")};
  }
  return {[stage](StageContext& context) { report(stage, context); }};
}

}  // namespace clearcut
