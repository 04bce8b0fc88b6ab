#include <CLI/CLI.hpp>

#include <filesystem>
#include <iostream>

#include "apps/verbs.h"
#include "train/pipeline.h"

namespace clearcut::apps {

namespace {

struct Options {
  std::string file, from, to;
  bool full = false, dry_run = false;
};

/// Neighbours that are left out for the same reason share a line.
std::size_t print_left_out(const std::vector<PlannedStage>& plan, std::size_t first) {
  std::size_t end = first + 1;
  while (end < plan.size() && !plan[end].runs && plan[end].why == plan[first].why) ++end;
  std::cout << plan[first].name;
  if (end - first == 1)
    std::cout << " (" << plan[first].kind << ")";
  else
    std::cout << " to " << plan[end - 1].name << " (" << end - first << " stages)";
  std::cout << ": left out: " << plan[first].why << "\n";
  return end;
}

void print_plan(const std::vector<PlannedStage>& plan) {
  double seconds = 0;
  int unknown = 0;
  for (std::size_t i = 0; i < plan.size();) {
    if (!plan[i].runs) {
      i = print_left_out(plan, i);
      continue;
    }
    const PlannedStage& stage = plan[i++];
    std::cout << stage.name << " (" << stage.kind << "): runs: " << stage.why;
    if (stage.seconds > 0) std::cout << "; about " << format_seconds(stage.seconds);
    std::cout << "\n";
    seconds += stage.seconds;
    unknown += stage.seconds == 0 ? 1 : 0;
  }
  if (seconds > 0)
    std::cout << "about " << format_seconds(seconds) << " in all, without " << unknown
              << " stages of unknown time\n";
}

int run_stages(const CommonOptions& common, const Options& o) {
  PipelineRun run = {.file = o.file,
                     .overrides = common.set,
                     .work_dir = common.work_dir,
                     .from = o.from,
                     .to = o.to,
                     .full = o.full,
                     .fresh = common.fresh,
                     .device = device_of(common),
                     .progress = progress_of(common)};
  if (run.work_dir.empty()) run.work_dir = "runs/" + std::filesystem::path(o.file).stem().string();
  if (common.seed_given) run.overrides.push_back(cat("seed=", common.seed));
  if (o.dry_run) {
    print_plan(plan_pipeline(run));
    std::cout << o.file << ": no mistakes\n";
    return kDone;
  }
  std::size_t failures = 0;
  for (const StageRecord& stage : run_pipeline(run)) {
    failures += stage.failures;
    if (stage.done && !stage.skipped)
      std::cout << stage.name << ": " << format_seconds(stage.seconds) << ", peak "
                << format_bytes(static_cast<double>(stage.peak_bytes)) << "\n";
  }
  std::cout << "done: " << run.work_dir << "\n";
  if (failures == 0) return kDone;
  std::cerr << failures << " items failed; the folders of the stages hold failures.jsonl\n";
  return kSomeFailed;
}

}  // namespace

void add_run(CLI::App& app, Session& session) {
  auto* verb = app.add_subcommand("run", "run a pipeline: stages that are done are not repeated");
  auto o = std::make_shared<Options>();
  verb->add_option("pipeline", o->file, "YAML file with a list of stages")->required();
  verb->add_option("--set", session.common.set, "set one key: --set a.b=c; may be repeated")
      ->type_size(1)
      ->allow_extra_args(false);
  verb->add_option("--from", o->from, "first stage to run; what it and those behind it need must be done");
  verb->add_option("--to", o->to, "last stage to run");
  verb->add_flag("--full", o->full, "with the values under `full` in the pipeline");
  verb->add_flag("--dry-run", o->dry_run,
                 "only say which stages would run, why, and about how long, and report mistakes");
  add_common(*verb, session, kWorkDir | kCompute | kSeed | kProgress | kFresh);
  on_run(*verb, session, [&session, o] { return run_stages(session.common, *o); });
}

}  // namespace clearcut::apps
