// Sums of gradients over ranks that begin before the backward pass ends.
#pragma once

#include <cstddef>
#include <vector>

#include "nn/module.h"
#include "tensor/collective.h"

namespace clearcut {

/// Parameters in buckets, the last of the model first, as gradients become complete.
class GradientBuckets {
 public:
  /// A parameter larger than `bytes` has a bucket of its own.
  GradientBuckets(Registry& model, AllReduce& ranks, std::size_t bytes = std::size_t{4} << 20);

  /// loss.backward(), after which every gradient in the model is its sum over all ranks. Gradients that only
  /// a function inside recompute() makes are summed at the end.
  void backward(const Var& loss);

 private:
  struct Bucket {
    std::vector<std::size_t> params;  // indices in model.params()
    std::int64_t size = 0;            // numbers
    Tensor numbers;                   // [size]; the gradients are slices of it
    std::size_t waiting = 0;          // params whose gradient is not in it yet
  };
  struct Place {
    std::size_t bucket = 0;
    std::int64_t begin = 0;
    Tensor slice;  // of the bucket, from when the gradient is in it
  };
  void begin();
  void take(std::size_t param, Node& leaf);
  void start(Bucket& bucket);
  void take_the_rest();

  Registry& model_;
  AllReduce& ranks_;
  std::vector<Bucket> buckets_;
  std::vector<Place> places_;  // of model.params()
};

}  // namespace clearcut
