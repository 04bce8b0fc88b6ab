// A task of one parameter and one function of it.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "train/loop.h"

namespace clearcut::test {

/// loss = sum of f(w x) with the parameter w, of shape [values], `weight` everywhere, in a module called
/// "layer".
class PointwiseTask : public TrainTask {
 public:
  PointwiseTask(std::int64_t values, double weight, std::function<Var(const Var&)> f)
      : w_(root_.scope() / "layer" / "w", Tensor::full({values}, weight)), f_(std::move(f)) {}
  Registry& registry() override { return root_; }
  TrainLoss loss(const Batch& batch) override {
    const Var total = sum(root_.observe("layer", f_(w_.var() * Var(batch.images))));
    return {total, {total.value().item()}};
  }
  bool has_evaluation() const override { return false; }
  Score evaluate() override { return {}; }
  std::string card() const override { return ""; }

 private:
  Registry root_;
  Param w_;
  std::function<Var(const Var&)> f_;
};

}  // namespace clearcut::test
