#include "explain/explainer.h"

#include <algorithm>
#include <cmath>

#include "explain/cam_rules.h"
#include "explain/explainer_table.h"
#include "explain/target.h"
#include "explain/views.h"

namespace clearcut {

namespace {

void check_input(const Classifier& classifier, const ExplainInput& input) {
  check_rank("explain", "x", input.x, 4, "[N, 3, H, W]");
  const Tensor& x = input.x;
  check(x.dtype() == DType::kFloat32 && x.dim(1) == 3 && x.numel() > 0, "explain",
        "x must be float32 [N, 3, H, W] and not empty; got ", x.dtype(), " ", x.shape());
  check(x.device() != Device::kCuda, "explain",
        "x must be in host memory: each explainer moves what it needs");
  const auto N = static_cast<std::size_t>(x.dim(0));
  check(input.targets.size() == N && input.items.size() == N, "explain", "x holds ", N, " pictures; got ",
        input.targets.size(), " targets and ", input.items.size(), " items");
  for (const Target& target : input.targets) check_target(target, classifier.classes());
  check(input.segments.empty() || input.segments.size() == N, "explain", "x holds ", N, " pictures; got ",
        input.segments.size(), " label maps of superpixels");
  for (const Tensor& segments : input.segments)
    check(segments.defined() && segments.shape() == Shape({x.dim(2), x.dim(3)}), "explain",
          "superpixels must be int32 [", x.dim(2), ", ", x.dim(3), "]; got ",
          segments.defined() ? segments.shape() : Shape{});
}

// A map that says nothing becomes zeros.
void flag_empty(Explanation& e) {
  const std::int64_t N = e.maps.dim(0), n = e.maps.numel() / N;
  float* p = e.maps.data<float>();
  for (std::int64_t k = 0; k < N; ++k) {
    const auto [low, high] = std::minmax_element(p + k * n, p + (k + 1) * n);
    const bool finite = std::all_of(p + k * n, p + (k + 1) * n, [](float v) { return std::isfinite(v); });
    e.empty.push_back(!finite || *low == *high);
    if (e.empty.back()) std::fill(p + k * n, p + (k + 1) * n, 0.0F);
  }
}

// The input with the score that an explainer asks for.
ExplainInput scored(const ExplainInput& input, const ExplainOptions& options) {
  ExplainInput result = input;
  for (Target& target : result.targets) target.probability = explains_probability(options, target);
  return result;
}

bool needs_gradient(const ExplainOptions& o) {
  const CamRule* rule = cam_rule(o.explainer);
  return rule != nullptr && rule->gradient;
}

// One pass serves what needs no gradient, and every rule with the score of the first that does; another one
// those with the other score.
void plain_passes(Passes& passes, const ExplainInput& input, const std::vector<ExplainOptions>& options,
                  Explanations& result) {
  std::vector<std::string> scores;
  for (const ExplainOptions& o : options)
    if (needs_gradient(o) && std::find(scores.begin(), scores.end(), o.score) == scores.end())
      scores.push_back(o.score);
  if (scores.empty()) scores.emplace_back();
  for (std::size_t round = 0; round < scores.size(); ++round) {
    std::vector<ExplainOptions> now = options;
    for (ExplainOptions& o : now)
      if (needs_gradient(o) ? o.score != scores[round] : round > 0) o.explainer.clear();
    plain_pass(passes, scored(input, {.score = scores[round]}), now, result);
  }
}

}  // namespace

Explanations explain_all(Classifier& classifier, const ExplainInput& input,
                         const std::vector<ExplainOptions>& options) {
  check_input(classifier, input);
  Passes passes(classifier, input.budget_bytes);
  const auto N = static_cast<std::size_t>(input.x.dim(0));
  Explanations result{.by_explainer = std::vector<Explanation>(options.size()),
                      .probability = std::vector<double>(N),
                      .top1 = std::vector<int>(N)};
  std::vector<ExplainOptions> once = options;
  for (ExplainOptions& o : once)
    if (has_views(o)) o.explainer.clear();
  plain_passes(passes, input, once, result);
  for (std::size_t i = 0; i < options.size(); ++i) {
    const ExplainerRow& row = explainer_row(options[i].explainer);
    if (has_views(options[i]))
      result.by_explainer[i] = explain_views(classifier, input, options[i]);
    else if (row.run != nullptr)
      result.by_explainer[i] = row.run(passes, scored(input, options[i]), options[i]);
    flag_empty(result.by_explainer[i]);
  }
  return result;
}

Tensor explain(Classifier& classifier, const ExplainInput& input, const ExplainOptions& options) {
  return explain_all(classifier, input, {options}).by_explainer[0].maps;
}

}  // namespace clearcut
