// Many explainers and classifiers on the pictures of a data set, judged by many measures.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/json.h"
#include "explain/measures/measure_table.h"

namespace clearcut {

struct MeasureRunOptions {
  std::vector<ExplainOptions> explainers;
  std::vector<MeasureChoice> measures;
  Framing framing = Framing::kWhole;
  std::string groups = {};  // file for class_targets(); empty: by name
  std::string patch = {};   // class that means a pasted patch; empty: none
  bool skip_unfit = false;  // explainers that cannot do a network say so in Judgement::error (-x all)
  std::uint64_t seed = 1;
  std::size_t budget_bytes = std::size_t{1} << 30;
};

/// What the measures say of one explanation.
struct Judgement {
  std::string label, classifier, explainer;  // explainer: with its settings
  double probability = 0;                    // of the label
  int top1 = 0;
  double seconds = 0;             // to explain, with the plain forward pass
  bool empty = false;             // the map says nothing
  std::vector<Verdict> verdicts;  // one per measure; NaN where one does not apply
  std::string error = {};         // of an explainer that cannot do this network: it says nothing then
};

/// {"label", "classifier", "explainer", "probability", "top1", "seconds", "empty", "error", "measures":
/// {NAME:
/// {"value", PART..., "x", "y"}}}, and back. NAME is the measure with its settings.
JsonObject to_json(const Judgement& judgement, const std::vector<MeasureChoice>& measures);
Judgement judgement_of(const JsonObject& json, const std::vector<MeasureChoice>& measures);

class MeasureRun {
 public:
  /// `needed` lists the classes of `data` that occur. `shuffled`: empty, or one network for each classifier.
  /// Throws Error if a classifier has nothing for a class that occurs, if two have one name, two explainers
  /// the same settings, or if nothing is asked.
  MeasureRun(std::vector<std::unique_ptr<Classifier>> classifiers,
             std::vector<std::unique_ptr<Classifier>> shuffled, MeasureRunOptions options,
             const std::vector<std::string>& class_names, const std::vector<int>& needed);

  /// Every label of the picture, classifier and explainer, in this order. truth int32 [H, W] of the picture's
  /// size, or undefined. A measure that looks at something that is not there says NaN.
  std::vector<Judgement> judge(const Item& item, const Tensor& picture, const Tensor& truth, int ignore);

  const MeasureRunOptions& options() const { return options_; }
  /// All that results depend on besides pictures and masks: a second run must have the same to go on.
  JsonObject settings() const;

 private:
  struct Member;
  Member explain_member(const Item& item, const Tensor& picture, int label, std::size_t k) const;
  void judge_explanation(Subject& subject, std::size_t explainer, const Explanations& said,
                         Judgement& judgement) const;
  void judge_member(const Member& member, const Evidence& evidence, std::vector<Judgement>& found) const;

  std::vector<std::unique_ptr<Classifier>> classifiers_, shuffled_;
  MeasureRunOptions options_;
  std::vector<std::string> class_names_;
  std::vector<std::vector<std::vector<int>>> targets_;  // [classifier][class of the data set]
  std::vector<std::vector<int>> patches_;               // [classifier]
};

/// Mean and standard error (deviation / sqrt(n), with n - 1; NaN for one number) of `n` numbers that are
/// not NaN.
struct MeanOf {
  double mean = 0, error = 0;
  std::int64_t n = 0;
};
MeanOf mean_of(const std::vector<double>& values);
/// Mean over classes of the means of their values; its error from those of the classes.
MeanOf mean_over_classes(const std::map<std::string, std::vector<double>>& by_class);

/// One classifier with one explainer over all pictures.
struct MeasuredMember {
  std::string classifier, explainer;
  MeanOf seconds;
  std::int64_t empty = 0;                             // maps that say nothing
  std::vector<MeanOf> measures;                       // in the order of the measures
  std::vector<std::vector<double>> curve_x, curve_y;  // mean curve of each measure; empty if it has none
};
/// In the order in which members come first.
std::vector<MeasuredMember> summarise(const std::vector<Judgement>& judgements,
                                      const std::vector<MeasureChoice>& measures);
/// {"classifier", "explainer", "seconds", "empty", "error", "measures": {NAME: {"mean", "error", "n"}}}
JsonObject to_json(const MeasuredMember& row, const std::vector<MeasureChoice>& measures);

}  // namespace clearcut
