#include "train/optimiser.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "tensor/ops/adamw.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/rearrange.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/sgd.h"

namespace clearcut {

bool fits(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (!name.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= name.size(); ++at)
    if (fits(rest, name.substr(at))) return true;
  return false;
}

namespace {

bool decays_not(const std::string& pattern, const Param& p) {
  return pattern == kVectors ? p.value().rank() <= 1 : fits(pattern, p.name());
}

}  // namespace

Optimiser::Optimiser(Registry& model, ParameterGroups groups) : model_(model), groups_(std::move(groups)) {
  const auto must_fit = [&](const char* what, const std::string& pattern, const auto& used) {
    check(std::ranges::any_of(model.params(), used), "optimiser", what, " '", pattern,
          "' fits no parameter; the model has ", model.params().size(), " parameters, the first is '",
          model.params().empty() ? "" : model.params().front()->name(), "'");
  };
  for (const RateRule& rule : groups_.rates)
    must_fit("rate pattern", rule.pattern, [&](const Param* p) { return fits(rule.pattern, p->name()); });
  for (const std::string& pattern : groups_.no_decay)
    must_fit("no_decay pattern", pattern, [&](const Param* p) { return decays_not(pattern, *p); });
  for (const Param* p : model.params()) {
    multipliers_.push_back(multiplier(p->name()));
    decays_.push_back(weight_decay(*p));
  }
}

double Optimiser::multiplier(const std::string& parameter) const {
  for (const RateRule& rule : groups_.rates)
    if (fits(rule.pattern, parameter)) return rule.multiplier;
  return 1;
}

double Optimiser::weight_decay(const Param& parameter) const {
  const bool none =
      std::ranges::any_of(groups_.no_decay, [&](const auto& p) { return decays_not(p, parameter); });
  return none ? 0 : groups_.weight_decay;
}

void Optimiser::step(double rate, double gradient_scale) {
  const auto& params = model_.params();
  std::vector<Learning> learning;
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Var& w = params[i]->var();
    if (!w.requires_grad() || !w.grad().defined()) continue;
    const Tensor g =
        gradient_scale == 1 ? w.grad() : ops::pointwise(pointwise::mul{gradient_scale}, w.grad());
    learning.push_back({i, w.value(), g, rate * multipliers_[i], decays_[i]});
  }
  update(learning);
}

std::vector<Tensor> Optimiser::zeros() const {
  std::vector<Tensor> all;
  for (const Param* p : model_.params()) all.push_back(zeros_like(p->value()));
  return all;
}

void Optimiser::add_state(const std::vector<Tensor>& tensors, const std::string& prefix,
                          StateDict& all) const {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    all.emplace_back(prefix + model_.params()[i]->name(), tensors[i]);
}

void Optimiser::load_state(const std::vector<std::pair<std::string, std::vector<Tensor>*>>& parts,
                           const StateDict& state) const {
  const std::map<std::string, Tensor> source(state.begin(), state.end());
  const std::size_t wanted = parts.size() * model_.params().size();
  check(source.size() == wanted, "optimiser", "the model has ", model_.params().size(),
        " parameters, of which this rule keeps ", wanted, " tensors; the saved state has ", source.size());
  std::vector<std::pair<Tensor, Tensor>> copies;
  for (const auto& [prefix, tensors] : parts)
    for (std::size_t i = 0; i < tensors->size(); ++i) {
      const std::string name = prefix + model_.params()[i]->name();
      const Tensor& mine = (*tensors)[i];
      const auto found = source.find(name);
      check(found != source.end(), "optimiser", "the saved state has no ", name);
      check(found->second.shape() == mine.shape(), "optimiser", name, " has shape ", mine.shape(),
            ", in the saved state ", found->second.shape());
      copies.emplace_back(mine, found->second);
    }
  for (const auto& [to, from] : copies) to.copy_from(from.to(to.dtype()), "load");
}

Sgd::Sgd(Registry& model, SgdOptions options)
    : Optimiser(model, options.groups), options_(std::move(options)), velocities_(zeros()) {}

void Sgd::update(const std::vector<Learning>& parameters) {
  std::vector<ops::SgdParameter> all;
  for (const Learning& p : parameters)
    all.push_back({p.w,
                   velocities_[p.index],
                   p.g,
                   {.rate = p.rate,
                    .momentum = options_.momentum,
                    .weight_decay = p.weight_decay,
                    .nesterov = options_.nesterov}});
  ops::sgd_update(all);
}

StateDict Sgd::state() const {
  StateDict all;
  add_state(velocities_, "", all);
  return all;
}
void Sgd::load(const StateDict& state) { load_state({{"", &velocities_}}, state); }

AdamW::AdamW(Registry& model, AdamWOptions options)
    : Optimiser(model, options.groups), options_(std::move(options)), means_(zeros()), squares_(zeros()) {}

void AdamW::update(const std::vector<Learning>& parameters) {
  ++steps_;
  std::vector<ops::AdamWParameter> all;
  for (const Learning& p : parameters)
    all.push_back({p.w,
                   means_[p.index],
                   squares_[p.index],
                   p.g,
                   {.rate = p.rate,
                    .beta1 = options_.beta1,
                    .beta2 = options_.beta2,
                    .epsilon = options_.epsilon,
                    .weight_decay = p.weight_decay,
                    .step = steps_}});
  ops::adamw_update(all);
}

StateDict AdamW::state() const {
  StateDict all{{"steps", Tensor::from<std::int64_t>({1}, {steps_})}};
  add_state(means_, "mean/", all);
  add_state(squares_, "square/", all);
  return all;
}

void AdamW::load(const StateDict& state) {
  StateDict tensors = state;
  const auto steps = std::ranges::find_if(tensors, [](const auto& entry) { return entry.first == "steps"; });
  check(steps != tensors.end() && steps->second.numel() == 1, "optimiser",
        "the saved state is not of AdamW: it has no 'steps' [1]");
  const auto done = static_cast<std::int64_t>(steps->second.item());
  tensors.erase(steps);
  load_state({{"mean/", &means_}, {"square/", &squares_}}, tensors);
  steps_ = done;
}

std::unique_ptr<Optimiser> make_optimiser(Registry& model, const OptimiserOptions& options) {
  if (options.rule == OptimiserOptions::Rule::kAdamW) return std::make_unique<AdamW>(model, options.adamw);
  return std::make_unique<Sgd>(model, options.sgd);
}

double gradient_norm(const Registry& model) {
  std::vector<Tensor> sums;
  for (const Param* p : model.params()) {
    if (!p->var().requires_grad() || !p->var().grad().defined()) continue;
    const Tensor row = p->var().grad().reshape({-1});
    sums.push_back(ops::sum(ops::pointwise(pointwise::square{}, row), {0}, true));
  }
  if (sums.empty()) return 0;
  const Tensor all = ops::concat(sums, 0).to(Device::kCpu).to(DType::kFloat64);
  double total = 0;
  for (const double s : all.values<double>()) total += s;
  return std::sqrt(total);
}

}  // namespace clearcut
