#include "apps/explain_options.h"

#include <CLI/CLI.hpp>

#include <set>

#include "data/text_lines.h"
#include "explain/explainer_table.h"
#include "explain/kept_maps.h"

namespace clearcut::apps {

void add_explain_words(CLI::App& verb, ExplainWords& w) {
  verb.add_option("-m,--model", w.models, "classifiers, separated by commas: NAME.onnx or a run's folder");
  verb.add_option("-x,--explainer", w.explainers,
                  explainer_names() +
                      ", separated by commas; settings behind a colon: "
                      "smoothgrad:samples=10:noise=0.1,ig:steps=10; or all, with their defaults (see "
                      "`clearcut explainers`)")
      ->capture_default_str();
  verb.add_option("--framing", w.framing, "whole: stretch the picture to the input; short: keep proportions")
      ->check(CLI::IsMember({"whole", "short"}))
      ->capture_default_str();
  verb.add_option("--groups", w.groups, "JSON file: which classes of the classifier mean each label")
      ->check(CLI::ExistingFile);
  verb.add_option("--exif", w.exif, "orientation written by cameras")
      ->check(CLI::IsMember({"ignore", "apply"}))
      ->capture_default_str();
}

void add_consensus_words(CLI::App& verb, ExplainWords& w) {
  verb.add_option("--consensus", w.consensus, "how members are averaged")
      ->check(CLI::IsMember(variant_names()))
      ->capture_default_str();
  verb.add_option("--wrong", w.wrong, "what a member counts whose classifier misses the label")
      ->check(CLI::IsMember({"keep", "downweight", "drop"}))
      ->capture_default_str();
  verb.add_option("--weights", w.weights,
                  "what else members count by: uniform, accuracy of their classifier, agreement with the "
                  "others on each picture (explains twice, unless maps are kept)")
      ->check(CLI::IsMember({"uniform", "accuracy", "agreement"}))
      ->capture_default_str();
  verb.add_option("--accuracy", w.accuracy,
                  "JSON file of accuracies, as classifiers.json of an earlier `label fuse`")
      ->check(CLI::ExistingFile);
  verb.add_option("--kept", w.kept,
                  "folder of `label fuse --keep-maps`: its maps take the place of -m and -x, nothing is "
                  "explained")
      ->check(CLI::ExistingDirectory);
  verb.add_option(
          "--regions", w.regions,
          "superpixels of fusions and snapping: slic, quickshift or felzenszwalb; settings behind a slash: "
          "slic/segments=200, quickshift/kernel_size=4/max_dist=200")
      ->capture_default_str();
  verb.add_option("--working-side", w.working_side,
                  "longest side at which maps are averaged; 0: the picture's")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

void add_minus_one(CLI::App& verb, bool& ignored) {
  const auto set = [&ignored](const std::string& word) { ignored = word == "ignore"; };
  verb.add_option_function<std::string>("--minus-one", set, "pssl: what -1 in an array means")
      ->check(CLI::IsMember({"background", "ignore"}))
      ->default_str("background");
}

void add_data_words(CLI::App& verb, DataWords& w) {
  verb.add_option("--data", w.spec.root, "folder of the data set")->required();
  w.spec.format = "folders";
  verb.add_option("--format", w.spec.format, "how the folder is laid out")
      ->check(CLI::IsMember(dataset_formats()))
      ->capture_default_str();
  verb.add_option("--list", w.spec.list, "list file, relative to the data set");
  verb.add_option("--split", w.spec.split, "csv: rows of this split");
  verb.add_option("--classes", w.spec.classes, "class file; default classes.txt if there");
  verb.add_option("--images", w.spec.images, "folder of the pictures");
  verb.add_option("--masks", w.spec.masks, "folder of the true masks");
  verb.add_option("--ignore", w.spec.ignore, "value of the true masks that counts for nothing")
      ->capture_default_str();
  add_minus_one(verb, w.spec.pssl_minus_one_ignored);
}

Dataset open_data(const DataWords& words, const std::string& select) {
  Dataset data = open_dataset(words.spec);
  return select.empty() ? data : select_items(data, select);
}

std::vector<std::string> split_words(const std::string& list) { return split_at(list, ","); }

std::vector<std::unique_ptr<Classifier>> load_classifiers(const std::string& models, Device device) {
  std::vector<std::unique_ptr<Classifier>> classifiers;
  for (const std::string& path : split_words(models)) classifiers.push_back(load_classifier(path, device));
  return classifiers;
}

std::unique_ptr<Members> open_members(const ExplainWords& words, const EnsembleOptions& options,
                                      const std::vector<std::string>& class_names,
                                      const std::vector<int>& needed, Device device) {
  if (words.models.empty() == words.kept.empty())
    throw ConfigError("give either --model, classifiers that explain, or --kept, maps that are there");
  if (!words.kept.empty()) return std::make_unique<KeptMembers>(words.kept, options, class_names);
  return std::make_unique<Ensemble>(classifier_files(split_words(words.models), device), options, class_names,
                                    needed);
}

// "all": every explainer with its defaults.
static std::vector<std::string> explainer_words(const std::string& list) {
  if (list != "all") return split_words(list);
  std::vector<std::string> words;
  for (const ExplainerFamily& family : explainer_families())
    for (const ExplainerRow& row : family.rows) words.emplace_back(row.name);
  return words;
}

EnsembleOptions ensemble_options(const ExplainWords& words, const CommonOptions& common) {
  EnsembleOptions options;
  for (const std::string& text : explainer_words(words.explainers))
    options.explainers.push_back(from_option("--explainer", [&] { return parse_explainer(text); }));
  options.fusion.variant = variant_from_name(words.consensus);
  options.fusion.wrong = wrong_from_name(words.wrong);
  options.fusion.weights = weights_from_name(words.weights);
  options.accuracy = words.accuracy;
  options.superpixels = from_option("--regions", [&] { return parse_superpixels(words.regions); });
  options.framing = words.framing == "short" ? Framing::kShortSide : Framing::kWhole;
  options.groups = words.groups;
  options.working_side = words.working_side;
  options.seed = common.seed;
  if (const std::size_t budget = memory_budget_of(common)) options.budget_bytes = budget;
  return options;
}

PictureOptions picture_options(const ExplainWords& words) {
  PictureOptions options;
  options.apply_exif = words.exif == "apply";
  return options;
}

std::vector<int> classes_in(const Dataset& data) {
  std::set<int> classes;
  for (const Item& item : data.items) classes.insert(item.classes.begin(), item.classes.end());
  return {classes.begin(), classes.end()};
}

}  // namespace clearcut::apps
