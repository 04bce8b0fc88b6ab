#include "explain/walk_relevance.h"

#include <algorithm>
#include <set>

#include "autograd/arithmetic.h"
#include "autograd/conv2d.h"
#include "autograd/matmul.h"
#include "nn/layers.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/quotients.h"
#include "tensor/ops/reduce.h"
#include "tensor/term_by_term.h"

namespace clearcut {

namespace {

using namespace walk_ops;

bool has_weights(const std::string& op) {
  return std::find(kWeights.begin(), kWeights.end(), op) != kWeights.end();
}

ConvOptions conv_options(const Step& step) {
  const auto* same = std::any_cast<SameConv>(&step.call.options);
  return same != nullptr ? same->options : step.options<ConvOptions>();
}

// All nodes below z, oldest first.
std::vector<const Node*> nodes_of(const Var& z) {
  std::vector<const Node*> nodes{z.node().get()};
  std::set<const Node*> seen(nodes.begin(), nodes.end());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const auto& input : nodes[i]->inputs)
      if (input && seen.insert(input.get()).second) nodes.push_back(input.get());
  std::sort(nodes.begin(), nodes.end(), [](const Node* a, const Node* b) { return a->id < b->id; });
  return nodes;
}

// Nodes with weights that read the picture through no other.
std::set<std::uint64_t> first_weights(const OpenPass& pass) {
  std::set<std::uint64_t> first;
  std::set<const Node*> behind;
  for (const Node* node : nodes_of(pass.logits())) {
    const bool late = std::any_of(node->inputs.begin(), node->inputs.end(),
                                  [&](const auto& input) { return behind.contains(input.get()); });
    if (has_weights(node->op) && !late) first.insert(node->id);
    if (has_weights(node->op) || late) behind.insert(node);
  }
  return first;
}

// The smallest (sign 1) or largest (-1) value of each picture, in the shape of x.
Tensor extreme(const Tensor& x, double sign) {
  const Tensor flat = ops::mul(x, -sign).reshape({x.dim(0), -1});
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(x.rank()), 1);
  sizes[0] = x.dim(0);
  return ops::broadcast_to(ops::mul(ops::max(flat, 1).values, -sign).reshape(sizes), x.shape());
}

Tensor positive(const Tensor& x) { return ops::relu(x); }
Tensor negative(const Tensor& x) { return ops::sub(x, ops::relu(x)); }

// Each input gets x_i d<R / z, y>/dx_i: for operators that are linear in what varies.
Grads share_out(const Step& step, double epsilon) {
  Grads grads = step.plain(ops::stable_quotient(step.dy, step.y(), epsilon));
  for (std::size_t i = 0; i < grads.size(); ++i)
    if (step.need(i)) grads[i] = ops::mul(grads[i], step.x(i));
  return grads;
}

Grads pass_on(const Step& step) {
  Grads grads(step.call.inputs.size());
  for (std::size_t i = 0; i < grads.size(); ++i)
    if (step.need(i)) grads[i] = step.dy;
  return grads;
}

// By what x+ w+ adds, and by what x- w- does. Both numbers are positive.
Tensor shared_by_signs(const Step& step, const Relevance& o) {
  const Tensor& w = step.x(1);
  const Var over(positive(step.x()), true);
  const Var upper = with_weights(step, over, positive(w));
  if (o.rule == RelevanceRule::kPositive) return shares({over}, upper, step.dy, o.epsilon);
  const Var under(negative(step.x()), true);
  const Var lower = with_weights(step, under, negative(w));
  if (o.rule == RelevanceRule::kAlphaBeta) return shares({over, under}, upper + lower, step.dy, o.epsilon);
  return ops::add(shares({over}, upper, step.dy, o.epsilon), shares({under}, lower, step.dy, o.epsilon));
}

