#include "autograd/batch_norm.h"

#include "autograd/recompute.h"
#include "tensor/ops/batch_norm.h"

namespace clearcut {

Var batch_norm(const Var& x, const Var& weight, const Var& bias, const RunningStatistics& running,
               const BatchNormOptions& options) {
  const bool training = options.mode == BatchNormMode::kTraining;
  const ops::ChannelStatistics s = training
                                       ? ops::channel_statistics(x.value(), options.eps)
                                       : ops::fixed_statistics(running.mean, running.variance, options.eps);
  const Tensor y = ops::batch_norm(x.value(), s, weight.value(), bias.value());
  if (training && !Recomputing::active())
    ops::update_running(running.mean, running.variance, s, y.numel() / y.dim(1), options.momentum,
                        options.unbiased_running_variance);
  return record("batch_norm", y, {x, weight, bias},
                [x = save(x), w = save(weight), mean = save(s.mean), variance = save(s.variance),
                 inverse = save(s.inverse_deviation), training](const Tensor& dy, const Need& need) {
                  const ops::ChannelStatistics saved{mean, variance, inverse};
                  auto g = ops::batch_norm_backward(dy, x, saved, w, training, need(0));
                  return Grads{g.dx, g.dweight, g.dbias};
                });
}

}  // namespace clearcut
