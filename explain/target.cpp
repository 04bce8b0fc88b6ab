#include "explain/target.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace clearcut {

namespace {

// log of the sum of exp(z_c) over [0, C).
double log_sum_exp(const float* z, std::int64_t C) {
  const double top = *std::max_element(z, z + C);
  double sum = 0;
  for (std::int64_t c = 0; c < C; ++c) sum += std::exp(z[c] - top);
  return top + std::log(sum);
}

double group_log_sum_exp(const float* z, const Target& target) {
  std::vector<float> group;
  for (const int c : target.classes) group.push_back(z[c]);
  return log_sum_exp(group.data(), static_cast<std::int64_t>(group.size()));
}

}  // namespace

void check_target(const Target& target, std::int64_t classes) {
  check(!target.classes.empty(), "target", "a target needs at least one class");
  std::set<int> seen;
  for (const int c : target.classes) {
    check(c >= 0 && c < classes, "target", "class ", c, " is outside [0, ", classes,
          ") of the classifier's classes");
    check(seen.insert(c).second, "target", "class ", c, " stands twice in one target");
  }
}

double target_probability(const float* z, std::int64_t C, const Target& target) {
  return std::exp(group_log_sum_exp(z, target) - log_sum_exp(z, C));
}

double target_score(const float* z, std::int64_t C, const Target& target) {
  return target.probability ? target_probability(z, C, target) : group_log_sum_exp(z, target);
}

std::vector<double> group_weights(const float* z, const Target& target) {
  const double all = group_log_sum_exp(z, target);
  std::vector<double> weights;
  for (const int c : target.classes) weights.push_back(std::exp(z[c] - all));
  return weights;
}

void target_gradient(const float* z, std::int64_t C, const Target& target, float* dz) {
  std::fill(dz, dz + C, 0.0F);
  if (!target.probability) {
    const std::vector<double> weights = group_weights(z, target);
    for (std::size_t i = 0; i < weights.size(); ++i) dz[target.classes[i]] = static_cast<float>(weights[i]);
    return;
  }
  const double all = log_sum_exp(z, C), s = target_probability(z, C, target);
  // 1 - s from the other classes: for a sure classifier, 1 minus a rounded s would be 0.
  std::vector<char> inside(static_cast<std::size_t>(C));
  for (const int c : target.classes) inside[static_cast<std::size_t>(c)] = 1;
  double others = 0;
  for (std::int64_t c = 0; c < C; ++c)
    if (!inside[static_cast<std::size_t>(c)]) others += std::exp(z[c] - all);
  for (std::int64_t c = 0; c < C; ++c)
    dz[c] = static_cast<float>(std::exp(z[c] - all) * (inside[static_cast<std::size_t>(c)] ? others : -s));
}

}  // namespace clearcut
