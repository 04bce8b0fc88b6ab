#include "autograd/arithmetic.h"

#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"

namespace clearcut {

Var add(const Var& a, const Var& b) {
  return record("add", ops::add(a.value(), b.value()), {a, b}, [](const Tensor& dy, const Need&) {
    return Grads{dy, dy};
  });
}

Var sub(const Var& a, const Var& b) {
  return record("sub", ops::sub(a.value(), b.value()), {a, b}, [](const Tensor& dy, const Need& need) {
    return Grads{dy, need(1) ? ops::neg(dy) : Tensor()};
  });
}

// Each factor is kept only for the gradient of the other.
Var mul(const Var& a, const Var& b) {
  return record("mul", ops::mul(a.value(), b.value()), {a, b},
                [a = save_if(b.requires_grad(), a), b = save_if(a.requires_grad(), b)](const Tensor& dy,
                                                                                       const Need& need) {
                  return Grads{need(0) ? ops::mul(dy, b) : Tensor(), need(1) ? ops::mul(dy, a) : Tensor()};
                });
}

// d(a / b) = da / b - db (a / b) / b.
Var div(const Var& a, const Var& b) {
  const Tensor y = ops::div(a.value(), b.value());
  return record("div", y, {a, b},
                [y = b.requires_grad() ? save(y) : Saved(), b = save(b)](const Tensor& dy, const Need& need) {
                  const Tensor da = ops::div(dy, b);
                  return Grads{da, need(1) ? ops::neg(ops::mul(da, y)) : Tensor()};
                });
}

}  // namespace clearcut
