#include "train/optimiser.h"

#include <algorithm>
#include <map>

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

Sgd::Sgd(Registry& model, SgdOptions options) : model_(model), options_(std::move(options)) {
  for (const RateRule& rule : options_.rates) {
    const bool used =
        std::ranges::any_of(model.params(), [&](const Param* p) { return fits(rule.pattern, p->name()); });
    check(used, "optimiser", "rate pattern '", rule.pattern, "' fits no parameter; the model has ",
          model.params().size(), " parameters, the first is '",
          model.params().empty() ? "" : model.params().front()->name(), "'");
  }
  for (const Param* p : model.params()) {
    velocities_.push_back(zeros_like(p->value()));
    multipliers_.push_back(multiplier(p->name()));
  }
}

double Sgd::multiplier(const std::string& parameter) const {
  for (const RateRule& rule : options_.rates)
    if (fits(rule.pattern, parameter)) return rule.multiplier;
  return 1;
}

void Sgd::step(double rate) {
  const auto& params = model_.params();
  std::vector<ops::SgdParameter> all;
  for (std::size_t i = 0; i < params.size(); ++i) {
    const Var& w = params[i]->var();
    if (!w.requires_grad() || !w.grad().defined()) continue;
    all.push_back({w.value(),
                   velocities_[i],
                   w.grad(),
                   {.rate = rate * multipliers_[i],
                    .momentum = options_.momentum,
                    .weight_decay = options_.weight_decay,
                    .nesterov = options_.nesterov}});
  }
  ops::sgd_update(all);
}

StateDict Sgd::state() const {
  StateDict all;
  for (std::size_t i = 0; i < velocities_.size(); ++i)
    all.emplace_back(model_.params()[i]->name(), velocities_[i]);
  return all;
}

void Sgd::load(const StateDict& state) {
  const std::map<std::string, Tensor> source(state.begin(), state.end());
  check(source.size() == velocities_.size(), "optimiser", "the model has ", velocities_.size(),
        " parameters, the saved state ", source.size());
  for (std::size_t i = 0; i < velocities_.size(); ++i) {
    const std::string& name = model_.params()[i]->name();
    const auto found = source.find(name);
    check(found != source.end(), "optimiser", "the saved state has no velocity of ", name);
    check(found->second.shape() == velocities_[i].shape(), "optimiser", name, " has shape ",
          velocities_[i].shape(), ", the saved velocity ", found->second.shape());
  }
  for (std::size_t i = 0; i < velocities_.size(); ++i)
    velocities_[i].copy_from(source.at(model_.params()[i]->name()).to(velocities_[i].dtype()), "load");
}

}  // namespace clearcut
