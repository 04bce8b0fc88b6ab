#include "autograd/conv2d.h"

#include "tensor/ops/elementwise.h"

namespace clearcut {

Var conv2d(const Var& x, const Var& w, const ConvOptions& options) { return conv2d(x, w, Var(), options); }

namespace {

// dy where the clamp let it through, in the storage of a dy that nobody else holds.
Tensor unclamped(const Tensor& dy, const Tensor& y, double low, double high) {
  const pointwise::clamp op{low, high};
  if (!dy.unique()) return ops::pointwise_backward(op, dy, y);
  ops::pointwise_backward_in_place(op, dy, y);
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
  return record("conv2d", y, {x, w, bias, after.residual},
                [x = save_if(w.requires_grad(), x), w = save_if(x.requires_grad(), w), x_shape = x.shape(),
                 w_shape = w.shape(), options, prepared, y = save(after.clamps() ? y : Tensor()),
                 low = after.low, high = after.high](const Tensor& dy, const Need& need) {
                  const Tensor g = y.get().defined() ? unclamped(dy, y, low, high) : dy;
                  return Grads{
                      need(0) ? ops::conv2d_backward_input(g, w, x_shape, options, prepared.get()) : Tensor(),
                      need(1) ? ops::conv2d_backward_weight(g, x, w_shape, options) : Tensor(),
                      need(2) ? ops::conv2d_backward_bias(g) : Tensor(), need(3) ? g : Tensor()};
                });
}

}  // namespace clearcut
