#include "autograd/gaussian_sum.h"

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "autograd/reduce.h"
#include "tensor/ops/gaussian_sum.h"

namespace clearcut {

Var gaussian_sum(const Tensor& features, const Var& q) {
  return record(
      "gaussian_sum", ops::gaussian_sum(features, q.value()), {q},
      [f = save(features)](const Tensor& dy, const Need&) { return Grads{ops::gaussian_sum(f, dy)}; });
}

Var gaussian_energy(const Tensor& features, const Var& p, const Tensor& gate) {
  const Var pairs = mul(p, gaussian_sum(features, p));
  return mul(sum(gate.defined() ? mul(pairs, Var(gate)) : pairs), -1.0 / static_cast<double>(p.dim(0)));
}

}  // namespace clearcut
