// Trading time for memory: a function that is run again in the backward pass.
#pragma once

#include <functional>

#include "autograd/var.h"

namespace clearcut {

/// y = f(x) without keeping what f saves: f runs without a tape, and once more, with one, when the backward
/// pass arrives. Kept alive is x only. Cost: one more forward pass of f.
///
/// f must do the same both times. Parameters that f reads get their gradients too. Random numbers depend on
/// their keys only, so dropout repeats its mask; batch norm does not update its running statistics twice.
/// Source: Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174.
Var recompute(const std::function<Var(const Var&)>& f, const Var& x);

/// Lives on this thread while a function runs for the second time.
class Recomputing {
 public:
  Recomputing();
  ~Recomputing();
  Recomputing(const Recomputing&) = delete;
  Recomputing& operator=(const Recomputing&) = delete;
  static bool active();

 private:
  bool outer_;
};

}  // namespace clearcut
