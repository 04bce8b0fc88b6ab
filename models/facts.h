// What one forward pass of a network costs and which layers it runs through.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nn/module.h"

namespace clearcut {

struct ModelFacts {
  std::int64_t parameters = 0;     // trainable numbers; running statistics do not count
  std::int64_t multiply_adds = 0;  // of convolutions and matrix products; see tensor/work.h
  std::vector<std::pair<std::string, Shape>> layers;  // paths that taps take, and their outputs, as they ran
};

/// Runs `forward` once in evaluation, without a tape, on zeros of shape input [N, 3, H, W]. The model's mode
/// and values stay as they are. Cost: that forward pass.
ModelFacts facts_of(Registry& registry, const Shape& input, const std::function<void(const Var& x)>& forward);

}  // namespace clearcut
