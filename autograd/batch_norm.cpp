#include "autograd/batch_norm.h"

#include <memory>

#include "autograd/recompute.h"
#include "autograd/trace.h"
#include "tensor/collective.h"

namespace clearcut {

namespace {

bool takes_part(const Var& x) { return x.requires_grad() && !NoGrad::active(); }

BatchNormTail tail(const After& after) { return {after.residual.value(), after.low, after.high}; }

ops::BatchNormBackward asked(const After& after, const Need& need) {
  return {.batch_statistics = false,
          .need_dx = need(0),
          .need_residual = need(3),
          .low = after.low,
          .high = after.high};
}

// Neither weight nor bias is trained, and the statistics are constants: dx = scale * g needs no x.
Var frozen(const Var& x, const Var& weight, const Var& bias, const ops::ChannelStatistics& s,
           const After& after, bool in_place) {
  const Tensor y = ops::batch_norm(x.value(), s, weight.value(), bias.value(), tail(after), in_place);
  const After limits{.low = after.low, .high = after.high};
  return record("batch_norm", y, {x, weight, bias, after.residual},
                [y = save(after.clamps() ? y : Tensor()), w = save(weight),
                 inverse = save(s.inverse_deviation), limits](const Tensor& dy, const Need& need) {
                  ops::BatchNormBackward how = asked(limits, need);
                  how.y = y;
                  const ops::ChannelStatistics saved{inverse, inverse, inverse};  // only the last is read
                  const auto g = ops::batch_norm_frozen_backward(dy, saved, w, how);
                  return Grads{g.dx, {}, {}, g.dresidual};
                });
}

// What batch_norm needs to run again, and to run backward. The residual is not among it: it may be rebuilt.
struct Constants {
  Saved weight, bias, mean, variance, inverse;
  ops::ChannelStatistics statistics() const { return {mean, variance, inverse}; }
};

std::shared_ptr<Rebuilt> rebuilt(const Saved& x, const Constants& k, const After& after) {
  return std::make_shared<Rebuilt>(
      [x, k, residual = save(after.residual), low = after.low, high = after.high] {
        return ops::batch_norm(x, k.statistics(), k.weight, k.bias, {residual, low, high});
      });
}

// Every rank has as many values of a channel as the others.
ops::BatchNormTrained shared_forward(AllReduce& ranks, const Tensor& x, double eps, const Tensor& weight,
                                     const Tensor& bias, const BatchNormTail& tail, bool in_place) {
  const Tensor sums = ops::batch_norm_sums(x);
  ranks.sum(sums);
  const std::int64_t values = ranks.ranks() * (x.numel() / x.dim(1));
  check(values >= 2, "batch_norm", "training needs at least 2 values per channel to have a variance; x ",
        x.shape(), " on ", ranks.ranks(), " ranks has ", values);
  const ops::ChannelStatistics s = ops::statistics_of(sums, values, eps, x.dtype());
  return {ops::batch_norm(x, s, weight, bias, tail, in_place), s};
}

// The gradients of a part of a batch: dweight and dbias are this rank's share, dx needs those of all ranks.
ops::BatchNormGrads shared_backward(AllReduce& ranks, const Tensor& dy, const Tensor& x,
                                    const ops::ChannelStatistics& s, const Tensor& weight,
                                    ops::BatchNormBackward how) {
  const bool need_dx = std::exchange(how.need_dx, false);
  how.batch_statistics = false;
  ops::BatchNormGrads g = ops::batch_norm_backward(dy, x, s, weight, how);
  const Tensor sums({2, x.dim(1)}, x.dtype(), x.device());
  sums[0].copy_from(g.dweight, "batch_norm");
  sums[1].copy_from(g.dbias, "batch_norm");
  ranks.sum(sums);
  const ops::BatchNormGrads all{.dx = {}, .dweight = sums[0], .dbias = sums[1], .dresidual = {}};
  const std::int64_t values = ranks.ranks() * (x.numel() / x.dim(1));
  if (need_dx && how.need_residual) {
    how.low = -BatchNormTail::kNone, how.high = BatchNormTail::kNone;  // dresidual went through the mask
    const Tensor shared = g.dresidual;  // a second handle: its storage must not become dx
    g.dx = ops::batch_norm_dx(shared, x, s, weight, how, all, values);
  } else if (need_dx) {
    g.dx = ops::batch_norm_dx(dy, x, s, weight, how, all, values);
  }
  return g;
}

// ranks: those that share the batch whose statistics s are; null for none.
Var trained(const Tensor& y, const Var& x, const Var& weight, const Var& bias,
            const ops::ChannelStatistics& s, bool batch_statistics, const After& after,
            AllReduce* ranks = nullptr) {
  const Saved kept = save(x);
  const Constants k{save(weight), save(bias), save(s.mean), save(s.variance), save(s.inverse_deviation)};
  const auto again = rebuilt(kept, k, after);
  // Without a residual the sign of y is worked out from x on the way.
  const Saved shown = after.residual.defined() ? Saved(again) : Saved();
  const After limits{.low = after.low, .high = after.high};
  const Var result =
      record("batch_norm", y, {x, weight, bias, after.residual},
             [kept, k, shown, limits, batch_statistics, ranks](const Tensor& dy, const Need& need) {
               ops::BatchNormBackward how = asked(limits, need);
               how.batch_statistics = batch_statistics;
               if (how.clamps()) how.y = shown;
               how.bias = k.bias;
               auto g = ranks ? shared_backward(*ranks, dy, kept, k.statistics(), k.weight, how)
                              : ops::batch_norm_backward(dy, kept, k.statistics(), k.weight, how);
               return Grads{g.dx, g.dweight, g.dbias, g.dresidual};
             });
  return result.rebuilt_by(again);
}

Var in_training(const Var& x, const Var& weight, const Var& bias, const RunningStatistics& running,
                const BatchNormOptions& options, const After& after, bool in_place) {
  AllReduce* const ranks = OneOfRanks::active() ? &OneOfRanks::active()->sums() : nullptr;
  const auto [y, s] = ranks ? shared_forward(*ranks, x.value(), options.eps, weight.value(), bias.value(),
                                             tail(after), in_place)
                            : ops::batch_norm_training(x.value(), options.eps, weight.value(), bias.value(),
                                                       tail(after), in_place);
  if (!Recomputing::active())
    ops::update_running(running.mean, running.variance, s, OneOfRanks::count() * (y.numel() / y.dim(1)),
                        options.momentum, options.unbiased_running_variance);
  return trained(y, x, weight, bias, s, true, after, ranks);
}

Var apply(const Var& x, const Var& weight, const Var& bias, const RunningStatistics& running,
          const BatchNormOptions& options, const After& after, bool temporary) {
  const bool training = options.mode == BatchNormMode::kTraining;
  const bool keeps_x = takes_part(weight) || takes_part(bias) || (training && takes_part(x));
  const bool in_place = temporary && !keeps_x && x.defined() && x.value().unique();
  if (!training) {
    const auto s = ops::fixed_statistics(running.mean, running.variance, options.eps);
    const FixedBatchNorm fixed{running, options.eps};
    const auto fixed_norm = [&] {
      if (!keeps_x) return frozen(x, weight, bias, s, after, in_place);
      const Tensor y = ops::batch_norm(x.value(), s, weight.value(), bias.value(), tail(after));
      return trained(y, x, weight, bias, s, false, after);
    };
    const Var y = fixed_norm();
    return after.residual.defined() || after.clamps() ? y : described(y, fixed);
  }
  return in_training(x, weight, bias, running, options, after, in_place);
}

}  // namespace

Var batch_norm(const Var& x, const Var& weight, const Var& bias, const RunningStatistics& running,
               const BatchNormOptions& options, const After& after) {
  return apply(x, weight, bias, running, options, after, false);
}

Var batch_norm(Var&& x, const Var& weight, const Var& bias, const RunningStatistics& running,
               const BatchNormOptions& options, const After& after) {
  return apply(x, weight, bias, running, options, after, true);
}

}  // namespace clearcut
