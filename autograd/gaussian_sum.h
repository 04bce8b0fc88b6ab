#pragma once

#include "autograd/var.h"

namespace clearcut {

/// The Gaussian sum with its gradient for q; see tensor/ops/gaussian_sum.h. Features are constants.
Var gaussian_sum(const Tensor& features, const Var& q);

/// The dense energy of label probabilities p: neighbours in place and colour should agree.
///
///   E = -1/N sum over n, c, i of gate[n, i] p[n, c, i] (K p)[n, c, i],   K p = gaussian_sum(features, p)
///
/// With sum over c of p = 1 it differs from sum over i, j of gate_i K_ij sum over c of p_c,i (1 - p_c,j) by a
/// number that does not depend on p. The weights are not normalised: E grows with (H W)^2.
///
/// features  [N, D, H, W], constants, each divided by its deviation (pair_features() of explain/dense_crf.h)
/// p         [N, C, H, W]
/// gate      [N, 1, H, W], a constant: RRM takes 1 - max p where a pixel is labelled, 1 elsewhere; undefined:
///           1 everywhere
/// returns   a scalar, with the exact gradient -1/N (gate K p + K (gate p))
/// Source: Zhang 2020, "Reliability does matter" (RRM); its code takes -2/N gate K p for the gradient, which
/// is the same where the gate is constant.
Var gaussian_energy(const Tensor& features, const Var& p, const Tensor& gate = {});

}  // namespace clearcut
