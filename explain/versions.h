// Scores of many disturbed versions of each picture: the loop of every explainer that only looks.
#pragma once

#include <functional>
#include <vector>

#include "explain/passes.h"

namespace clearcut {

/// Versions first[n] .. first[n] + count[n] - 1 of each picture n of the input.
struct Versions {
  std::vector<std::int64_t> count = {};
  std::vector<std::int64_t> first = {};  // empty: all 0
  /// Writes version i of picture n into the slot [3, H, W]. Called for several at once, on several threads;
  /// what it writes must depend on n and i only.
  std::function<void(std::int64_t n, std::int64_t i, const Tensor& slot)> fill = {};
  bool on_device = false;  // slots lie there; see InputRows
  /// Gets the score of the target of picture n, for one version after another: picture by picture, i
  /// rising.
  std::function<void(std::int64_t n, std::int64_t i, double score)> use = {};
};

/// Versions exist only while they run, in batches that go across pictures; see Passes.
void score_versions(Passes& passes, const ExplainInput& input, const Versions& versions);

/// An empty map [N, H, W] of the pictures, float32 zeros.
Tensor empty_maps(const ExplainInput& input);

}  // namespace clearcut
