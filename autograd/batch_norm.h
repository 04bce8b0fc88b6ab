#pragma once

#include "autograd/after.h"
#include "tensor/ops/batch_norm.h"

namespace clearcut {

/// Where the mean and variance of a batch norm come from.
enum class BatchNormMode {
  kTraining,    // from the batch; the running statistics move towards them
  kEvaluation,  // the running statistics; they stay as they are
};

struct BatchNormOptions {
  BatchNormMode mode = BatchNormMode::kEvaluation;
  double eps = 1e-5;
  double momentum = 0.1;  // running = 0.9 * running + 0.1 * batch; Paddle calls this momentum 0.9
  /// The running variance takes the batch variance with divisor M - 1 as PyTorch does. Paddle's documented
  /// formula has divisor M: set false to follow it. The difference is 1 / (M - 1) of the variance.
  bool unbiased_running_variance = true;
};

/// Running statistics [C]; kTraining writes into them.
struct RunningStatistics {
  Tensor mean, variance;
};

/// What a trace says of a batch norm in evaluation that nothing follows in the same sweep.
struct FixedBatchNorm {
  RunningStatistics running;
  double eps;
};

/// Batch normalisation with gradients for x, weight, bias and residual; see tensor/ops/batch_norm.h. The
/// running statistics are not written while recompute() runs a function for the second time.
///
/// While a OneOfRanks lives (tensor/collective.h), kTraining takes mean and variance over the pictures of all
/// ranks, which must have as many values each: two sums of [2, C] forward and [C] backward cross the ranks.
/// The gradients of weight and bias are this rank's share; the sum over ranks is whole.
///
/// y is not kept for the backward pass: whoever saves it gets it worked out again from x. If neither
/// statistics nor weight nor bias need x, only y is kept, and that only for ReLU's sake; the storage of a
/// temporary x is then taken over, as is without a tape.
Var batch_norm(const Var& x, const Var& weight, const Var& bias, const RunningStatistics& running,
               const BatchNormOptions& options, const After& after = {});
Var batch_norm(Var&& x, const Var& weight, const Var& bias, const RunningStatistics& running,
               const BatchNormOptions& options, const After& after = {});

}  // namespace clearcut
