#include "explain/refine.h"

#include <algorithm>

#include "explain/grab_cut.h"

namespace clearcut {

namespace {

// Half of the way at fg, on two straight pieces, and back.
double likelihood(double s, double fg) {
  if (s < fg) return s / (2 * fg);
  return fg < 1 ? 0.5 + (s - fg) / (2 * (1 - fg)) : 0.5;
}
double strength_of(double p, double fg) { return p < 0.5 ? 2 * fg * p : fg + (1 - fg) * (2 * p - 1); }

bool is_empty(const Tensor& strength) {
  const float* s = strength.data<const float>();
  return std::all_of(s, s + strength.numel(), [](float v) { return v == 0; });
}

// Background first, then the classes: [1 + classes, H, W], each pixel's sum 1.
Tensor probabilities(const std::vector<ClassStrength>& classes, double fg) {
  const Shape size = classes[0].strength.shape();
  const std::int64_t n = size.numel();
  Tensor p({static_cast<std::int64_t>(classes.size()) + 1, size[0], size[1]});
  float* to = p.data<float>();
  for (std::int64_t i = 0; i < n; ++i) {
    double most = 0, sum = 0;
    for (const ClassStrength& c : classes) {
      const double value = likelihood(c.strength.data<const float>()[i], fg);
      most = std::max(most, value);
      sum += value;
    }
    sum += 1 - most;
    to[i] = static_cast<float>((1 - most) / sum);
    for (std::size_t k = 0; k < classes.size(); ++k)
      to[(static_cast<std::int64_t>(k) + 1) * n + i] =
          static_cast<float>(likelihood(classes[k].strength.data<const float>()[i], fg) / sum);
  }
  return p;
}

void refine_by_crf(const Tensor& picture, std::vector<ClassStrength>& classes, double fg,
                   const std::string& preset) {
  const Tensor q = dense_crf(probabilities(classes, fg), picture, crf_preset(preset));
  const float* background = q.data<const float>();
  for (std::size_t k = 0; k < classes.size(); ++k) {
    Tensor refined(classes[k].strength.shape());
    float* to = refined.data<float>();
    const std::int64_t n = refined.numel();
    const float* of_class = background + (static_cast<std::int64_t>(k) + 1) * n;
    for (std::int64_t i = 0; i < n; ++i) {
      const double both = static_cast<double>(of_class[i]) + background[i];
      to[i] = static_cast<float>(both > 0 ? strength_of(of_class[i] / both, fg) : 0);
    }
    if (!is_empty(classes[k].strength)) classes[k].strength = refined;
  }
}

void refine_by_grab_cut(const Tensor& picture, std::vector<ClassStrength>& classes, double fg) {
  for (ClassStrength& c : classes) {
    if (is_empty(c.strength)) continue;
    const std::int64_t n = c.strength.numel();
    const float* s = c.strength.data<const float>();
    Tensor hints(c.strength.shape(), DType::kInt32), refined(c.strength.shape());
    std::int32_t* hint = hints.data<std::int32_t>();
    for (std::int64_t i = 0; i < n; ++i) {
      const double p = likelihood(s[i], fg);
      hint[i] = static_cast<std::int32_t>(p >= 0.75  ? Hint::kObject
                                          : p >= 0.5 ? Hint::kMaybeObject
                                          : p < 0.25 ? Hint::kBackground
                                                     : Hint::kMaybeBackground);
    }
    const Tensor mask = grab_cut(picture, hints);
    const std::uint8_t* object = mask.data<const std::uint8_t>();
    float* to = refined.data<float>();
    for (std::int64_t i = 0; i < n; ++i) to[i] = object[i] ? static_cast<float>(fg + (1 - fg) * s[i]) : 0.0F;
    c.strength = refined;
  }
}

}  // namespace

Refinement parse_refinement(const std::string& text) {
  if (text == "none") return {};
  if (text == "grabcut") return {.refiner = Refiner::kGrabCut};
  if (text.starts_with("crf:")) {
    const std::string preset = text.substr(4);
    crf_preset(preset);
    return {.refiner = Refiner::kCrf, .preset = preset};
  }
  fail("refine", "there are ", refinement_names(), "; got '", text, "'");
}

std::string refinement_names() {
  std::string known = "none, grabcut";
  for (const std::string& name : crf_preset_names()) known += ", crf:" + name;
  return known;
}

std::string describe(const Refinement& refinement) {
  if (refinement.refiner == Refiner::kNone) return "none";
  return refinement.refiner == Refiner::kGrabCut ? "grabcut" : "crf:" + refinement.preset;
}

std::vector<ClassStrength> refined(const Tensor& picture, std::vector<ClassStrength> classes,
                                   const LabelRule& rule, const Refinement& refinement) {
  if (classes.empty() || refinement.refiner == Refiner::kNone) return classes;
  if (refinement.refiner == Refiner::kCrf)
    refine_by_crf(picture, classes, rule.fg, refinement.preset);
  else
    refine_by_grab_cut(picture, classes, rule.fg);
  return classes;
}

}  // namespace clearcut
