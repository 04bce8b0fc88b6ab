// The running average of a model's weights over training steps.
#pragma once

#include <cstdint>

#include "nn/module.h"

namespace clearcut {

/// An exponential moving average of all parameters and buffers (running means and variances of batch
/// normalisation too, which belong to the weights beside them):
///
///   a <- a + (1 - d) (w - a),   d = min(decay, (1 + t) / (10 + t)) in step t, counted from 1
///
/// It starts as a copy of the weights; the lower d of the first steps lets it forget them.
/// Source: Polyak, Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the lower d of
/// the first steps is that of TensorFlow's ExponentialMovingAverage (behaviour).
class WeightAverage {
 public:
  /// Throws Error unless 0 < decay < 1.
  WeightAverage(Registry& model, double decay);

  /// Takes in the weights after step t.
  void update(std::int64_t step);

  /// Named like the model's own; load() wants exactly these names and shapes.
  const StateDict& state() const { return average_; }
  void load(const StateDict& state);
  /// Starts anew from the model's weights.
  void restart();

  /// While one lives the model holds the averaged weights: for evaluation. Null: the model as it is.
  class InPlace {
   public:
    explicit InPlace(const WeightAverage* average);
    ~InPlace();
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    StateDict model_, kept_;
  };

 private:
  Registry& model_;
  double decay_;
  StateDict average_;
};

}  // namespace clearcut
