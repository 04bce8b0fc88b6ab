// Operands of one convolution, and calling one kernel on them.
#pragma once

#include "tensor/cpu/conv/kernel.h"
#include "train/bench/layers.h"

namespace clearcut {

/// x, w and y (dy of the gradients) filled with normal numbers; a direction overwrites the one it computes.
struct ConvOperands {
  Tensor x, w, y;
  ConvOptions options;

  ConvOperands(const LayerShape& shape, std::uint64_t seed);
  conv::Layer layer() const;
  /// Computes y, dx or dw into y, x or w; `form`: the weights as kernel.prepare() made them, or null.
  void run(const conv::Kernel& kernel, conv::Direction direction,
           const PreparedWeights::Form* form = nullptr) const;
  const Tensor& result(conv::Direction direction) const;
};

}  // namespace clearcut
