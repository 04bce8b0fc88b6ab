// Copies of pictures with noise.
#pragma once

#include <vector>

#include "explain/explainer.h"

namespace clearcut {

/// Copy i of picture k is x_k + e,  e ~ N(0, (noise (max x_k - min x_k))^2), or N(0, deviation^2) where a
/// deviation is given, from RandomStream(seed, purpose, items[k], i). The input must outlive it. Slots lie on
/// `device`; each device draws the same bits. Throws Error if noise < 0.
class NoisyCopies {
 public:
  NoisyCopies(const ExplainInput& input, Device device, double noise, const char* purpose,
              double deviation = 0);
  void write(std::int64_t k, std::int64_t i, const Tensor& slot) const;

 private:
  const ExplainInput& input_;
  Tensor x_;  // the pictures on the device
  const char* purpose_;
  std::vector<double> deviation_;
};

}  // namespace clearcut
