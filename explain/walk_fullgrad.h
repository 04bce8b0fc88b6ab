// The full gradient: a logit taken apart into what the pixels give and what the biases of all layers give.
#pragma once

#include "explain/walk.h"

namespace clearcut {

/// What one layer's bias gives: b ds/dy at each place of the layer's output y.
struct BiasPart {
  const Call& call;
  Tensor values;        // of y's shape
  const Tensor& dy;     // ds/dy
  bool written = true;  // a bias of the layer, not the rest of a bent function
};

/// Walks back from dz and hands out the part of every layer that has one. With z the logits and what x.grad()
/// is afterwards,
///
///   sum of dz z = sum of x ds/dx + sum over layers and places of the parts
///
/// for any network in evaluation: convolutions and linear layers give their bias, a batch norm in evaluation
/// beta - gamma mu / sqrt(variance + eps), additions their constant; a function f that is bent or has a
/// ceiling gives the rest y - x f'(x), nothing for ReLU; products of two values give -y. Source: Srinivas and
/// Fleuret 2019 (1905.00780), equations 3 and 4, and its section on implicit biases.
void walk_full_gradient(const OpenPass& pass, const Tensor& dz, const std::string& name,
                        const std::function<void(const BiasPart& part)>& use);

}  // namespace clearcut
