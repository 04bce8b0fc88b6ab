// Which operator made the first number that is not finite.
#pragma once

#include <string>

#include "train/loop.h"

namespace clearcut {

struct NotFinite {
  std::string op;            // "conv2d"; empty if the step can be repeated without meeting such a number
  std::string module;        // path of the module that ran it; "" if none put its value out
  std::string value;         // what is not finite: a name of the state, "output", "gradient of input 1"
  bool in_backward = false;  // in the gradient of op
  std::string file;          // what went into op and what came out: safetensors
  /// "conv2d in layer1.0.conv1: output is the first that is not finite; what went in and came out is in
  /// FILE".
  std::string text() const;
};

/// Repeats loss and gradients of one batch, with every value kept, and looks for the first operator whose
/// result is not finite while its inputs are; or for the parameter or input that is not finite before any
/// operator ran. Writes inputs and result to FOLDER/step_N.safetensors, with operator, module, pass and
/// pictures as metadata. Needs memory for all values of a step at once.
/// Of several ranks each repeats its own part by itself, with batch norm over that part alone: no rank waits
/// for another. A number that only sums over all ranks make infinite is then found nowhere.
NotFinite find_not_finite(TrainTask& task, const Batch& batch, const std::string& folder, std::int64_t step);

}  // namespace clearcut
