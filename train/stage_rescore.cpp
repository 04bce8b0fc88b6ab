#include <filesystem>

#include "tensor/interrupt.h"
#include "train/arms.h"
#include "train/job.h"
#include "train/stages.h"

namespace clearcut {

namespace {

struct RescoreStage {
  std::string runs;  // a folder of a train stage
  Config with;
};

/// The run's last weights on its own validation data.
JsonObject rescore(const TrainedRun& run, const RescoreStage& stage, const StageContext& context,
                   const std::string& folder, std::size_t& failures) {
  const TrainJob job = read_train_job(Config::layered(run.folder + "/config.effective.yaml", {stage.with}));
  check(job.task != TrainJob::Task::kClassification && job.val, "rescore", run.folder,
        " is no run of a segmentation network with validation data");
  const Dataset data = open_dataset(*job.val);
  const TrainedSegmenter trained = load_segmenter(run.folder + "/checkpoints/last", context.device);
  EvaluateOptions options = job.evaluation;
  options.score.background = data.background;
  options.progress = context.progress;
  const Evaluation e =
      evaluate(*trained.model, data, normalize_of(trained.card.spec.preprocess.pixels), options);
  write_failures(folder + "/failures.jsonl", e.failures);
  write_evaluation(folder, e, data.class_names, options.score);
  failures += e.failures.size();
  JsonObject result;
  result.set("metric", "miou").set("score", e.scores.miou).set("steps", run.steps);
  return result;
}

void rescore_all(const RescoreStage& stage, StageContext& context) {
  check(std::filesystem::exists(stage.runs + "/jobs.json"), "rescore", "there is no ", stage.runs,
        "/jobs.json; `runs` must name the folder of a train stage that is done");
  std::vector<JsonObject> list;
  for (const TrainedRun& run : read_runs(stage.runs)) {
    stop_if_interrupted("rescore");
    const std::string name = std::filesystem::path(run.folder).filename().string();
    JsonObject one;
    one.set("variant", run.variant).set("seed", run.seed).set("folder", name);
    one.set("result", rescore(run, stage, context, context.folder + "/" + name, context.failures));
    list.push_back(one);
  }
  JsonObject json;
  json.set("jobs", list);
  json.write(context.folder + "/jobs.json");
}

/// One line per run: variant, seed, metric, score, steps, and the IoU of each class.
std::vector<JsonObject> findings(const std::string& folder) {
  std::vector<JsonObject> lines;
  for (const TrainedRun& run : read_runs(folder)) {
    JsonObject line;
    line.set("variant", run.variant).set("seed", run.seed).set("metric", run.metric);
    line.set("score", run.score).set("steps", run.steps);
    line.set("iou", class_ious(run.folder));
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

StagePlan read_rescore_stage(const Config& config) {
  const Config checked = config.take("with");  // reading fills in defaults, which must not hide a run's keys
  for (const std::string& key : checked.keys())
    if (key != "eval") config.fail("with", cat("holds only keys of `eval`; got ", key));
  read_evaluate_options(checked.section("eval"));
  checked.check_all_read();
  const RescoreStage stage = {.runs = config.text("runs"), .with = config.take("with")};
  const double pictures = config.number_or("pictures", 0, {.low = 0});
  return {.work = [stage](StageContext& context) { rescore_all(stage, context); },
          .pictures = [pictures] { return pictures; },
          .findings = findings};
}

}  // namespace clearcut
