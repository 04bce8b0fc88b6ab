// Every member and every ensemble against true masks, explaining each picture once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/jsonl.h"
#include "explain/ensemble.h"
#include "explain/sweep.h"

namespace clearcut {

/// Members whose mean is scored: pairs (classifier, explainer).
struct Subset {
  std::string name;
  std::vector<std::pair<std::size_t, std::size_t>> members;
};
/// Words of `which`: "members" (each alone), "explainers" (one explainer, all classifiers), "classifiers"
/// (one classifier, all explainers), "all". Subsets that repeat an earlier one are left out.
std::vector<Subset> make_subsets(const Ensemble& ensemble, const std::vector<std::string>& which);

struct MemberScoreOptions {
  std::vector<Measure> measures = {Measure::kRank, Measure::kValue, Measure::kMax};
  std::vector<double> thresholds;
  bool snap = false;
  double vote_at = 0.5;
  std::int64_t chunk = 16;
  PictureOptions picture;
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};

/// The measure and threshold that one subset uses.
struct Choice {
  Measure measure = Measure::kRank;
  double threshold = 0.9;
};

struct SubsetScores {
  std::vector<ThresholdSweep> sweeps;     // one per measure
  std::vector<ConfusionMatrix> pictures;  // one per scored picture; only with fixed choices
  // Means over questions (picture and label) of classes, then over classes.
  double pointing = 0, energy = 0, f1 = 0, auc = 0, agreement = 0;
};
struct MemberScores {
  std::vector<SubsetScores> subsets;
  std::vector<std::string> scored;  // ids of the pictures that counted
  std::vector<Failure> failures;
};

/// Explains the pictures of `data` (which must have masks and a background class) and scores each subset.
/// Without `choices` all measures and thresholds are counted; with them only one measure and threshold for
/// each subset, and a confusion matrix per picture is kept for bootstrap intervals.
/// A mask of another size than its picture is a failure of that picture.
MemberScores score_members(const Dataset& data, Ensemble& ensemble, const std::vector<Subset>& subsets,
                           const MemberScoreOptions& options, const std::vector<Choice>& choices = {});

/// The same for the consensus maps that fuse() kept in `folder` (FuseOptions::keep_consensus): one subset,
/// nothing is explained again; its agreement is not known (NaN). Measure::kVotes fits maps that were kept
/// under a votes rule, the other measures the other maps.
/// A picture whose map is missing is a failure.
MemberScores score_kept(const Dataset& data, const std::string& folder, const MemberScoreOptions& options,
                        const std::vector<Choice>& choices = {});

/// Measure and threshold of the largest mIoU.
Choice best_choice(const SubsetScores& scores, const MemberScoreOptions& options, const ScoreOptions& score);

}  // namespace clearcut
