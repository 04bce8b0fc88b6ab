// Optimisers over all parameters of a model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/module.h"

namespace clearcut {

/// Parameters whose name fits `pattern` (`*` stands for any text) learn at multiplier * rate.
struct RateRule {
  std::string pattern;
  double multiplier = 1;
};

/// The word in a list of patterns for all parameters of one dimension: biases, and the factors and shifts of
/// batch normalisation.
inline constexpr const char* kVectors = "vectors";

/// Which parameters learn how.
struct ParameterGroups {
  double weight_decay = 4e-5;        // on all parameters, batch-norm and biases too (spec section 4) ...
  std::vector<RateRule> rates = {};  // the first rule that fits counts; none: 1
  std::vector<std::string> no_decay = {};  // ... but those that fit one of these patterns, or kVectors
};

/// One rule of learning. Parameters that are frozen or have no gradient in a step are left alone, as is what
/// the rule keeps of them.
class Optimiser {
 public:
  virtual ~Optimiser() = default;
  Optimiser(const Optimiser&) = delete;
  Optimiser& operator=(const Optimiser&) = delete;

  /// One step at learning rate `rate` with the gradients that the parameters hold now, times
  /// `gradient_scale`.
  void step(double rate, double gradient_scale = 1);

  /// What the rule keeps of each parameter, by name; load() wants exactly these names and shapes.
  virtual StateDict state() const = 0;
  virtual void load(const StateDict& state) = 0;

  double multiplier(const std::string& parameter) const;
  double weight_decay(const Param& parameter) const;

 protected:
  /// Throws Error if a rule fits no parameter: a misspelt pattern would go unnoticed otherwise.
  Optimiser(Registry& model, ParameterGroups groups);

  /// A parameter that learns in this step; `index` is its place in model().params().
  struct Learning {
    std::size_t index;
    Tensor w, g;
    double rate, weight_decay;
  };
  virtual void update(const std::vector<Learning>& parameters) = 0;
  Registry& model() const { return model_; }
  /// One tensor of zeros for each parameter.
  std::vector<Tensor> zeros() const;
  /// The tensors under the names of their parameters, with `prefix` before them.
  void add_state(const std::vector<Tensor>& tensors, const std::string& prefix, StateDict& all) const;
  /// Copies them back; throws Error that names what is missing or of another shape, before it copies.
  void load_state(const std::vector<std::pair<std::string, std::vector<Tensor>*>>& parts,
                  const StateDict& state) const;

 private:
  Registry& model_;
  ParameterGroups groups_;
  std::vector<double> multipliers_, decays_;  // in the order of model_.params()
};

struct SgdOptions {
  double momentum = 0.9;
  bool nesterov = false;
  ParameterGroups groups = {};
};

/// Stochastic gradient descent with momentum; the rule is that of tensor/ops/sgd.h. Its state are the
/// velocities, named like their parameters.
class Sgd : public Optimiser {
 public:
  Sgd(Registry& model, SgdOptions options);
  StateDict state() const override;
  void load(const StateDict& state) override;

 private:
  void update(const std::vector<Learning>& parameters) override;
  SgdOptions options_;
  std::vector<Tensor> velocities_;  // in the order of model().params()
};

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  ParameterGroups groups = {.weight_decay = 0.01};
};

/// Adam with decoupled weight decay; the rule is that of tensor/ops/adamw.h. Its state: "mean/NAME",
/// "square/NAME" and "steps" [1], int64.
class AdamW : public Optimiser {
 public:
  AdamW(Registry& model, AdamWOptions options);
  StateDict state() const override;
  void load(const StateDict& state) override;

 private:
  void update(const std::vector<Learning>& parameters) override;
  AdamWOptions options_;
  std::vector<Tensor> means_, squares_;  // in the order of model().params()
  std::int64_t steps_ = 0;
};

/// What a configuration asks for.
struct OptimiserOptions {
  enum class Rule { kSgd, kAdamW };
  Rule rule = Rule::kSgd;
  SgdOptions sgd;
  AdamWOptions adamw;
};
std::unique_ptr<Optimiser> make_optimiser(Registry& model, const OptimiserOptions& options);

/// The Euclidean length of all gradients that the parameters hold, as one vector: sums of squares of a
/// parameter on its device, over parameters in double. NaN or infinite if any gradient is.
double gradient_norm(const Registry& model);

/// True if `name` fits `pattern`, in which each `*` stands for any text, also none.
bool fits(std::string_view pattern, std::string_view name);

}  // namespace clearcut
