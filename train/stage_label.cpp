#include <filesystem>

#include "data/jsonl.h"
#include "explain/fuse.h"
#include "train/data_config.h"
#include "train/ensemble_config.h"
#include "train/label_stages.h"

namespace clearcut {

namespace {

struct LabelStage {
  DatasetConfig data;
  EnsembleConfig ensemble;
  FuseOptions fuse;
  LabelLayout layout = LabelLayout::kPng;
  bool flatten = false;
};

void make_labels(const LabelStage& stage, StageContext& context) {
  const Dataset data = open_dataset(stage.data);
  EnsembleConfig config = stage.ensemble;
  config.options.segment = stage.fuse.rule.snap;
  Ensemble ensemble = make_ensemble(config, data, context.device, context.seed);
  const LabelPlan plan = plan_labels(data, stage.layout);
  LabelStore store({.folder = context.folder,
                    .layout = stage.layout,
                    .space = plan.space,
                    .class_names = plan.class_names,
                    .colours = plan.colours,
                    .wnids = plan.folders,
                    .flatten = stage.flatten,
                    .job = describe_job(ensemble, file_hashes(config.classifiers), stage.fuse)});
  Progress progress(context.name, static_cast<std::int64_t>(data.items.size()), context.progress);
  FuseOptions options = stage.fuse;
  options.progress = [&](std::int64_t done, std::int64_t left, const std::string& note) {
    progress.update(static_cast<std::int64_t>(data.items.size()) - left + done, note);
  };
  const FuseCounts counts = fuse(data, ensemble, store, plan, 0, 1, options);
  context.failures += static_cast<std::size_t>(counts.failed);
}

/// 0 while the data set is not there: an earlier stage may make it.
double pictures_of(const DatasetConfig& config) {
  return std::filesystem::exists(config.spec.root) ? static_cast<double>(open_dataset(config).items.size())
                                                   : 0;
}

}  // namespace

std::vector<JsonObject> label_findings(const std::string& folder) {
  std::int64_t pictures = 0, labelled = 0, measured = 0;
  double coverage = 0;
  for (const JsonObject& line : read_jsonl(folder + "/manifest.jsonl")) {
    ++pictures;
    labelled += line.has("label") ? 1 : 0;
    const JsonObject made = line.has("made") ? line.object("made") : JsonObject();
    if (!made.has("coverage")) continue;
    coverage += made.number("coverage");
    ++measured;
  }
  JsonObject found;
  found.set("pictures", pictures).set("labelled", labelled);
  if (measured > 0) found.set("coverage", coverage / static_cast<double>(measured));
  return {found};
}

StagePlan read_label_stage(const Config& config) {
  LabelStage stage;
  stage.data = read_dataset_config(config.section("data"));
  stage.ensemble = read_ensemble_config(config);
  stage.fuse.rule = parsed(config, "rule", [&] { return parse_rule(config.text("rule")); });
  stage.fuse.refine =
      parsed(config, "refine", [&] { return parse_refinement(config.text_or("refine", "none")); });
  if (config.has("keep_maps"))
    stage.fuse.keep_maps = parsed(config, "keep_maps", [&] { return parse_keep(config.text("keep_maps")); });
  stage.fuse.member_scores = stage.fuse.keep_maps.has_value();
  stage.fuse.pixel_weights = config.choice_or("pixel_weights", {"none", "agreement"}, "none") == "agreement";
  stage.layout = layout_from_name(config.choice_or("layout", {"png", "pssl", "pssl-levels"}, "png"));
  if (stage.layout != LabelLayout::kPng) stage.flatten = config.flag_or("flatten", false);
  parsed(config, "rule", [&] { check_layout(stage.layout, stage.flatten, stage.fuse.rule); });
  if (config.has("exif")) stage.fuse.picture.apply_exif = config.flag_or("exif", false);
  stage.fuse.unlabelled = config.choice_or("unlabelled", {"skip", "background"}, "skip") == "skip"
                              ? Unlabelled::kSkip
                              : Unlabelled::kBackground;
  return {.work = [stage](StageContext& context) { make_labels(stage, context); },
          .pictures = [stage] { return pictures_of(stage.data); },
          .findings = label_findings};
}

}  // namespace clearcut
