// Refinement: the borders of consensus maps move to those of the picture.
#pragma once

#include <string>
#include <vector>

#include "explain/dense_crf.h"
#include "explain/pssl.h"

namespace clearcut {

enum class Refiner : std::uint8_t { kNone, kCrf, kGrabCut };

struct Refinement {
  Refiner refiner = Refiner::kNone;
  std::string preset = {};  // kCrf: of crf_preset()
};
/// "none", "crf:rrm" and the other presets, "grabcut". Throws Error that lists them.
Refinement parse_refinement(const std::string& text);
std::string describe(const Refinement& refinement);
std::string refinement_names();  // "none, grabcut, crf:rrm, ..."

/// New strengths of a picture's classes, for the thresholds of the same rule.
///
/// Where the strength s of a class is the rule's `fg`, object and background count as equally likely:
///
///   p = s / (2 fg) below fg,   1/2 + (s - fg) / (2 (1 - fg)) above;    background 1 - max p
///
/// kCrf      p of all classes and the background, scaled to sum 1, go through dense_crf(); r = q / (q + q of
///           the background) goes back to a strength by the inverse of the line above: s >= fg where a class
///           is likelier than the background
/// kGrabCut  each class by itself: object for sure where p >= 3/4, background for sure where p < 1/4, in
///           between the likelier one as a hint. On the object the strength is fg + (1 - fg) s, else 0
///
/// picture uint8 [H, W, 3] RGB of the size of the strengths. A class that is 0 everywhere stays so.
/// Sources: see explain/dense_crf.h and explain/grab_cut.h; how a map becomes probabilities is our choice.
std::vector<ClassStrength> refined(const Tensor& picture, std::vector<ClassStrength> classes,
                                   const LabelRule& rule, const Refinement& refinement);

}  // namespace clearcut
