// What is the same and what is not in two lists of weights.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace clearcut {

struct KeyProblem {
  std::string name;
  Shape wanted, given;     // the one that there is; both for misshaped names
  std::string suggestion;  // a name that only the other side has and that may be the same; or ""
};

struct StateDiff {
  std::vector<KeyProblem> missing;     // wanted, not given
  std::vector<KeyProblem> unexpected;  // given, not wanted
  std::vector<KeyProblem> misshaped;
  std::int64_t equal = 0, changed = 0;  // tensors that fit: with the same numbers, with others

  bool fits() const { return missing.empty() && unexpected.empty() && misshaped.empty(); }
  /// One line per problem, and a last line with the counts.
  std::string text() const;
};

/// Suggestions are names with the fewest edits of the other side's, among those of the same shape, unless all
/// are far off.
StateDiff compare_states(const StateDict& wanted, const StateDict& given);

}  // namespace clearcut
