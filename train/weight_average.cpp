#include "train/weight_average.h"

#include <algorithm>
#include <map>

#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"

namespace clearcut {

namespace {

StateDict copy_of(const StateDict& state) {
  StateDict copy;
  for (const auto& [name, tensor] : state) copy.emplace_back(name, tensor.clone());
  return copy;
}

void copy_to(const StateDict& to, const StateDict& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i].second.copy_from(from[i].second, "weight average");
}

}  // namespace

WeightAverage::WeightAverage(Registry& model, double decay)
    : model_(model), decay_(decay), average_(copy_of(model.state())) {
  check(decay > 0 && decay < 1, "weight average", "the decay must lie between 0 and 1, got ", decay);
}

void WeightAverage::restart() { copy_to(average_, model_.state()); }

void WeightAverage::update(std::int64_t step) {
  const auto t = static_cast<double>(step);
  const double share = 1 - std::min(decay_, (1 + t) / (10 + t));
  const StateDict now = model_.state();
  for (std::size_t i = 0; i < now.size(); ++i) {
    const Tensor &w = now[i].second, &a = average_[i].second;
    if (w.dtype() == DType::kFloat32 || w.dtype() == DType::kFloat64)
      ops::add_in_place(a, ops::pointwise(pointwise::mul{share}, ops::sub(w, a)));
    else
      a.copy_from(w, "weight average");  // counters
  }
}

void WeightAverage::load(const StateDict& state) {
  const std::map<std::string, Tensor> source(state.begin(), state.end());
  check(source.size() == average_.size(), "weight average", "the model has ", average_.size(),
        " tensors, the saved average ", source.size());
  for (const auto& [name, tensor] : average_) {
    const auto found = source.find(name);
    check(found != source.end() && found->second.shape() == tensor.shape(), "weight average",
          "the saved average has no ", name, " of shape ", tensor.shape());
  }
  for (const auto& [name, tensor] : average_)
    tensor.copy_from(source.at(name).to(tensor.dtype()), "weight average");
}

WeightAverage::InPlace::InPlace(const WeightAverage* average) {
  if (average == nullptr) return;
  model_ = average->model_.state();
  kept_ = copy_of(model_);
  copy_to(model_, average->average_);
}

WeightAverage::InPlace::~InPlace() {
  if (!model_.empty()) copy_to(model_, kept_);
}

}  // namespace clearcut
