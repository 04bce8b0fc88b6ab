#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>

#include "autograd/after.h"
#include "autograd/batch_norm.h"
#include "tensor/ops/conv2d.h"
#include "tensor/ops/fold_batch_norm.h"

namespace clearcut {

/// A convolution and the batch norm behind it, in evaluation.
struct ConvAndNorm {
  const Var &w, &conv_bias;  // the bias may be undefined
  const ConvOptions& options;
  const Var &weight, &bias;
  const RunningStatistics& running;
  double eps;
};

/// batch_norm(conv(x)) as one convolution, with weights that are worked out when they are first needed and
/// again after any of their sources was written or replaced.
class FoldedConv {
 public:
  /// True if the two may become one: nothing that would be folded wants a gradient now, and the operators do
  /// not run on the reference device, where each formula stands alone.
  static bool possible(const Var& x, const ConvAndNorm& layers);

  /// after(batch_norm(conv2d(x))), to about 1e-6 of the largest value; gradients go to x and the residual.
  Var operator()(const Var& x, const ConvAndNorm& layers, const After& after);
  /// Frees the weights.
  void clear();

 private:
  // One tensor that the weights were made of, as it was then.
  struct Source {
    Tensor value;
    std::uint64_t version;
  };
  struct Made {
    ops::FoldedWeights weights;
    std::array<Source, 6> sources;
    double eps;
    std::shared_ptr<PreparedWeights> prepared;
  };
  static std::array<Source, 6> sources_of(const ConvAndNorm& layers);

  std::mutex mutex_;
  std::shared_ptr<const Made> made_;
};

}  // namespace clearcut
