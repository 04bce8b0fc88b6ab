#include "train/gradient_buckets.h"

#include <unordered_map>

#include "autograd/leaf_ready.h"

namespace clearcut {

GradientBuckets::GradientBuckets(Registry& model, AllReduce& ranks, std::size_t bytes)
    : model_(model), ranks_(ranks), places_(model.params().size()) {
  const auto most = static_cast<std::int64_t>(bytes / size_of(model.dtype()));
  for (std::size_t i = model.params().size(); i-- > 0;) {
    const std::int64_t n = model.params()[i]->value().numel();
    if (buckets_.empty() || buckets_.back().size + n > most) buckets_.emplace_back();
    Bucket& bucket = buckets_.back();
    places_[i] = {.bucket = buckets_.size() - 1, .begin = bucket.size, .slice = {}};
    bucket.params.push_back(i);
    bucket.size += n;
  }
}

void GradientBuckets::begin() {
  for (Place& place : places_) place.slice = Tensor();
  for (Bucket& bucket : buckets_) {
    bucket.numbers = Tensor();
    bucket.waiting = 0;
    for (const std::size_t i : bucket.params) bucket.waiting += model_.params()[i]->var().requires_grad();
  }
}

void GradientBuckets::take(std::size_t param, Node& leaf) {
  Place& place = places_[param];
  Bucket& bucket = buckets_[place.bucket];
  if (!bucket.numbers.defined()) bucket.numbers = Tensor::zeros({bucket.size}, leaf.dtype, leaf.device);
  place.slice = bucket.numbers.slice(place.begin, place.begin + leaf.shape.numel()).reshape(leaf.shape);
  place.slice.copy_from(leaf.grad, "all_reduce");
  leaf.grad = place.slice;
  if (--bucket.waiting == 0) start(bucket);
}

void GradientBuckets::start(Bucket& bucket) {
  bucket.waiting = 0;
  ranks_.start_sum(bucket.numbers);
}

// Gradients that the tape did not tell of, and buckets in which some are missing: the same on all ranks.
void GradientBuckets::take_the_rest() {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Var& param = model_.params()[i]->var();
    if (!param.requires_grad() || !param.grad().defined() || places_[i].slice.defined()) continue;
    take(i, *param.node());
  }
  for (Bucket& bucket : buckets_)
    if (bucket.waiting > 0 && bucket.numbers.defined()) start(bucket);
}

void GradientBuckets::backward(const Var& loss) {
  begin();
  std::unordered_map<const Node*, std::size_t> index;
  for (std::size_t i = 0; i < places_.size(); ++i) index[model_.params()[i]->var().node().get()] = i;
  {
    const LeafReady listener([&](Node& leaf) {
      if (const auto found = index.find(&leaf); found != index.end()) take(found->second, leaf);
    });
    loss.backward();
  }
  take_the_rest();
  ranks_.finish();
  for (std::size_t i = 0; i < places_.size(); ++i)
    check(!places_[i].slice.defined() || model_.params()[i]->var().grad().same_view(places_[i].slice),
          "all-reduce", "the gradient of ", model_.params()[i]->name(),
          " changed after it was complete: it is used inside recompute() and outside of it");
}

}  // namespace clearcut