Tensor shared_by(const Step& step, const Relevance& o) {
  if (o.rule != RelevanceRule::kEpsilon && o.rule != RelevanceRule::kGamma) return shared_by_signs(step, o);
  const Tensor& w = step.x(1);
  const Tensor v = o.rule == RelevanceRule::kGamma ? ops::add(w, ops::mul(positive(w), o.gamma)) : w;
  const Var x(step.x(), true);
  const Tensor bias = step.call.inputs.size() > 2 ? step.x(2) : Tensor();
  return shares({x}, with_weights(step, x, v, bias), step.dy, o.epsilon);
}

Tensor shared_by_bounds(const Step& step, double epsilon) {
  const Tensor &x = step.x(), &w = step.x(1);
  const Var all(x, true), low(extreme(x, 1), true), high(extreme(x, -1), true);
  const Var z = with_weights(step, all, w) - with_weights(step, low, positive(w)) -
                with_weights(step, high, negative(w));
  return shares({all, low, high}, z, step.dy, epsilon);
}

Grads product_rule(const Step& step, const Relevance& o, bool constants_share) {
  if (step.varying() == 1) return constants_share ? share_out(step, o.epsilon) : pass_on(step);
  const Tensor half = ops::mul(step.dy, 0.5);
  return {half, half};
}

}  // namespace

Var with_weights(const Step& step, const Var& x, const Tensor& w, const Tensor& bias) {
  const std::string& op = step.call.op;
  check(step.need(0) && step.varying() == 1, op,
        "relevance has no rule for products of two values that are matrices");
  const TermByTerm exact;  // what comes out is divided by
  const Var weights(w), offset(bias);
  if (op == "conv2d") return conv2d(x, weights, offset, conv_options(step));
  if (op == "linear") return linear(x, weights, offset);
  if (op == "matmul") return matmul(x, weights, step.options<MatmulOptions>());
  const auto& o = step.options<TransposedConv>();
  return conv_transpose2d(x, weights, {}, o.options, o.more);
}

Tensor shares(const std::vector<Var>& leaves, const Var& z, const Tensor& R, double epsilon) {
  const TermByTerm exact;  // quotients of all sizes stand side by side
  z.backward(ops::stable_quotient(R, z.value(), epsilon));
  Tensor total;
  for (const Var& leaf : leaves) {
    const Tensor share = ops::mul(leaf.value(), leaf.grad());
    total = total.defined() ? ops::add(total, share) : share;
  }
  return total;
}

std::uint64_t last_weights(const OpenPass& pass) {
  std::uint64_t last = 0;
  for (const Call& call : pass.calls())
    if (call.node != 0 && has_weights(call.op)) last = call.node;
  return last;
}

RuleSet relevance_rules(const Relevance& o, const OpenPass& pass) {
  const bool constants_share = o.rule == RelevanceRule::kEpsilon || o.rule == RelevanceRule::kGamma;
  const Rule share = [o](const Step& step) { return share_out(step, o.epsilon); };
  RuleSet rules;
  set_rule(rules, kMoves, plain_rule);
  set_rule(rules, kMaxima, plain_rule);
  set_rule(rules, kMeans, share);
  set_rule(rules, kActivations, pass_on);
  set_rule(rules, {"relu", "clamp"}, pass_on);
  // One value and a constant, or two that are added.
  set_rule(rules, {"add", "sub", "neg", "subtract_from", "batch_norm"}, [=](const Step& step) {
    return constants_share || step.varying() > 1 ? share_out(step, o.epsilon) : pass_on(step);
  });
  rules["mul"] = [=](const Step& step) { return product_rule(step, o, constants_share); };
  rules["div"] = [=](const Step& step) {
    check(step.call.inputs.size() == 1 || !step.need(1), "div",
          "relevance has no rule for divisors that depend on the picture");
    return product_rule(step, o, constants_share);
  };
  const auto bounded = o.bounded_first ? first_weights(pass) : std::set<std::uint64_t>();
  set_rule(rules, kWeights, [=](const Step& step) {
    if (!step.need(0)) return share_out(step, o.epsilon);  // a fixed matrix from the left: an interpolation
    Grads grads(step.call.inputs.size());
    grads[0] = bounded.contains(step.node.id) ? shared_by_bounds(step, o.epsilon) : shared_by(step, o);
    return grads;
  });
  return rules;
}

}  // namespace clearcut
