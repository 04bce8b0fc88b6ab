#include "tensor/ops/arithmetic.h"

#include <algorithm>

#include "tensor/ops/broadcast_runs.h"

namespace clearcut::kernels {

namespace {

// Strides of a dense tensor of shape x, in the dimensions of y; 0 where x is repeated.
std::vector<std::int64_t> strides_in(const Shape& y, const Shape& x) {
  std::vector<std::int64_t> strides(static_cast<std::size_t>(y.rank()), 0);
  std::int64_t stride = 1;
  for (int i = 1; i <= x.rank(); ++i) {
    strides[static_cast<std::size_t>(y.rank() - i)] = x[-i] == 1 ? 0 : stride;
    stride *= x[-i];
  }
  return strides;
}

}  // namespace

BroadcastPlan plan_broadcast(const Shape& y, const Shape& a, const Shape& b) {
  const auto stride_a = strides_in(y, a), stride_b = strides_in(y, b);
  BroadcastPlan plan{.sizes = {}, .a = {}, .b = {}, .numel = y.numel()};
  for (int d = 0; d < y.rank(); ++d) {
    const auto i = static_cast<std::size_t>(d);
    if (y[d] == 1) continue;
    const bool merges =
        !plan.sizes.empty() && plan.a.back() == stride_a[i] * y[d] && plan.b.back() == stride_b[i] * y[d];
    if (merges) {
      plan.sizes.back() *= y[d];
      plan.a.back() = stride_a[i];
      plan.b.back() = stride_b[i];
    } else {
      plan.sizes.push_back(y[d]);
      plan.a.push_back(stride_a[i]);
      plan.b.push_back(stride_b[i]);
    }
  }
  if (plan.sizes.empty()) plan = {.sizes = {1}, .a = {0}, .b = {0}, .numel = y.numel()};
  return plan;
}

template <class Op, class T>
void binary(Reference, Op, const BroadcastPlan& plan, const T* a, const T* b, T* y) {
  for_each_run(plan, [&](const Run& run) {
    for (std::int64_t i = 0; i < run.n; ++i)
      y[run.y + i] = Op::f(a[run.a + i * run.stride_a], b[run.b + i * run.stride_b]);
  });
}

template <class T>
void broadcast_to(Reference, const BroadcastPlan& plan, const T* x, T* y) {
  for_each_run(plan, [&](const Run& run) {
    for (std::int64_t i = 0; i < run.n; ++i) y[run.y + i] = x[run.a + i * run.stride_a];
  });
}

}  // namespace clearcut::kernels

namespace clearcut::ops {

namespace {

template <class Op>
Tensor binary(Op op, const Tensor& a, const Tensor& b) {
  check_same_kind(Op::kName, a, b);
  Tensor y(broadcast(Op::kName, a.shape(), b.shape()), a.dtype(), a.device());
  const auto plan = kernels::plan_broadcast(y.shape(), a.shape(), b.shape());
  on<Floats>(Op::kName, a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::binary(tag, op, plan, a.data<const T>(), b.data<const T>(), y.data<T>());
  });
  return y;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) { return binary(kernels::Add{}, a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return binary(kernels::Sub{}, a, b); }
Tensor mul(const Tensor& a, const Tensor& b) { return binary(kernels::Mul{}, a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return binary(kernels::Div{}, a, b); }

void add_in_place(const Tensor& a, const Tensor& b) {
  check_same_kind("add", a, b);
  check(a.shape() == b.shape(), "add", "in place both must have one shape; got ", a.shape(), " and ",
        b.shape());
  const auto plan = kernels::plan_broadcast(a.shape(), a.shape(), b.shape());
  on<Floats>("add", a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::binary(tag, kernels::Add{}, plan, a.data<const T>(), b.data<const T>(), a.data<T>());
  });
  a.written_by("add");
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check(x.defined(), "broadcast_to", "x is undefined");
  if (x.shape() == shape) return x;
  check(broadcast("broadcast_to", x.shape(), shape) == shape, "broadcast_to", "x ", x.shape(),
        " does not broadcast to ", shape, ": only sizes of 1 can be repeated");
  Tensor y(shape, x.dtype(), x.device());
  const auto plan = kernels::plan_broadcast(shape, x.shape(), x.shape());
  on<Floats>("broadcast_to", x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::broadcast_to(tag, plan, x.data<const T>(), y.data<T>()); });
  return y;
}

}  // namespace clearcut::ops
