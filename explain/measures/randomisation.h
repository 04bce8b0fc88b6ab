// Sanity checks: a map that stays when what the network learned is gone does not show what it learned. Rows:
// randomisation_measures().
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/classifier.h"

namespace clearcut {

/// Modules of a network that own parameters, from its top (the logits) down to its bottom.
std::vector<std::string> modules_from_the_top(const Registry& registry);

/// Draws the parameters of the named modules anew while it lives, then puts the old ones back. Each tensor's
/// numbers are normal with the mean and deviation that it had, from RandomStream(seed, "randomise",
/// hash_name(parameter)): the same network for every picture. Running statistics of batch norms stay.
class RandomParameters {
 public:
  RandomParameters(Registry& registry, const std::vector<std::string>& modules, std::uint64_t seed);
  ~RandomParameters();
  RandomParameters(const RandomParameters&) = delete;
  RandomParameters& operator=(const RandomParameters&) = delete;

 private:
  std::vector<std::pair<Param*, Tensor>> before_;
};

}  // namespace clearcut
