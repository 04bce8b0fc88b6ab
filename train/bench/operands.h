// Operands of one convolution, and calling one kernel on them.
#pragma once

#include "tensor/cuda_variants.h"
#include "train/bench/layers.h"

namespace clearcut {

/// x, w and y (dy of the gradients) filled with normal numbers; a direction overwrites the one it computes.
struct ConvOperands {
  Tensor x, w, y;
  ConvOptions options;

  ConvOperands(const LayerShape& shape, std::uint64_t seed, Device device = Device::kCpu);
  conv::Layer layer() const;
  /// Computes y, dx or dw into y, x or w; `form`: the weights as kernel.prepare() made them, or null.
  void run(const conv::Kernel& kernel, conv::Direction direction,
           const PreparedWeights::Form* form = nullptr) const;
  const Tensor& result(conv::Direction direction) const;
  /// What run() should compute: plain sums in double.
  Tensor reference(conv::Direction direction) const;
};

/// Operands of a batch of products c = a b; a form "TN", "NT" or "TT" stores a, b or both turned.
struct ProductOperands {
  Tensor a, b, c;
  bool turn_a, turn_b;

  ProductOperands(const ProductShape& shape, std::int64_t batch, std::uint64_t seed, Device device);
  cuda::Product product() const;
};

}  // namespace clearcut
