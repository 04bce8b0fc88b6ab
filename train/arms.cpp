#include "train/arms.h"

#include <filesystem>
#include <optional>

#include "data/json.h"
#include "tensor/error.h"
#include "train/evaluate.h"

namespace clearcut {

namespace {

using Pictures = std::vector<Tally>;

// Counts of all seeds of a variant, picture by picture.
Pictures counts_of(const std::vector<TrainedRun>& runs, const std::string& variant) {
  Pictures sum;
  for (const TrainedRun& run : runs) {
    if (run.variant != variant) continue;
    const Pictures one = read_picture_counts(run.folder);
    if (sum.empty()) {
      sum = one;
      continue;
    }
    check(one.size() == sum.size(), "compare", run.folder, " was scored on ", one.size(),
          " pictures, an earlier run on ", sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i].add(one[i]);
  }
  return sum;
}

}  // namespace

std::vector<TrainedRun> read_runs(const std::string& folder) {
  std::vector<TrainedRun> runs;
  if (folder.empty()) return runs;
  for (const JsonObject& job : JsonObject::read(folder + "/jobs.json").objects("jobs")) {
    const JsonObject result = job.object("result");
    runs.push_back({.variant = job.text("variant"),
                    .seed = static_cast<std::uint64_t>(job.integer("seed")),
                    .folder = folder + "/" + job.text("folder"),
                    .metric = result.text("metric"),
                    .score = result.number("score"),
                    .steps = result.integer("steps")});
  }
  return runs;
}

std::vector<ArmDifference> compare_arms(const std::vector<TrainedRun>& runs, std::uint64_t seed) {
  std::vector<ArmDifference> differences;
  if (runs.empty() || !std::filesystem::exists(runs[0].folder + "/pictures.npz")) return differences;
  const std::string last = runs.back().variant;
  const ScoreOptions how = read_score_options(runs[0].folder);
  const Pictures ours = counts_of(runs, last);
  std::string before;
  for (const TrainedRun& run : runs) {
    if (run.variant == last || run.variant == before) continue;
    before = run.variant;
    const Pictures theirs = counts_of(runs, before);
    check(theirs.size() == ours.size(), "compare", "the variants ", last, " and ", before, " were scored on ",
          ours.size(), " and ", theirs.size(), " pictures");
    differences.push_back(
        {.arm = last, .other = before, .miou = bootstrap_miou_difference(ours, theirs, how, {.seed = seed})});
  }
  return differences;
}

}  // namespace clearcut
