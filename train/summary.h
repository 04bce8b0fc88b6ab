// summary.json: the numbers of a run, from which the report and the README's table are made.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/json.h"

namespace clearcut {

/// Pseudo labels of one member, ensemble or baseline, scored against the truth. Shares in 0..1.
struct LabelScore {
  std::vector<std::string> classifiers = {};  // empty for a baseline
  std::vector<std::string> explainers = {};   // the same
  std::string consensus;                      // "minmax", ...; "none" for a single member; a baseline's name
  std::string threshold_from;  // where fusion, threshold or box size were chosen: "train:200"; "none"
  std::string scored_on;       // "val:223"
  double miou = 0, precision = 0, coverage = 0;

  bool is_baseline() const { return classifiers.empty(); }
  bool is_member() const { return classifiers.size() == 1 && explainers.size() == 1; }
};

/// One fine-tuning run on the target task.
struct FinetuneScore {
  std::string init;  // "random", "trunk", "pssl"
  std::uint64_t seed = 0;
  double miou = 0;
  std::int64_t steps = 0;
};

/// A model that never saw a mask.
struct ImageLabelsOnly {
  double miou = 0;
  std::int64_t steps = 0;
  std::string scored_on;
  bool done = false;  // false: written as null
};

struct Summary {
  std::vector<LabelScore> labels;
  std::vector<FinetuneScore> finetune;
  ImageLabelsOnly image_labels_only;
  std::vector<std::pair<std::string, double>> seconds;           // per stage, in order
  std::vector<std::pair<std::string, std::int64_t>> peak_bytes;  // of tensors, per stage

  /// Keys: labels, finetune, image_labels_only, seconds, peak_bytes. Written to a temporary name and renamed.
  void write(const std::string& path) const;
  static Summary read(const std::string& path);
};

/// One entry of `labels`, and back.
JsonObject to_json(const LabelScore& score);
LabelScore label_score(const JsonObject& json);

/// Mean and standard error (sample deviation / sqrt(n); NaN for one run) over seeds.
struct MeanError {
  double mean = 0, error = 0;
  int n = 0;
};
MeanError mean_error(const std::vector<double>& values);

/// Fine-tuning runs of one initialisation, by order of first appearance.
std::vector<std::pair<std::string, MeanError>> finetune_by_init(const Summary& summary);

/// The best baseline, single member and ensemble of `labels` by mIoU, among those that were scored on the
/// same pictures as the first row; -1 where there is none.
struct BestLabels {
  int baseline = -1, member = -1, ensemble = -1;
};
BestLabels best_labels(const Summary& summary);

/// 100 * share by a printf format; "-" if it is not finite.
std::string percent(double share, const char* format = "%.1f");

/// "cam", "cam + ig of 3 networks", "all-background".
std::string describe(const LabelScore& score);
/// The table of a README: labels and fine-tuning in Markdown.
std::string markdown_table(const Summary& summary);

}  // namespace clearcut
