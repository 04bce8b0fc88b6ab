#include "autograd/conv2d.h"

#include "autograd/arithmetic.h"
#include "autograd/rearrange.h"
#include "autograd/trace.h"
#include "tensor/ops/clamp_mask.h"

namespace clearcut {

Var conv2d(const Var& x, const Var& w, const ConvOptions& options) { return conv2d(x, w, Var(), options); }

namespace {

// dy where the clamp let it through, in the storage of a dy that nobody else holds.
Tensor unclamped(const Tensor& dy, const Tensor& mask) {
  if (!dy.unique()) return ops::masked(dy, mask);
  ops::mask_in_place(dy, mask);
  return dy;
}

}  // namespace

Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options,
           const std::shared_ptr<PreparedWeights>& kept, const After& after) {
  const bool stays = !w.requires_grad() || NoGrad::active();
  if (kept && !stays) kept->clear();
  const auto prepared = stays ? kept : nullptr;
  const Tensor y = ops::conv2d(x.value(), w.value(), bias.value(), options,
                               {after.residual.value(), after.low, after.high}, prepared.get());
  const bool taped = !NoGrad::active() && (x.requires_grad() || w.requires_grad() || bias.requires_grad() ||
                                           after.residual.requires_grad());
  const Saved mask = save(taped && after.clamps() ? ops::clamp_mask(y, after.low, after.high) : Tensor());
  const Var result = record(
      "conv2d", y, {x, w, bias, after.residual},
      [x = save_if(w.requires_grad(), x), w = save_if(x.requires_grad(), w), x_shape = x.shape(),
       w_shape = w.shape(), options, prepared, mask](const Tensor& dy, const Need& need) {
        const Tensor g = mask.get().defined() ? unclamped(dy, mask) : dy;
        return Grads{need(0) ? ops::conv2d_backward_input(g, w, x_shape, options, prepared.get()) : Tensor(),
                     need(1) ? ops::conv2d_backward_weight(g, x, w_shape, options) : Tensor(),
                     need(2) ? ops::conv2d_backward_bias(g) : Tensor(), need(3) ? g : Tensor()};
      });
  return after.residual.defined() || after.clamps() ? result : described(result, options);
}

Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options, Size2 more) {
  check_rank("conv_transpose2d", "x", x.value(), 4, "[N, K, P, Q]");
  check_rank("conv_transpose2d", "w", w.value(), 4, "[K, C / groups, R, S]");
  const Padding2& pad = options.padding;
  const std::int64_t C = w.dim(1) * options.groups;
  const std::int64_t H = (x.dim(2) - 1) * options.stride.h - pad.top - pad.bottom +
                         options.dilation.h * (w.dim(2) - 1) + 1 + more.h,
                     W = (x.dim(3) - 1) * options.stride.w - pad.left - pad.right +
                         options.dilation.w * (w.dim(3) - 1) + 1 + more.w;
  check(x.dim(1) == w.dim(0), "conv_transpose2d", "w is for ", w.dim(0), " channels; x has ", x.dim(1));
  check(H >= 1 && W >= 1, "conv_transpose2d", "nothing is left of the map: ", H, " x ", W);
  const Shape y_shape{x.dim(0), C, H, W};
  const Tensor y = ops::conv2d_backward_input(x.value(), w.value(), y_shape, options);
  const Var sum = described(
      record("conv_transpose2d", y, {x, w},
             [x = save_if(w.requires_grad(), x), w = save_if(x.requires_grad(), w), w_shape = w.shape(),
              options](const Tensor& dy, const Need& need) {
               return Grads{need(0) ? ops::conv2d(dy, w, {}, options) : Tensor(),
                            need(1) ? ops::conv2d_backward_weight(x, dy, w_shape, options) : Tensor()};
             }),
      TransposedConv{options, more});
  return bias.defined() ? sum + reshape(bias, {1, C, 1, 1}) : sum;
}

}  // namespace clearcut
