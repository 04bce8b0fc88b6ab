#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "tensor/random.h"
#include "train/checkpoint.h"
#include "train/job.h"

namespace clearcut::apps {

namespace {

/// runs/<configuration>-<hash of the effective one>.
std::string default_work_dir(const std::string& config_path, const TrainJob& job) {
  char hash[9];
  std::snprintf(hash, sizeof hash, "%08x", static_cast<unsigned>(hash_name(job.config.effective())));
  return "runs/" + std::filesystem::path(config_path).stem().string() + "-" + hash;
}

std::string score_line(const TrainSummary& s) {
  std::string text = cat("steps ", s.loop.steps, ", loss ", s.loop.loss);
  if (s.loop.best_step >= 0)
    text +=
        cat(", ", s.metric, " ", s.loop.score, " (best ", s.loop.best, " at step ", s.loop.best_step, ")");
  return text;
}

int run_train(const CommonOptions& common) {
  const TrainJob job = read_train_job(training_config(common));
  const std::string work_dir =
      common.work_dir.empty() ? default_work_dir(common.config, job) : common.work_dir;
  if (!common.resume && !common.fresh && Checkpoints(work_dir, 1).exists())
    throw ConfigError(cat("train: ", work_dir,
                          " holds checkpoints of an earlier run; --resume goes on, --fresh starts anew"));
  TrainRun run = {.work_dir = work_dir,
                  .device = device_of(common),
                  .resume = common.resume,
                  .progress = progress_of(common)};
  if (common.seed_given) run.seed = common.seed;
  const TrainSummary summary = train(job, run);
  std::cout << work_dir << ": " << score_line(summary) << ", " << format_seconds(summary.seconds) << ", peak "
            << format_bytes(static_cast<double>(summary.peak_bytes)) << "\n";
  if (summary.failures.empty()) return kDone;
  std::cerr << summary.failures.size() << " pictures failed; see " << work_dir << "/failures.jsonl\n";
  return kSomeFailed;
}

}  // namespace

void add_train(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("train", "train a classifier or a segmentation network");
  add_common(*verb, session, kConfig | kWorkDir | kCompute | kSeed | kProgress | kResume);
  on_run(*verb, session, [&session] { return run_train(session.common); });
}

}  // namespace clearcut::apps
