#include "explain/walk_fullgrad.h"

#include "autograd/batch_norm.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/rearrange.h"

namespace clearcut {

namespace {

using namespace walk_ops;
using Use = std::function<void(const BiasPart& part)>;

// b [C] along dimension 1 of y.
Tensor per_channel(const Tensor& b, const Tensor& y) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(y.rank()), 1);
  sizes[1] = b.dim(0);
  return b.reshape(sizes);
}

void use_bias(const Step& step, const Tensor& bias, const Use& use) {
  use({.call = step.call,
       .values = ops::broadcast_to(ops::mul(step.dy, bias), step.y().shape()),
       .dy = step.dy});
}

// Convolution or linear layer. The last dimension of a linear layer's output is that of the bias.
Grads weights_rule(const Step& step, const Use& use) {
  if (step.varying() > 1)
    use({.call = step.call,
         .values = ops::neg(ops::mul(step.dy, step.y())),
         .dy = step.dy,
         .written = false});
  const Tensor bias = step.call.inputs.size() > 2 ? step.x(2) : Tensor();
  if (bias.defined()) use_bias(step, step.call.op == "linear" ? bias : per_channel(bias, step.y()), use);
  return step.plain();
}

Grads batch_norm_rule(const Step& step, const Use& use) {
  const auto& fixed = step.options<FixedBatchNorm>();
  const auto s = ops::fixed_statistics(fixed.running.mean, fixed.running.variance, fixed.eps);
  const Tensor scale = ops::mul(step.x(1), s.inverse_deviation);
  use_bias(step, per_channel(ops::sub(step.x(2), ops::mul(s.mean, scale)), step.y()), use);
  return step.plain();
}

// One value and a constant; two values have no bias.
Grads sum_rule(const Step& step, const Use& use) {
  const bool minus = step.call.op == "sub";
  if (step.call.inputs.size() == 1) {
    const double constant = step.call.op == "add" ? step.options<pointwise::add>().parameter_s
                                                  : step.options<pointwise::subtract_from>().parameter_s;
    use({.call = step.call, .values = ops::mul(step.dy, constant), .dy = step.dy});
  } else if (step.varying() == 1) {
    const Tensor& constant = step.x(step.need(0) ? 1 : 0);
    use_bias(step, minus && step.need(0) ? ops::neg(constant) : constant, use);
  }
  return step.plain();
}

// y - x f'(x), value by value or row by row.
Grads bent_rule(const Step& step, const Use& use) {
  const Tensor y = ops::mul(step.dy, step.y());
  Grads grads = step.plain();
  const Tensor x = ops::mul(grads[0], step.x());
  use({.call = step.call, .values = ops::sub(y, x), .dy = step.dy, .written = false});
  return grads;
}

Grads pad_rule(const Step& step, const Use& use) {
  Grads grads = step.plain();
  const Tensor inside = ops::pad2d(ops::mul(grads[0], step.x()), step.options<Padding2>());
  use({.call = step.call,
       .values = ops::sub(ops::mul(step.dy, step.y()), inside),
       .dy = step.dy,
       .written = false});
  return grads;
}

// a b is of degree 2 in both together, a / b of degree 0.
Grads product_rule(const Step& step, const Use& use) {
  const bool quotient = step.call.op == "div";
  if (step.varying() == 2 || (quotient && step.call.inputs.size() == 2 && step.need(1))) {
    const double degree = quotient ? (step.varying() == 2 ? 0 : -1) : 2;
    use({.call = step.call,
         .values = ops::mul(ops::mul(step.dy, step.y()), 1 - degree),
         .dy = step.dy,
         .written = false});
  }
  return step.plain();
}

RuleSet full_gradient_rules(const Use& use) {
  const auto with = [&use](Grads (*rule)(const Step&, const Use&)) {
    return [rule, &use](const Step& step) { return rule(step, use); };
  };
  RuleSet rules;
  for (const Names& ops : {kMoves, kMeans, kMaxima, Names{"relu", "leaky_relu", "neg"}})
    set_rule(rules, ops, plain_rule);
  for (const Names& ops : {kFunctions, Names{"clamp", "softmax", "log_softmax", "sigmoid", "tanh", "softplus",
                                             "silu", "hard_sigmoid", "hard_swish"}})
    set_rule(rules, ops, with(bent_rule));
  set_rule(rules, kWeights, with(weights_rule));
  set_rule(rules, {"add", "sub", "subtract_from"}, with(sum_rule));
  set_rule(rules, {"mul", "div"}, with(product_rule));
  rules["batch_norm"] = with(batch_norm_rule);
  rules["pad2d"] = with(pad_rule);
  return rules;
}

}  // namespace

void walk_full_gradient(const OpenPass& pass, const Tensor& dz, const std::string& name, const Use& use) {
  pass.walk(dz, name, full_gradient_rules(use));
}

}  // namespace clearcut
