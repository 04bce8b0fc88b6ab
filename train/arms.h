// Arms of an experiment (the starts of fine-tuning) compared on the same pictures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/metrics.h"

namespace clearcut {

/// One training run: its name, result.json and metrics.jsonl.
struct TrainedRun {
  std::string variant;
  std::uint64_t seed = 0;
  std::string folder;
  std::string metric;
  double score = 0;
  std::int64_t steps = 0;
};
/// The runs of a train stage's jobs.json; empty without a folder.
std::vector<TrainedRun> read_runs(const std::string& folder);

/// mIoU of `arm` minus that of `other`, with a 95 % interval over the pictures of the validation set, the
/// same pictures drawn for both. The counts of an arm's seeds are added up picture by picture, so seeds are
/// no source of spread here: see the standard errors for that.
struct ArmDifference {
  std::string arm, other;
  Interval miou;
};
/// The last variant against each earlier one; empty if there is one variant only, or runs without
/// pictures.npz. Throws Error if two runs were scored on different pictures.
std::vector<ArmDifference> compare_arms(const std::vector<TrainedRun>& runs, std::uint64_t seed);

}  // namespace clearcut
