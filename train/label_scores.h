// Pseudo labels of members, ensembles and baselines against true masks: fusion, measure, threshold and box
// are chosen on one data set and applied unchanged to another.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/json.h"
#include "data/metrics.h"
#include "explain/member_scores.h"
#include "train/progress.h"
#include "train/summary.h"

namespace clearcut {

struct LabelScoring {
  std::vector<std::string> subsets;    // words of make_subsets(), or explainers or classifiers joined by '+'
  std::vector<std::string> baselines;  // background, box, colour
  MemberScoreOptions members;
  std::optional<Choice> fixed = {};  // every subset uses this; only the box is chosen then
  int bootstrap = 1000;              // resamples of the intervals; 0: none, they are NaN
  std::uint64_t seed = 1;
  ProgressStyle progress = ProgressStyle::kNone;
  std::string checkpoint = {};  // folder for the sums of both passes, from which an interrupted run goes on
  std::string chosen_on;        // for LabelScore::threshold_from: "train:60"
  std::string scored_on;        // the same for LabelScore::scored_on
};

struct ScoredLabels {
  LabelScore score;
  std::string fusion = {};  // that the setting was chosen with, of a member alone too; "" of baselines
  std::string name;         // "small_vgg/cam", "all/all", "box"
  std::string setting;      // "value:0.36", "superpixels, rank:0.8" (a member alone), "share 0.3", ""
  Interval miou;            // bootstrap over pictures
  Interval lead;  // mIoU of "all/all" minus this one, the same pictures drawn for both; NaN without it
  std::vector<double> iou;                   // per class
  std::optional<LocalisationMeans> finding;  // not of baselines
};
struct LabelScores {
  std::vector<ScoredLabels> rows;
  std::string best_member;  // single member of the largest mIoU; empty without one
  std::int64_t pictures = 0;
  bool snap = false;              // maps were replaced by their means on superpixels; not kept in JSON
  std::string curves;             // CSV of all that was tried on the choosing pictures; not kept in JSON
  std::vector<Failure> failures;  // of choosing and of scoring, each picture once
};

/// Explains both sets. Throws Error if no picture of `score` could be scored.
LabelScores score_labels(const Dataset& choose, const Dataset& score, Members& ensemble,
                         const LabelScoring& options);

/// The same for the consensus maps that fuse() kept in `folder`: one row, named "kept", and the baselines.
/// What the maps are fused by and whether they are snapped says the folder's job.json; fusions and subsets of
/// the options are not looked at. Throws Error where check_for_kept() does.
LabelScores score_kept_labels(const Dataset& choose, const Dataset& score, const std::string& folder,
                              const LabelScoring& options);

/// Fusions are left out:
/// {"pictures", "rows": [LabelScore's keys, "name", "setting", "interval", "lead", "iou", "finding"],
///  "best_member"}
JsonObject to_json(const LabelScores& scores);
LabelScores read_label_scores(const std::string& path);

}  // namespace clearcut
