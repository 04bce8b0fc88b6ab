#include <filesystem>

#include "data/json.h"
#include "explain/fuse.h"
#include "train/data_config.h"
#include "train/ensemble_config.h"
#include "train/stages.h"

namespace clearcut {

namespace {

struct LabelJob {
  DatasetConfig data;
  EnsembleConfig ensemble;
  FuseOptions fuse;
  std::string rule_from;  // choices.json of a sweep stage
  double band = 0;
  bool flatten = false;
  LabelLayout layout = LabelLayout::kPng;
};

/// The rule that a sweep chose for the whole ensemble.
LabelRule chosen_rule(const LabelJob& job) {
  if (job.rule_from.empty()) return job.fuse.rule;
  const JsonObject choice = JsonObject::read(job.rule_from).object("all/all");
  LabelRule rule = job.fuse.rule;
  rule.measure = measure_from_name(choice.text("measure"));
  rule.fg = choice.number("threshold");
  rule.bg = std::max(0.0, rule.fg - job.band);
  return rule;
}

void make_labels(const LabelJob& job, StageContext& context) {
  const Dataset data = open_dataset(job.data);
  Ensemble ensemble = open_ensemble(job.ensemble, data, context.device, context.seed);
  FuseOptions options = job.fuse;
  options.rule = chosen_rule(job);
  const LabelPlan plan = plan_labels(data, job.layout);
  LabelStore store({.folder = context.folder,
                    .layout = job.layout,
                    .space = plan.space,
                    .class_names = plan.class_names,
                    .colours = plan.colours,
                    .wnids = job.layout == LabelLayout::kPssl ? data.class_names : std::vector<std::string>{},
                    .flatten = job.flatten,
                    .job = describe_job(ensemble, job.ensemble.classifiers, options)});
  Progress progress(context.name, static_cast<std::int64_t>(data.items.size()), context.progress);
  options.progress = [&](std::int64_t done, std::int64_t, const std::string& note) {
    progress.update(done, note);
  };
  const FuseCounts counts = fuse(data, ensemble, store, plan, 0, 1, options);
  context.failures += static_cast<std::size_t>(counts.failed);
  JsonObject json;
  json.set("made", counts.made + counts.there)
      .set("skipped", counts.skipped)
      .set("failed", counts.failed)
      .set("rule", describe(options.rule));
  json.write(context.folder + "/result.json");
}

}  // namespace

StagePlan read_label_stage(const Config& config) {
  LabelJob job;
  job.data = read_dataset_config(config.section("data"));
  job.ensemble = read_ensemble_config(config);
  if (config.has("rule") && config.has("rule_from"))
    config.fail("rule_from", "either rule or rule_from may be given");
  if (config.has("rule_from")) {
    job.rule_from = config.text("rule_from");
    job.band = config.number_or("band", 0, {.low = 0, .high = 1});
  } else {
    try {
      job.fuse.rule = parse_rule(config.text_or("rule", "rank:0.9"));
    } catch (const Error& error) {
      config.fail("rule", error.what());
    }
  }
  job.fuse.rule.snap = config.flag_or("snap", false);
  job.ensemble.options.segment = job.fuse.rule.snap;
  job.fuse.unlabelled = config.choice_or("unlabelled", {"skip", "background"}, "skip") == "skip"
                            ? Unlabelled::kSkip
                            : Unlabelled::kBackground;
  job.fuse.keep_consensus = config.flag_or("keep_consensus", false);
  job.layout =
      config.choice_or("layout", {"png", "pssl"}, "png") == "png" ? LabelLayout::kPng : LabelLayout::kPssl;
  if (job.layout == LabelLayout::kPssl) job.flatten = config.flag_or("flatten", false);
  return {[job](StageContext& context) { make_labels(job, context); }};
}

}  // namespace clearcut
