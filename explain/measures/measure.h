// Measures: how good an explanation is, by the word of the classifier, of a true mask, or of the explainer
// itself when it is asked again. The table of them is in explain/measures/measure_table.h.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "explain/explainer.h"
#include "explain/passes.h"

namespace clearcut {

/// What is known of a subject besides the picture, the target and the classifier.
struct Evidence {
  Tensor inside = {};     // uint8 [h, w] over the picture: 1 on the object, 0 off, 255 does not count
  Tensor consensus = {};  // float32 [h, w] over the picture: see Consensus::mean()
  Classifier* shuffled = nullptr;    // of the same input, trained on shuffled labels
  std::optional<Target> patch = {};  // the class of pictures with a pasted patch
};

/// One picture, target and classifier. Explanations of all explainers are judged on the same one, and what
/// does not depend on the explainer is worked out once.
class Subject {
 public:
  /// `input` holds one picture; `frame` is what its x shows. Throws Error for another number of pictures.
  Subject(Classifier& classifier, ExplainInput input, Frame frame, Evidence evidence = {});

  Classifier& classifier() const { return passes_.classifier(); }
  const ExplainInput& input() const { return input_; }
  Tensor x() const { return input_.x[0]; }  // float32 [3, H, W]
  const Target& target() const { return input_.targets[0]; }
  std::uint64_t item() const { return input_.items[0]; }
  std::uint64_t seed() const { return input_.seed; }
  std::int64_t height() const { return input_.x.dim(2); }
  std::int64_t width() const { return input_.x.dim(3); }
  const Frame& frame() const { return frame_; }
  Evidence evidence;

  /// The target's score for `count` inputs that exist only while they run; fill(r, slot) writes input r into
  /// slot [3, H, W], on several threads. The bits do not depend on batch, budget or threads. The target's
  /// probability, or log-sum-exp of its logits.
  std::vector<double> scores(std::int64_t count,
                             const std::function<void(std::int64_t r, const Tensor& slot)>& fill,
                             bool probability);
  /// Of the picture itself.
  double score(bool probability);
  double probability() { return score(true); }

  /// What make() returned when `name` was asked for the first time.
  const std::vector<double>& kept(const std::string& name, const std::function<std::vector<double>()>& make);

  /// `value` of each channel in 0..255 as the network's input has it, [3].
  std::vector<float> colour(std::array<std::uint8_t, 3> rgb) const;

 private:
  ExplainInput input_;
  Frame frame_;
  Passes passes_;
  std::map<std::string, std::vector<double>> kept_;
};

/// A number or a curve that a measure found.
struct Verdict {
  double value = 0;                                        // NaN: the measure has nothing to say here
  std::vector<std::pair<std::string, double>> parts = {};  // what it is made of
  std::vector<double> x = {}, y = {};                      // its curve, if it has one: x from 0 to 1
};

/// One explanation of a subject.
class Trial {
 public:
  /// `said` holds one picture. Neither argument is copied.
  Trial(Subject& subject, const ExplainOptions& explainer, const Explanation& said);

  Subject& subject() const { return subject_; }
  const ExplainOptions& explainer() const { return explainer_; }
  const Explanation& said() const { return said_; }

  /// The map at the input's resolution, float32 [H, W]: bilinear, half-pixel centres.
  const Tensor& map() const { return map_; }
  /// Min-max scaled to [0, 1]; zeros where the map is constant.
  const Tensor& unit_map();
  /// Over the picture, float32 [h, w].
  const Tensor& picture_map();
  /// Superpixels of an explanation that has coefficients, int32 [H, W]: the input's, or those that the
  /// explainer's settings make of the picture.
  const Tensor& segments();
  /// With reduction=signed and relu=0, where the explainer has these: explains once more if it was not so.
  const Tensor& signed_map();
  /// The same in its own resolution, [h, w].
  const Tensor& signed_native();

  /// What the same explainer says with the same seed of other pictures x [N, 3, H, W], each under the
  /// subject's item id, in its own resolution: [N, h, w].
  Tensor explain_again(Classifier& classifier, const Tensor& x, const Target& target) const;
  Tensor explain_again(const Tensor& x) const {
    return explain_again(subject_.classifier(), x, subject_.target());
  }

  /// What make() returned when `name` was asked for the first time.
  const Verdict& kept(const std::string& name, const std::function<Verdict()>& make);

 private:
  Subject& subject_;
  const ExplainOptions& explainer_;
  const Explanation& said_;
  Tensor map_, unit_, picture_, signed_, signed_native_, segments_;
  std::map<std::string, Verdict> kept_;
};

/// A map [h, w] over the whole input at the input's resolution [H, W].
Tensor map_over_input(const Tensor& map, std::int64_t height, std::int64_t width);

/// (v - min) / (max - min); zeros where the map is constant.
Tensor unit_scaled(const Tensor& map);

/// Settings of a measure by name: all are numbers.
using MeasureSettings = std::map<std::string, double>;
using Judge = Verdict(Trial& trial, const MeasureSettings& settings);

}  // namespace clearcut
