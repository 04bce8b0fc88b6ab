// How right each classifier is about image labels, and how near its maps are to the consensus.
#pragma once

#include <string>
#include <vector>

#include "data/json.h"

namespace clearcut {

/// Means of one classifier over the questions (picture and label) of a manifest.
struct ClassifierRank {
  std::string name;
  double accuracy = 0;     // share of the questions where its first choice is a label of the picture
  double probability = 0;  // of the label
  double score = 0;        // consensus score: cosine(e_k, E), mean over explainers; NaN if not known
  std::vector<double> by_explainer = {};  // the same of each explainer
  std::int64_t questions = 0;
};

/// From FOLDER/manifest.jsonl, line by line, largest score first (accuracy where no score is known; ties by
/// name). The order of classifiers by their agreement with the consensus is that of their accuracies on
/// segmentation-like tasks (Li 2021, "Cross-Model Consensus of Explanations", 2109.00707).
std::vector<ClassifierRank> rank_classifiers(const std::string& folder);

/// FOLDER/classifiers.json: {"classifiers": [{"name", "accuracy", "probability", "score", "by_explainer",
/// "questions"}]}, in the order of the ranking.
void write_classifier_ranks(const std::string& folder, const std::vector<ClassifierRank>& ranks);

/// The accuracies of these classifiers from such a file. Throws Error if one of them is missing or negative.
std::vector<double> read_accuracies(const std::string& path, const std::vector<std::string>& names);

}  // namespace clearcut
