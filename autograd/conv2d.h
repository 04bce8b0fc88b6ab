#pragma once

#include "autograd/after.h"
#include "tensor/ops/conv2d.h"

namespace clearcut {

/// Convolution with gradients; see tensor/ops/conv2d.h. Only gradients that are needed are computed. `bias`
/// may be an undefined Var for none. `kept` (see tensor/ops/prepared.h) is used
/// while the weights stay, that is, need no gradient or there is no tape, and emptied otherwise.
Var conv2d(const Var& x, const Var& w, const ConvOptions& options = {});
Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {},
           const std::shared_ptr<PreparedWeights>& kept = nullptr, const After& after = {});

/// Transposed convolution: what conv2d does to a gradient on its way back to the input, as an operator of its
/// own. x takes the place of dy.
///
/// x        [N, K, P, Q]
/// w        [K, C / groups, R, S], the weights of the convolution that goes the other way
/// bias     [C], or an undefined Var for none
/// more     rows and columns that y gets besides, below the strides: several sizes of y make one of x
/// returns  [N, C, H, W], H = (P - 1) stride.h - top - bottom + dilation.h (R - 1) + 1 + more.h; W alike
///
/// Throws Error if ranks or channels do not fit, or nothing is left of y.
Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options, Size2 more = 0);

/// What a trace says of it.
struct TransposedConv {
  ConvOptions options;
  Size2 more;
};

}  // namespace clearcut
