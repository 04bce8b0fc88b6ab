#include "autograd/elementwise.h"

#include "tensor/ops/elementwise.h"

namespace clearcut {

namespace {

template <class Op>
Var apply(const Op& op, const Var& x) {
  const Tensor y = ops::pointwise(op, x.value());
  if constexpr (Op::kKept == pointwise::Kept::NONE)
    return record(Op::kName, y, {x},
                  [op](const Tensor& dy, const Need&) { return Grads{ops::pointwise_backward(op, dy, dy)}; });
  else
    return record(
        Op::kName, y, {x},
        [op, kept = save(Op::kKept == pointwise::Kept::X ? x.value() : y)](const Tensor& dy, const Need&) {
          return Grads{ops::pointwise_backward(op, dy, kept)};
        });
}

}  // namespace

#define OP(name, ...) \
  Var name(const Var& x) { return apply(pointwise::name{}, x); }
#define OP1(name, a, ...) \
  Var name(const Var& x, double a) { return apply(pointwise::name{a}, x); }
#define OP2(name, a, b, ...) \
  Var name(const Var& x, double a, double b) { return apply(pointwise::name{a, b}, x); }
#include "tensor/elementwise.def"

Var relu6(const Var& x) { return clamp(x, 0, 6); }

}  // namespace clearcut
