// From the tree of a pickle to a list of named tensors.
#pragma once

#include <functional>
#include <string>

#include "models/weights/pickle.h"
#include "nn/module.h"

namespace clearcut {

/// What became of a pickle.
struct CollectedWeights {
  StateDict tensors;                // dictionaries inside dictionaries joined by dots
  std::vector<std::string> inside;  // keys that led to the dictionary of weights: {"state_dict"}
  std::vector<std::string> others;  // names of values that are no tensors: left out
};

/// The tensor that a value stands for, or an undefined one if it is none. May throw.
using TensorOf = std::function<Tensor(const PickleValue& value)>;

/// The weights below `root`, a dictionary. Where it has a dictionary "state_dict", "model_state_dict",
/// "model_state", "model", "net", "params" or "weights" (the first of them), that one is taken instead, and
/// so on. "module." in front of all names (torch's DataParallel) is dropped. Throws Error "weights: where:
/// ..." if there is no tensor, a name comes twice or has more than 1000 characters, dictionaries nest more
/// than 16 deep or have more than 100,000 entries, or all tensors together take more than max_bytes (shared
/// ones count each time).
CollectedWeights collect_weights(const Pickle& pickle, const TensorOf& tensor_of, std::size_t max_bytes,
                                 const std::string& where);

}  // namespace clearcut
