// From consensus maps to pseudo labels: the parametrised rule of spec 2.4.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut {

/// How strong a pixel of a consensus map E is, in [0, 1]. The ten levels of the 2021 label set are
/// L = min(9, floor(10 * strength)), so "level t and above" is strength >= t / 10.
enum class Measure : std::uint8_t {
  kRank,   ///< share of the pixels with smaller E: strength >= 0.9 keeps the top tenth
  kValue,  ///< E min-max scaled over the picture
  kMax,    ///< E / max E
  kVotes,  ///< share of the members that vote for the pixel
};

/// foreground = {strength >= fg}, background = {strength < bg}, ignored in between (none if bg = fg).
struct LabelRule {
  Measure measure = Measure::kRank;
  double fg = 0.9;
  double bg = 0.9;
  bool snap = false;  // first replace E by its mean on each superpixel
};
/// "rank:0.9", "value:0.5", "max:0.3:0.1" (fg 0.3, bg 0.1), "votes:0.5", "level:9" (= rank:0.9), "share:0.2"
/// (the top fifth, = rank:0.8). Throws Error for other words and for thresholds outside [0, 1] or bg > fg.
LabelRule parse_rule(const std::string& text);
std::string describe(const LabelRule& rule);
Measure measure_from_name(const std::string& name);
std::string name_of(Measure measure);

/// Strength of each pixel, float32 [H, W]. E float32 [H, W]; for kVotes it holds the votes. A constant map
/// gives zeros.
Tensor strength(const Tensor& E, Measure measure);

/// Label values.
struct LabelSpace {
  int background = 0;
  int ignore = 255;
};

/// One class of a picture and the strength of its pixels.
struct ClassStrength {
  int label = 0;
  Tensor strength;  // float32 [H, W]
};

/// int32 [H, W]: the class of largest strength if that is >= fg, ignore if the largest strength is shared by
/// several classes there, background below bg, ignore between. All strengths have one size.
Tensor make_label(const std::vector<ClassStrength>& classes, const LabelRule& rule, const LabelSpace& space);

/// Ten levels int32 [H, W] of one class: 9 where the label is the class, else min(8, floor(10 strength)).
/// Under a rule of threshold 0.9 these are the levels of the 2021 label set.
Tensor pssl_levels(const Tensor& label, const ClassStrength& object);

/// How sure members are of each pixel's label, float32 [H, W] in [0, 1]: the share of them that votes for its
/// class; on background the share that votes for none of the classes, 1 - the largest of them; 0 where it is
/// ignored. label int32 [H, W]; votes[i] float32 [H, W] belong to classes[i].label. Our choice: the published
/// labels carry no weights.
Tensor pixel_weights(const Tensor& label, const std::vector<ClassStrength>& votes, const LabelSpace& space);

/// Share of the pixels that are neither background nor ignored, and of the ignored ones.
struct LabelShares {
  double foreground = 0, ignored = 0;
};
LabelShares label_shares(const Tensor& label, const LabelSpace& space);

}  // namespace clearcut
