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
/// (one classifier, all explainers), "all". Subsets that repeat an earlier one are left out; the ensemble of
/// all members is "all/all" wherever it stands.
std::vector<Subset> make_subsets(const Members& ensemble, const std::vector<std::string>& which);

struct MemberScoreOptions {
  std::vector<Fusion> fusions = {};  // to try; empty: the ensemble's own
  std::vector<Measure> measures = {Measure::kRank, Measure::kValue, Measure::kMax};
  std::vector<double> thresholds;
  bool snap = false;
  double vote_at = 0.5;
  std::int64_t chunk = 8;  // pictures at a time; each keeps 24 bytes per pixel, subset and fusion
  PictureOptions picture;
  std::string checkpoint = "";  // file for the sums so far, from which the same call goes on; empty: none
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};

/// What one subset uses.
struct Choice {
  Fusion fusion = {};
  Measure measure = Measure::kRank;
  double threshold = 0.9;
};

/// Means over questions (picture and label) of classes, then over classes; see Localisation and Consensus.
struct LocalisationMeans {
  double pointing = 0, energy = 0, f1 = 0, auc = 0, agreement = 0;
};
/// Pictures are counted in so many groups, one after the other, for intervals of curves.
inline constexpr std::size_t kScoreGroups = 20;
struct SubsetScores {
  std::vector<Fusion> fusions;              // that were tried
  std::vector<ThresholdSweep> sweeps = {};  // [fusion][measure], of kScoreGroups groups
  // Only with fixed choices:
  std::vector<ConfusionMatrix> pictures = {};  // one per scored picture
  LocalisationMeans finding = {};
};
struct MemberScores {
  std::vector<SubsetScores> subsets;
  std::vector<std::string> scored;  // ids of the pictures that counted
  std::vector<Failure> failures;
};

/// Explains the pictures of `data` (which must have masks and a background class) and scores each subset.
/// Without `choices` all fusions, measures and thresholds are counted; with them one of each for every
/// subset, and a confusion matrix per picture is kept for bootstrap intervals. Alone, a member has nothing to
/// be fused with: only one fusion on pixels and one on superpixels are tried for it, where given. A mask of
/// another size than its picture is a failure of that picture.
MemberScores score_members(const Dataset& data, Members& ensemble, const std::vector<Subset>& subsets,
                           const MemberScoreOptions& options, const std::vector<Choice>& choices = {});

/// The same for the consensus maps that fuse() kept in `folder` (FuseOptions::keep_consensus): one subset,
/// nothing is explained or fused again; its agreement is not known (NaN). Classes are found by their names
/// (value_shift()). The options' first fusion is what the maps are said to be fused by.
/// Measure::kVotes fits maps that were kept under a votes rule, the others the other maps. Throws Error where
/// check_for_kept() does. A picture whose map is missing, or that cannot be read itself, is a failure.
MemberScores score_kept(const Dataset& data, const std::string& folder, const MemberScoreOptions& options,
                        const std::vector<Choice>& choices = {});

/// Throws Error for what kept maps cannot answer: they were snapped or not when they were made, and are
/// min-max scaled, so that Measure::kMax would be Measure::kValue.
void check_for_kept(const MemberScoreOptions& options, const std::vector<Choice>& choices = {});

/// Fusion, measure and threshold of the largest mIoU.
Choice best_choice(const SubsetScores& scores, const MemberScoreOptions& options, const ScoreOptions& score);

}  // namespace clearcut
