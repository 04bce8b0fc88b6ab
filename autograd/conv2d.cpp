#include "autograd/conv2d.h"

namespace clearcut {

Var conv2d(const Var& x, const Var& w, const ConvOptions& options) { return conv2d(x, w, Var(), options); }

Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options,
           const std::shared_ptr<PreparedWeights>& kept) {
  const bool stays = !w.requires_grad() || NoGrad::active();
  if (kept && !stays) kept->clear();
  const auto prepared = stays ? kept : nullptr;
  const Tensor y = ops::conv2d(x.value(), w.value(), bias.value(), options, {}, prepared.get());
  return record(
      "conv2d", y, {x, w, bias},
      [x = save_if(w.requires_grad(), x), w = save_if(x.requires_grad(), w), x_shape = x.shape(),
       w_shape = w.shape(), options, prepared](const Tensor& dy, const Need& need) {
        return Grads{need(0) ? ops::conv2d_backward_input(dy, w, x_shape, options, prepared.get()) : Tensor(),
                     need(1) ? ops::conv2d_backward_weight(dy, x, w_shape, options) : Tensor(),
                     need(2) ? ops::conv2d_backward_bias(dy) : Tensor()};
      });
}

}  // namespace clearcut
