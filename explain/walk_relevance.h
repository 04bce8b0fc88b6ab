// Layer-wise relevance propagation: what arrives at the logits is shared out among the inputs of each
// operator, in proportion to what they add to its output.
//
// With z = sum over i of x_i w_i + b for one output of an operator with weights (w+ = max(w, 0), w- = min(w,
// 0), x likewise) and R what arrived there, input i gets
//
//   epsilon    x_i w_i R / (z + e sign z)                          Bach 2015 (journal.pone.0130140)
//   gamma      x_i v_i R / z', v = w + g w+, z' = sum x_i v_i + b  Montavon 2019 (978-3-030-28954-6_10)
//   alphabeta  (x+_i w+_i + x-_i w-_i) R / sum of these            Bach 2015 with alpha 1, beta 0
//   apart      x+_i w+_i R / their sum + x-_i w-_i R / their sum   InterpretDL
//   positive   x+_i w+_i R / their sum: excitation backprop        Zhang 2016 (1608.00507)
//   first      (x_i w_i - l w+_i - h w-_i) R / sum of these        Montavon 2017 (1512.02479): z^B for the
//              layer that reads the picture, whose smallest and largest x are l and h
//
// A sum of 0 passes nothing on. Two values that are added share by their sizes, x_i R / z; so do those that
// an average or a resizing takes in. A maximum gives all to the winner, a product half to each factor
// (Achtibat 2024, 2402.05602). Activations pass R on. Batch norms, and products and sums with constants:
// under epsilon and gamma the constant keeps its share, else R passes.
#pragma once

#include "explain/explainer.h"
#include "explain/walk.h"

namespace clearcut {

struct Relevance {
  RelevanceRule rule = RelevanceRule::kAlphaBeta;
  double epsilon = 1e-9;
  double gamma = 0.25;
  bool bounded_first = true;  // z^B for layers that no other with weights stands before
};

/// The rules for one pass. They know no erf, exp, log, sqrt, square, abs, softmax nor the quotient of two
/// values.
RuleSet relevance_rules(const Relevance& settings, const OpenPass& pass);

/// z = a function of the leaves that is linear in them: the sum over leaves of leaf * d<s, z>/dleaf with
/// s = R / (z + epsilon sign z), or 0 where that is 0. All leaves have one shape.
Tensor shares(const std::vector<Var>& leaves, const Var& z, const Tensor& R, double epsilon);

/// The operator of `step` (one of walk_ops::kWeights) with another input, weights and bias.
Var with_weights(const Step& step, const Var& x, const Tensor& w, const Tensor& bias = {});

/// Id of the node with weights that stands last in the pass; 0 if there is none.
std::uint64_t last_weights(const OpenPass& pass);

}  // namespace clearcut
