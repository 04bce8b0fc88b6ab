#include <filesystem>

#include "train/data_config.h"
#include "train/ensemble_config.h"
#include "train/label_scores.h"
#include "train/label_stages.h"

namespace clearcut {

namespace {

struct ScoreStage {
  DatasetConfig choose, score;
  EnsembleConfig ensemble;
  LabelScoring scoring;
};

// "train:200"
std::string name_pictures(const DatasetConfig& config, const Dataset& data) {
  return cat(config.spec.split.empty() ? "pictures" : config.spec.split, ":", data.items.size());
}

void score(const ScoreStage& stage, StageContext& context) {
  const Dataset choose = open_dataset(stage.choose), data = open_dataset(stage.score);
  Ensemble ensemble = make_ensemble(stage.ensemble, data, context.device, context.seed);
  LabelScoring scoring = stage.scoring;
  scoring.seed = context.seed;
  scoring.progress = context.progress;
  scoring.checkpoint = context.folder + "/sums";
  scoring.chosen_on = name_pictures(stage.choose, choose);
  scoring.scored_on = name_pictures(stage.score, data);
  const LabelScores scores = score_labels(choose, data, ensemble, scoring);
  to_json(scores).write(context.folder + "/scores.json");
  write_failures(context.folder + "/failures.jsonl", scores.failures);
  context.failures += scores.failures.size();
  std::filesystem::remove_all(scoring.checkpoint);
}

}  // namespace

StagePlan read_score_stage(const Config& config) {
  ScoreStage stage;
  stage.choose = read_dataset_config(config.section("choose"));
  stage.score = read_dataset_config(config.section("score"));
  stage.ensemble = read_ensemble_config(config);
  LabelScoring& scoring = stage.scoring;
  scoring.subsets = config.texts_or("subsets", {"members", "explainers", "classifiers", "all"});
  scoring.baselines = config.texts_or("baselines", {"background", "box", "colour"});
  for (const std::string& text : config.texts_or("fusions", {"minmax"}))
    scoring.members.fusions.push_back(parsed(config, "fusions", [&] { return parse_fusion(text); }));
  for (const Fusion& fusion : scoring.members.fusions)
    stage.ensemble.options.segment |= needs_superpixels(fusion.variant);
  scoring.members.measures.clear();
  for (const std::string& name : config.texts_or("measures", {"rank", "value", "max"}))
    scoring.members.measures.push_back(parsed(config, "measures", [&] { return measure_from_name(name); }));
  scoring.members.thresholds = parsed(
      config, "thresholds", [&] { return parse_thresholds(config.text_or("thresholds", "0:1:0.02")); });
  return {[stage](StageContext& context) { score(stage, context); }};
}

}  // namespace clearcut
