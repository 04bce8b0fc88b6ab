// SGD over all parameters of a model.
#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace clearcut {

/// Parameters whose name fits `pattern` (`*` stands for any text) learn at multiplier * rate.
struct RateRule {
  std::string pattern;
  double multiplier = 1;
};

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 4e-5;  // on all parameters, batch-norm and biases too (spec section 4)
  bool nesterov = false;
  std::vector<RateRule> rates = {};  // the first rule that fits counts; none: 1
};

/// Stochastic gradient descent with momentum; the rule is that of tensor/ops/sgd.h. Parameters that are
/// frozen or have no gradient in a step are left alone, as are their velocities.
class Sgd {
 public:
  /// Throws Error if a rule fits no parameter: a misspelt pattern would go unnoticed otherwise.
  Sgd(Registry& model, SgdOptions options);

  /// One step at learning rate `rate` with the gradients that the parameters hold now.
  void step(double rate);

  /// Velocities, named like their parameters; load() wants exactly these names and shapes.
  StateDict state() const;
  void load(const StateDict& state);

  double multiplier(const std::string& parameter) const;

 private:
  Registry& model_;
  SgdOptions options_;
  std::vector<Tensor> velocities_;   // in the order of model_.params()
  std::vector<double> multipliers_;  // the same
};

/// True if `name` fits `pattern`, in which each `*` stands for any text, also none.
bool fits(std::string_view pattern, std::string_view name);

}  // namespace clearcut
