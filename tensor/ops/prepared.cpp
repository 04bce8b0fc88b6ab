#include "tensor/ops/prepared.h"

namespace clearcut {

void PreparedWeights::bind(const Tensor& w) {
  const std::lock_guard lock(mutex_);
  if (weights_.defined() && weights_.same_view(w) && version_ == w.version()) return;
  entries_.clear();
  weights_ = w;
  version_ = w.version();
}

std::shared_ptr<const PreparedWeights::Form> PreparedWeights::get(const Key& key, const Make& make) {
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_)
    if (entry.key == key) return entry.form;
  entries_.push_back({key, make()});
  return entries_.back().form;
}

void PreparedWeights::clear() {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  weights_ = Tensor();
}

}  // namespace clearcut
