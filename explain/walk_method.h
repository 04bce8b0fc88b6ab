// What explainers by walks have in common: passes over batches, and maps from what arrives at the picture.
#pragma once

#include "explain/methods.h"
#include "explain/walk.h"

namespace clearcut {

/// What arrived at the pictures of one batch: use(n, values [3, H, W]) for picture n.
using Arrivals = std::function<void(std::int64_t n, const float* values)>;

/// One walk per picture, in batches that fit the budget.
struct WalkJob {
  std::string name;
  /// What starts at the logits z of the batch: [B, C].
  std::function<Tensor(const Tensor& z, std::int64_t first)> start;
  /// The rules for one pass; they may look at its calls.
  std::function<RuleSet(const OpenPass& pass)> rules;
};
void walk_pictures(Passes& passes, const ExplainInput& input, const WalkJob& job, const Arrivals& use);

/// ds/dz of the pictures from `first` on, by their targets.
Tensor score_gradients(const Tensor& z, const ExplainInput& input, std::int64_t first);

/// `input` with logits as scores, whatever its targets say.
ExplainInput of_logits(const ExplainInput& input);

}  // namespace clearcut
