#pragma once

#include <limits>

#include "autograd/var.h"

namespace clearcut {

/// What follows an operator in the same sweep over memory, y = min(max(sum + residual, low), high): a
/// residual and ReLU (low = 0) or ReLU6 (high = 6 too). NaN stays NaN.
struct After {
  Var residual = {};  // of y's shape, or undefined for none
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool clamps() const { return low > After{}.low || high < After{}.high; }
};

}  // namespace clearcut
