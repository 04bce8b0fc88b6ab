// Gradient check by central differences in double.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/var.h"

namespace clearcut {

struct GradcheckOptions {
  double step = 1e-6;
  double absolute = 1e-5;  // |numeric - analytic| <= absolute + relative * |numeric|, as torch's gradcheck
  double relative = 1e-3;
  std::int64_t all_elements_up_to = 400;  // larger inputs: random directions instead of single elements
  int directions = 8;
  std::uint64_t seed = 1;
};

struct GradcheckResult {
  bool passed = true;
  double worst = 0;   // largest |numeric - analytic| / (absolute + relative * |numeric|); > 1 fails
  std::string where;  // "input 1, element 17: numeric 0.25, analytic 0.5" of the worst one
};

/// Compares the gradient of sum(r * f(inputs)) for a fixed random r with central differences
/// (f(x + h d) - f(x - h d)) / 2h, for each element of each input, or along random unit directions d.
/// inputs are float64 tensors. Throws Error if one is not, or if f's result does not depend on an input.
/// Cost: two calls of f per element or direction.
GradcheckResult gradcheck(const std::function<Var(const std::vector<Var>&)>& f,
                          const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

}  // namespace clearcut
