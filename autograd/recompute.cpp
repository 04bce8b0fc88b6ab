#include "autograd/recompute.h"

namespace clearcut {

namespace {
thread_local bool recomputing = false;
}

Recomputing::Recomputing() : outer_(recomputing) { recomputing = true; }
Recomputing::~Recomputing() { recomputing = outer_; }
bool Recomputing::active() { return recomputing; }

Var recompute(const std::function<Var(const Var&)>& f, const Var& x) {
  if (NoGrad::active()) return f(x);
  Tensor y;
  {
    const NoGrad no_tape;
    y = f(x.detach()).value();
  }
  // The parameters inside f are no inputs here, so an x that needs no gradient is stood in for by a leaf:
  // the walk must reach this node for their sake.
  const Var anchor = x.requires_grad() ? x : Var(x.value(), true);
  return record("recompute", y, {anchor}, [f, x = save(x)](const Tensor& dy, const Need&) {
    const Recomputing again;
    const Var leaf(x.get(), true);
    const Var result = f(leaf);
    if (result.requires_grad()) result.backward(dy);
    return Grads{leaf.grad().defined() ? leaf.grad() : zeros_like(x)};
  });
}

}  // namespace clearcut
