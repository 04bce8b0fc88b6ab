#include <CLI/CLI.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>

#include "apps/verbs.h"
#include "tensor/cuda_device.h"
#include "tensor/random.h"
#include "train/checkpoint.h"
#include "train/job.h"
#include "train/mpi.h"
#include "train/profile.h"

namespace clearcut::apps {

namespace {

/// runs/<configuration>-<hash of the effective one>.
std::string default_work_dir(const std::string& config_path, const TrainJob& job) {
  char hash[9];
  std::snprintf(hash, sizeof hash, "%08x", static_cast<unsigned>(hash_name(job.config.effective())));
  return "runs/" + std::filesystem::path(config_path).stem().string() + "-" + hash;
}

std::string score_line(const TrainSummary& s) {
  const bool nothing_done = s.loop.before == s.loop.steps;
  std::string text = nothing_done ? cat("all ", s.loop.steps, " steps were done before")
                                  : cat("steps ", s.loop.steps, ", loss ", s.loop.loss);
  if (nothing_done && s.loop.best_step >= 0)
    text += cat(", best ", s.metric, " ", s.loop.best, " at step ", s.loop.best_step);
  else if (s.loop.best_step >= 0)
    text +=
        cat(", ", s.metric, " ", s.loop.score, " (best ", s.loop.best, " at step ", s.loop.best_step, ")");
  if (s.loop.stopped_early) text += ", stopped early: it did not get better any more";
  return text;
}

struct TrainOptions {
  std::string checkpoint = "last";
  std::string reduce = "fast";
  bool profile = false;
};

/// This process among those that mpirun or srun started with it; alone, it is the only one.
struct JoinedRanks {
  std::unique_ptr<MpiJob> mpi;
  std::unique_ptr<Lane> alone;
  std::unique_ptr<AllReduce> sums;
  Lane& lane() const { return mpi ? mpi->lane() : *alone; }
};

JoinedRanks join_ranks() {
  JoinedRanks joined;
  joined.mpi = join_mpi([](const char* name) { return std::getenv(name); });
  if (!joined.mpi) joined.alone = lane_of_one();
  return joined;
}

void check_reduce(const JoinedRanks& joined, Device device, bool by_picture) {
  if (joined.mpi && by_picture && device == Device::kCuda && !cuda_is_emulated())
    throw ConfigError("--reduce exact: several ranks add picture by picture on CPUs only; use --reduce fast");
}

TrainRanks ranks_of(JoinedRanks& joined, const CommonOptions& common, Device device, bool by_picture) {
  if (joined.mpi) {
    if (device == Device::kCuda && !cuda_is_emulated() && common.device.find(':') == std::string::npos)
      use_cuda_card(joined.mpi->local_rank());
    joined.sums = sums_of(*joined.mpi, device);
  } else if (by_picture) {
    joined.sums = sums_in_pairs(joined.lane(), joined.lane());
  } else {
    return {};
  }
  return {&joined.lane(), joined.sums.get(), by_picture};
}

void print_summary(const TrainSummary& summary, const std::string& work_dir) {
  std::cout << work_dir << ": " << score_line(summary) << ", " << format_seconds(summary.seconds) << ", peak "
            << format_bytes(static_cast<double>(summary.peak_bytes)) << "\n";
  if (!summary.failures.empty())
    std::cerr << summary.failures.size() << " pictures failed; see " << work_dir << "/failures.jsonl\n";
}

int run_profile(const CommonOptions& common) {
  const TrainRun run = {.work_dir = "", .device = device_of(common)};
  std::cout << profile_table(profile_training(read_train_job(training_config(common)), run));
  return kDone;
}

TrainRun run_of(const CommonOptions& common, const TrainOptions& options, const TrainJob& job) {
  const std::string work_dir =
      common.work_dir.empty() ? default_work_dir(common.config, job) : common.work_dir;
  if (!common.resume && !common.fresh && Checkpoints(work_dir, 1).exists())
    throw ConfigError(cat("train: ", work_dir,
                          " holds checkpoints of an earlier run; --resume goes on, --fresh starts anew"));
  return {.work_dir = work_dir,
          .device = device_of(common),
          .resume = common.resume,
          .checkpoint = options.checkpoint,
          .progress = progress_of(common)};
}

int run_train(const CommonOptions& common, const TrainOptions& options) {
  if (options.profile) return run_profile(common);
  const bool by_picture = options.reduce == "exact";
  JoinedRanks joined = join_ranks();
  TrainJob job;
  TrainRun run;
  all_or_none(joined.lane(), [&] {
    job = read_train_job(training_config(common));
    run = run_of(common, options, job);
    check_reduce(joined, run.device, by_picture);
  });
  run.ranks = ranks_of(joined, common, run.device, by_picture);
  const TrainSummary summary = train(job, run);
  if (joined.lane().rank() == 0) print_summary(summary, run.work_dir);
  if (joined.mpi) joined.mpi->leave();
  return summary.failures.empty() ? kDone : kSomeFailed;
}

}  // namespace

void add_train(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("train", "train a classifier or a segmentation network");
  add_common(*verb, session, kConfig | kWorkDir | kCompute | kSeed | kProgress | kResume);
  auto options = std::make_shared<TrainOptions>();
  verb->add_flag("--profile", options->profile,
                 "run four steps, print time, FLOP/s and bytes of each layer, and save nothing");
  verb->add_option("--checkpoint", options->checkpoint, "with --resume: last, best or step_N")
      ->needs("--resume")
      ->capture_default_str();
  verb->add_option(
          "--reduce", options->reduce,
          "fast, or exact: gradients are added per picture, so that any number of ranks gives the same "
          "bits")
      ->check(CLI::IsMember({"fast", "exact"}))
      ->capture_default_str();
  on_run(*verb, session, [&session, options] { return run_train(session.common, *options); });
}

}  // namespace clearcut::apps
