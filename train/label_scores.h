// Pseudo labels of members, ensembles and baselines against true masks: choose on one data set, score on
// another.
#pragma once

#include <string>
#include <vector>

#include "data/json.h"
#include "data/metrics.h"
#include "explain/member_scores.h"
#include "train/progress.h"
#include "train/summary.h"

namespace clearcut {

struct LabelScoring {
  std::vector<std::string> subsets;    // words of make_subsets(), or explainers joined by '+'
  std::vector<std::string> baselines;  // background, box, colour
  MemberScoreOptions members;
  int bootstrap = 1000;
  std::uint64_t seed = 1;
  ProgressStyle progress = ProgressStyle::kNone;
  std::string chosen_on;  // for LabelScore::threshold_from: "train:60"
};

struct ScoredLabels {
  LabelScore score;
  std::string name;     // "small_vgg/cam", "all/all", "box"
  std::string setting;  // "value:0.36", "share 0.3", "prior 0.5", ""
  Interval miou;        // bootstrap over pictures
};
struct LabelScores {
  std::vector<ScoredLabels> rows;
  // Paired difference "all/all" - best single member by mIoU; absent (empty name) without both.
  std::string best_member;
  Interval difference;
  std::vector<Failure> failures;
};

LabelScores score_labels(const Dataset& choose, const Dataset& score, Ensemble& ensemble,
                         const LabelScoring& options);

JsonObject to_json(const LabelScores& scores);
LabelScores read_label_scores(const std::string& path);

}  // namespace clearcut
