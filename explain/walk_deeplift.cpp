// DeepLIFT by the rescale rule, from one start x' or as the mean over several (DeepLIFT-SHAP).
#include <algorithm>
#include <cmath>

#include "explain/target.h"
#include "explain/walk_method.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/max_pool2d.h"
#include "tensor/ops/quotients.h"
#include "tensor/ops/reduce.h"

namespace clearcut {

namespace {

using namespace walk_ops;

// Below it the quotient of differences is the gradient (Captum's limit).
constexpr double kNoDifference = 1e-10;

// dy (y - y') / (x - x'): what arrived, by the difference that the function made of its input's.
Tensor rescaled(const Step& step) {
  const Tensor& x0 = step.start->inputs[0];
  const Tensor change = ops::mul(step.dy, ops::sub(step.y(), step.start->output));
  return ops::quotient_or(change, ops::sub(step.x(), x0), step.plain()[0], kNoDifference);
}

// Each window's difference y - y' goes through max(y, y'): the way down from it to the place of the start's
// maximum, the way up to it to that of the picture's.
Grads max_pool_rule(const Step& step) {
  const auto& o = step.options<ops::MaxPoolOptions>();
  const Tensor &x = step.x(), &x0 = step.start->inputs[0], &y = step.y(), &y0 = step.start->output;
  const auto part = [&](const Tensor& from, const Tensor& difference) {
    return ops::max_pool2d_backward(ops::mul(step.dy, difference), ops::max_pool2d(from, o).index, x.shape(),
                                    o);
  };
  const Tensor up = part(x, ops::relu(ops::sub(y, y0)));  // max(y, y') - y'
  const Tensor down = part(x0, ops::relu(ops::sub(y0, y)));
  return {ops::quotient_or(ops::sub(up, down), ops::sub(x, x0), step.plain()[0], kNoDifference)};
}

// Captum's: rescaled, less the mean over the row.
Grads softmax_rule(const Step& step) {
  const int dim = step.options<int>();
  const Tensor m = rescaled(step);
  const double size = static_cast<double>(m.dim(dim));
  return {ops::sub(m, ops::mul(ops::sum(m, {dim}, true), 1 / size))};
}

Tensor middle(const Tensor& a, const Tensor& b) { return ops::mul(ops::add(a, b), 0.5); }

// ab - a'b' = (a - a') (b + b') / 2 + (b - b') (a + a') / 2.
Grads product_rule(const Step& step) {
  if (step.varying() < 2) return step.plain();
  const auto& start = step.start->inputs;
  return {ops::mul(step.dy, middle(step.x(1), start[1])), ops::mul(step.dy, middle(step.x(0), start[0]))};
}

// a / b as a times 1 / b, and 1/b - 1/b' = -(b - b') / (b b').
Grads quotient_rule(const Step& step) {
  if (step.call.inputs.size() == 1 || !step.need(1)) return step.plain();
  const auto& start = step.start->inputs;
  const Tensor inverse = ops::divide_into(step.x(1), 1), inverse0 = ops::divide_into(start[1], 1);
  const Tensor a = ops::mul(step.dy, middle(inverse, inverse0));
  const Tensor b = ops::mul(step.dy, ops::mul(middle(step.x(0), start[0]), ops::mul(inverse, inverse0)));
  return {a, ops::neg(b)};
}

// Products of two values that are matrices, and maxima over rows, are not known.
Grads weights_rule(const Step& step) {
  check(step.varying() == 1, step.call.op, "DeepLIFT has no rule for matrix products of two values");
  return step.plain();
}

RuleSet rescale_rules() {
  RuleSet rules;
  for (const Names& ops : {kMoves, kMeans, kArithmetic}) set_rule(rules, ops, plain_rule);
  for (const Names& ops : {kActivations, kFunctions, Names{"relu", "clamp"}})
    set_rule(rules, ops, [](const Step& step) { return Grads{rescaled(step)}; });
  set_rule(rules, kWeights, weights_rule);
  rules["batch_norm"] = plain_rule;
  rules["mul"] = product_rule;
  rules["div"] = quotient_rule;
  rules["max_pool2d"] = max_pool_rule;
  rules["softmax"] = softmax_rule;
  return rules;
}

// Multipliers m of the logits with sum of m_c (z_c - z'_c) = s(z) - s(z'): the mean gradient of the score on
// the straight way (Aumann and Shapley). For the logit of one class that is 1 at the class.
Tensor logit_multipliers(const Tensor& z, const Tensor& z0, const ExplainInput& input, std::int64_t first) {
  const PathPoints path = path_points(PathRule::kGauss, 32);
  Tensor sum;
  for (std::size_t i = 0; i < path.at.size(); ++i) {
    const Tensor at = ops::add(ops::mul(z, path.at[i]), ops::mul(z0, 1 - path.at[i]));
    const Tensor g = ops::mul(score_gradients(at, input, first), path.weight[i]);
    sum = sum.defined() ? ops::add(sum, g) : g;
  }
  return sum;
}

// x' of pictures [B, 3, H, W].
Tensor starts_of(const Tensor& x, PathStart start) {
  const Tensor starts = empty_like(x);
  for (std::int64_t i = 0; i < x.dim(0); ++i) starts[i].copy_from(baseline_of(x[i], start));
  return starts;
}

// use(n, (x - x') m) for each picture.
void deep_lift_from(PathStart start, Passes& passes, const ExplainInput& input, const std::string& name,
                    const Arrivals& use) {
  const InputRows rows = picture_rows(input);
  const std::int64_t size = rows.shape.numel();
  const RuleSet rules = rescale_rules();
  passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
    const Tensor x0 = starts_of(input.x.slice(first, first + x.dim(0)), start).to(x.device());
    const OpenPass from = [&] {
      const NoGrad no_tape;
      return OpenPass(passes.classifier(), Var(x0));
    }();
    const Var leaf(x, true);
    const OpenPass pass(passes.classifier(), leaf);
    const Tensor dz = logit_multipliers(pass.logits().value(), from.logits().value(), input, first);
    pass.walk(dz, name, rules, &from);
    const Tensor parts = ops::mul(leaf.grad(), ops::sub(x, x0)).to(Device::kCpu);
    for (std::int64_t i = 0; i < x.dim(0); ++i) use(first + i, parts.data<const float>() + i * size);
  });
}

Explanation deep_lift_mean(const std::vector<PathStart>& starts, Passes& passes, const ExplainInput& input,
                           const ExplainOptions& options) {
  const std::int64_t N = input.x.dim(0), size = input.x.numel() / N;
  std::vector<double> sum(static_cast<std::size_t>(input.x.numel()));
  for (const PathStart start : starts)
    deep_lift_from(start, passes, input, options.explainer, [&](std::int64_t n, const float* parts) {
      for (std::int64_t j = 0; j < size; ++j)
        sum[static_cast<std::size_t>(n * size + j)] += parts[j] / static_cast<double>(starts.size());
    });
  Explanation result = pixel_maps(input);
  for (std::int64_t n = 0; n < N; ++n)
    write_maps(std::vector<double>(sum.begin() + n * size, sum.begin() + (n + 1) * size), n, options, result);
  return result;
}

}  // namespace

Explanation deep_lift(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return deep_lift_mean({options.baseline}, passes, input, options);
}

Explanation deep_lift_shap(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return deep_lift_mean({PathStart::kZero, PathStart::kBlur, PathStart::kMean}, passes, input, options);
}

}  // namespace clearcut
