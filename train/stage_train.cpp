#include <cmath>
#include <filesystem>
#include <iostream>

#include "data/json.h"
#include "train/job.h"
#include "train/stages.h"

namespace clearcut {

namespace {

struct NamedJob {
  std::string variant, folder;
  std::uint64_t seed = 0;
  TrainJob job;
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

void train_all(const std::vector<NamedJob>& jobs, StageContext& context) {
  std::vector<JsonObject> list;
  for (const NamedJob& named : jobs) {
    const std::string folder = context.folder + "/" + named.folder;
    auto result = result_of(folder);
    if (!result) {
      TrainJob job = named.job;
      job.loop.name = context.name + "/" + named.folder;
      train(job,
            {.work_dir = folder, .device = context.device, .resume = true, .progress = context.progress});
      result = result_of(folder);
    }
    context.failures += static_cast<std::size_t>(result->integer("failed"));
    JsonObject one;
    one.set("variant", named.variant)
        .set("seed", named.seed)
        .set("folder", named.folder)
        .set("result", *result);
    list.push_back(one);
    const double score = result->number("score");
    std::cerr << context.name << "/" << named.folder << ": "
              << (std::isnan(score) ? cat("loss ", result->number("loss"))
                                    : cat(result->text("metric"), " ", score))
              << "\n";
  }
  JsonObject json;
  json.set("jobs", list);
  json.write(context.folder + "/jobs.json");
}

}  // namespace

StagePlan read_train_stage(const Config& config) {
  std::vector<NamedJob> jobs = read_jobs(config);
  std::string depends;
  for (const NamedJob& named : jobs) depends += named.folder + "\n" + named.job.config.effective();
  return {[jobs](StageContext& context) { train_all(jobs, context); }, depends};
}

}  // namespace clearcut
