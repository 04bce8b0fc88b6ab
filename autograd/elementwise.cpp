#include "autograd/elementwise.h"

#include "autograd/trace.h"
#include "tensor/ops/elementwise.h"

namespace clearcut {

namespace {

using pointwise::Kept;

// dx, in the storage of a dy that nobody else holds.
template <class Op>
Tensor input_gradient(const Op& op, const Tensor& dy, const Tensor& kept) {
  if (!dy.unique()) return ops::pointwise_backward(op, dy, kept);
  ops::pointwise_backward_in_place(op, dy, kept);
  return dy;
}

template <class Op>
Var record_pointwise(const Op& op, const Tensor& y, const Var& x) {
  if constexpr (Op::kKept == Kept::NONE)
    return record(Op::kName, y, {x},
                  [op](const Tensor& dy, const Need&) { return Grads{input_gradient(op, dy, dy)}; });
  else
    return record(Op::kName, y, {x},
                  [op, kept = save(Op::kKept == Kept::X ? x.value() : y)](const Tensor& dy, const Need&) {
                    return Grads{input_gradient(op, dy, kept)};
                  });
}

template <class Op>
Var apply(const Op& op, const Var& x) {
  return described(record_pointwise(op, ops::pointwise(op, x.value()), x), op);
}

template <class Op>
Var apply(const Op& op, Var&& x) {
  const bool x_is_kept = Op::kKept == Kept::X && x.requires_grad() && !NoGrad::active();
  if (!x.defined() || x_is_kept || !x.value().unique()) return apply(op, static_cast<const Var&>(x));
  ops::pointwise_in_place(op, x.value());
  return described(record_pointwise(op, x.value(), x), op);
}

}  // namespace

#define OP(name, ...)                                            \
  Var name(const Var& x) { return apply(pointwise::name{}, x); } \
  Var name(Var&& x) { return apply(pointwise::name{}, std::move(x)); }
#define OP1(name, a, ...)                                                   \
  Var name(const Var& x, double a) { return apply(pointwise::name{a}, x); } \
  Var name(Var&& x, double a) { return apply(pointwise::name{a}, std::move(x)); }
#define OP2(name, a, b, ...)                                                             \
  Var name(const Var& x, double a, double b) { return apply(pointwise::name{a, b}, x); } \
  Var name(Var&& x, double a, double b) { return apply(pointwise::name{a, b}, std::move(x)); }
#include "tensor/elementwise.def"

Var relu6(const Var& x) { return clamp(x, 0, 6); }

}  // namespace clearcut
