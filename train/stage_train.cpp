#include <cmath>
#include <filesystem>
#include <iostream>

#include "data/json.h"
#include "data/jsonl.h"
#include "train/job.h"
#include "train/stages.h"

namespace clearcut {

namespace {

struct NamedJob {
  std::string variant, folder;
  std::uint64_t seed = 0;
  TrainJob job;
};

struct TrainStage {
  std::vector<NamedJob> jobs;
  double begins = 0, until = 1;  // shares of the steps
  std::string after;             // folder of the stage whose runs it goes on with
};

std::vector<NamedJob> read_jobs(const Config& config) {
  const std::string base = config.has("base") ? config.file("base") : "";
  if (!base.empty()) config.text("base");
  const Config with = config.take("with"), variants = config.section("variants");
  std::vector<std::string> names = variants.keys();
  std::vector<NamedJob> jobs;
  const std::vector<double> seeds = config.numbers_or("seeds", {}, {.low = 0});
  if (names.empty()) names.push_back("run");
  for (const std::string& name : names) {
    const Config layer = variants.take(name);
    if (seeds.empty()) {
      TrainJob job = read_train_job(Config::layered(base, {with, layer}));
      jobs.push_back({name, name, job.seed, std::move(job)});
    }
    for (const double seed : seeds) {
      const auto number = static_cast<std::uint64_t>(seed);
      TrainJob job = read_train_job(Config::layered(base, {with, layer}, {cat("seed=", number)}));
      jobs.push_back({name, cat(name, "-seed", number), number, std::move(job)});
    }
  }
  return jobs;
}

/// The result of a run that is complete; nothing otherwise.
std::optional<JsonObject> result_of(const std::string& folder) {
  const std::string path = folder + "/result.json";
  if (!std::filesystem::exists(path)) return std::nullopt;
  return JsonObject::read(path);
}

/// What a run in another stage left when it stopped early; nothing else of it.
void take_over(const std::string& from, const std::string& folder) {
  namespace fs = std::filesystem;
  check(fs::exists(from + "/checkpoints"), "train", "no checkpoints in ", from,
        "; `after` must name a train stage with the same variants and seeds");
  if (fs::exists(folder)) return;  // taken over before, and perhaps gone on with
  const std::string begun = folder + ".begun";
  fs::remove_all(begun);
  fs::create_directories(begun);
  fs::copy(from + "/checkpoints", begun + "/checkpoints",
           fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  for (const char* file : {"metrics.jsonl", "history.csv"})
    if (fs::exists(from + "/" + file)) fs::copy(from + "/" + file, begun + "/" + file);
  fs::rename(begun, folder);
}

JsonObject run_job(const NamedJob& named, const TrainStage& stage, StageContext& context) {
  const std::string folder = context.folder + "/" + named.folder;
  if (const auto result = result_of(folder)) {
    if (std::filesystem::exists(folder + "/checkpoints/last/model.safetensors")) return *result;
    std::filesystem::remove_all(folder);  // somebody deleted its weights, and a stage needs them
  }
  if (!stage.after.empty()) take_over(stage.after + "/" + named.folder, folder);
  TrainJob job = named.job;
  job.loop.name = context.name + "/" + named.folder;
  train(job, {.work_dir = folder,
              .device = context.device,
              .resume = true,
              .progress = context.progress,
              .until = stage.until});
  return *result_of(folder);
}

void train_all(const TrainStage& stage, StageContext& context) {
  std::vector<JsonObject> list;
  for (const NamedJob& named : stage.jobs) {
    const JsonObject result = run_job(named, stage, context);
    context.failures += static_cast<std::size_t>(result.integer("failed"));
    JsonObject one;
    one.set("variant", named.variant)
        .set("seed", named.seed)
        .set("folder", named.folder)
        .set("result", result);
    list.push_back(one);
    const double score = result.number("score");
    std::cerr << context.name << "/" << named.folder << ": "
              << (std::isnan(score) ? cat("loss ", result.number("loss"))
                                    : cat(result.text("metric"), " ", score))
              << "\n";
  }
  JsonObject json;
  json.set("jobs", list);
  json.write(context.folder + "/jobs.json");
}

constexpr std::size_t kCurvePoints = 24;  // of the loss; scores are few and stand there all

/// [[step, value], ...] of the records of one kind.
std::vector<std::vector<double>> curve(const std::vector<JsonObject>& records, const std::string& kind,
                                       const std::string& value) {
  std::vector<std::vector<double>> points;
  for (const JsonObject& record : records)
    if (record.text("kind") == kind) points.push_back({record.number("step"), record.number(value)});
  return points;
}

/// At most kCurvePoints, the last among them.
std::vector<std::vector<double>> thinned(const std::vector<std::vector<double>>& points) {
  if (points.size() <= kCurvePoints) return points;
  std::vector<std::vector<double>> some;
  for (std::size_t i = 1; i <= kCurvePoints; ++i)
    some.push_back(points[i * points.size() / kCurvePoints - 1]);
  return some;
}

/// One line per run: variant, seed, metric, score, best, best_step, steps, loss, run_seconds, scores and
/// losses over the steps, and of segmentation networks the IoU of each class.
std::vector<JsonObject> findings(const std::string& folder) {
  std::vector<JsonObject> lines;
  for (const JsonObject& job : JsonObject::read(folder + "/jobs.json").objects("jobs")) {
    const JsonObject result = job.object("result");
    const std::string run = folder + "/" + job.text("folder");
    const auto records = read_jsonl(run + "/metrics.jsonl");
    JsonObject line;
    line.set("variant", job.text("variant")).set("seed", job.integer("seed"));
    line.set("metric", result.text("metric"));
    for (const char* key : {"score", "best", "loss"}) line.set(key, result.number(key));
    for (const char* key : {"best_step", "steps"}) line.set(key, result.integer(key));
    line.set("run_seconds", result.number("seconds"));
    line.set("scores", curve(records, "eval", "score"));
    line.set("losses", thinned(curve(records, "train", "loss")));
    if (result.text("metric") == "miou" && std::filesystem::exists(run + "/eval.json"))
      line.set("iou", class_ious(run));
    lines.push_back(line);
  }
  return lines;
}

/// Pictures that the stage trains on; 0 where that depends on a data set that is not there yet.
double pictures_of(const TrainStage& stage) {
  double sum = 0;
  for (const NamedJob& named : stage.jobs) {
    const TrainJob& job = named.job;
    if (job.steps == 0) return 0;
    sum += static_cast<double>(job.steps * job.batch * job.loop.accumulate) * (stage.until - stage.begins);
  }
  return sum;
}

}  // namespace

StagePlan read_train_stage(const Config& config) {
  TrainStage stage;
  stage.jobs = read_jobs(config);
  stage.until = config.number_or("until", 1, {.low = 1e-6, .high = 1});
  stage.after = config.text_or("after", "");
  stage.begins = config.number_or("begins", 0, {.low = 0, .high = stage.until});
  if (stage.begins > 0 && stage.after.empty())
    config.fail("begins", "needs `after`: the stage that it goes on from");
  std::string depends;
  for (const NamedJob& named : stage.jobs) depends += named.folder + "\n" + named.job.config.recipe();
  return {.work = [stage](StageContext& context) { train_all(stage, context); },
          .depends = depends,
          .pictures = [stage] { return pictures_of(stage); },
          .findings = findings};
}

}  // namespace clearcut
