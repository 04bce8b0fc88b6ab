// Options that `explain` and the verbs under `label` share.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/verbs.h"
#include "data/dataset.h"
#include "explain/ensemble.h"

namespace clearcut::apps {

/// -m, -x and what explanations depend on.
struct ExplainWords {
  std::string models, explainers = "gradcam";
  std::string consensus = "percentile", wrong = "keep", framing = "whole", regions = "slic", groups;
  std::string weights = "uniform", accuracy, kept;
  std::int64_t working_side = 512;
  std::string exif = "ignore";
};
void add_explain_words(CLI::App& verb, ExplainWords& words);
/// How members are averaged, and --kept.
void add_consensus_words(CLI::App& verb, ExplainWords& words);
/// The classifiers of --model, loaded as they are needed, or the members of --kept. Throws ConfigError unless
/// one of the two is given.
std::unique_ptr<Members> open_members(const ExplainWords& words, const EnsembleOptions& options,
                                      const std::vector<std::string>& class_names,
                                      const std::vector<int>& needed, Device device);

/// --data and how to read it.
struct DataWords {
  DatasetSpec spec;
};
void add_data_words(CLI::App& verb, DataWords& words);
/// --minus-one: the published loader takes -1 for background.
void add_minus_one(CLI::App& verb, bool& ignored);
/// With a file of item names: only these, in its order.
Dataset open_data(const DataWords& words, const std::string& select);

std::vector<std::string> split_words(const std::string& list);
std::vector<std::unique_ptr<Classifier>> load_classifiers(const std::string& models, Device device);
EnsembleOptions ensemble_options(const ExplainWords& words, const CommonOptions& common);
PictureOptions picture_options(const ExplainWords& words);
/// Classes that occur among the labels of the items.
std::vector<int> classes_in(const Dataset& data);

}  // namespace clearcut::apps
