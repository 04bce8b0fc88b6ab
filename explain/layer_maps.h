// Maps of explainers that speak of the values of one layer.
#pragma once

#include <string>
#include <vector>

#include "explain/passes.h"

namespace clearcut {

/// Sums over the channels of a layer's feature maps.
class LayerMaps {
 public:
  /// The layer: options.layer, or the classifier's last feature map; see tap_pass.h. options.relu: negative
  /// sums become 0.
  LayerMaps(const Classifier& classifier, const ExplainInput& input, const ExplainOptions& options);

  const std::string& path() const { return path_; }
  /// Values [K, h, w] of picture n, float32 or float64, on any device; added up in double. Throws Error
  /// unless they are of rank 3.
  void write(std::int64_t n, const Tensor& values);
  Explanation take() { return {.maps = maps_}; }

 private:
  std::string path_;
  std::int64_t margin_;
  std::string name_;
  bool relu_;
  std::int64_t pictures_;
  Tensor maps_;
};

}  // namespace clearcut
