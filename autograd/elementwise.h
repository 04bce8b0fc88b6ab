// Pointwise functions of a Var: relu, sigmoid, tanh, exp, log, sqrt, square, abs, neg, softplus, silu,
// hard_sigmoid, hard_swish, leaky_relu(x, slope), clamp(x, low, high), ... Formulas and gradients stand in
// tensor/elementwise.def, one line each.
#pragma once

#include "autograd/var.h"

namespace clearcut {

// The second form takes over the storage of a temporary, relu(bn(x)), instead of allocating: only if no other
// handle, view, tap or saved value shares it, and if the gradient does not need x itself.
#define OP(name, ...)     \
  Var name(const Var& x); \
  Var name(Var&& x);
#define OP1(name, a, ...)           \
  Var name(const Var& x, double a); \
  Var name(Var&& x, double a);
#define OP2(name, a, b, ...)                  \
  Var name(const Var& x, double a, double b); \
  Var name(Var&& x, double a, double b);
#include "tensor/elementwise.def"

/// min(max(x, 0), 6). Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
Var relu6(const Var& x);

}  // namespace clearcut
