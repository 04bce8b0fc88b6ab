// One picture's maps side by side.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace clearcut::apps {

/// A map of one explainer of one model.
struct ExplainedMap {
  std::string model, settings;  // settings as describe() writes them
  Tensor map = {};              // float32 [H, W] over the picture; undefined: there is none
  bool empty = false;           // constant or not finite
  std::string error = {};       // why there is none
};

/// The mean of the maps, each scaled from 0 to 1 by its magnitude; constant maps and randomcam do not count.
/// Undefined if none does.
Tensor consensus_of(const std::vector<ExplainedMap>& maps);

/// uint8 [h, w, 3]: the picture, its superpixels, every map with its settings and the values of its two ends
/// (each map is scaled for itself; constant ones are gray and say so), and the consensus.
/// picture uint8 [H, W, 3], superpixels int32 [H, W].
Tensor explain_sheet(const Tensor& picture, const Tensor& superpixels, const std::string& title,
                     const std::vector<ExplainedMap>& maps);

/// The picture with the borders of its superpixels in yellow.
Tensor bordered(const Tensor& picture, const Tensor& superpixels);

}  // namespace clearcut::apps
