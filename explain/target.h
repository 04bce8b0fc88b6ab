// Scores of targets and their gradients with respect to the logits.
#pragma once

#include <cstdint>
#include <vector>

#include "explain/explainer.h"

namespace clearcut {

/// Throws Error unless the target names at least one class, each once and in [0, classes).
void check_target(const Target& target, std::int64_t classes);

/// s of one row of logits z [C]; see Target. Sums in double.
double target_score(const float* z, std::int64_t C, const Target& target);

/// ds/dz of one row into dz [C], the other entries 0:
///   log-sum-exp   softmax of z within the group
///   probability   p_c (1[c in group] - s)
void target_gradient(const float* z, std::int64_t C, const Target& target, float* dz);

/// softmax of the logits within the group, in the order of target.classes.
std::vector<double> group_weights(const float* z, const Target& target);

/// Sum of p over the group, whatever score the target asks for.
double target_probability(const float* z, std::int64_t C, const Target& target);

}  // namespace clearcut
