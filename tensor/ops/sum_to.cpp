#include "tensor/ops/sum_to.h"

#include <vector>

namespace clearcut::ops {

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(broadcast("sum_to", x.shape(), shape) == x.shape(), "sum_to", "shape ", shape,
        " does not broadcast to ", x.shape());
  const auto plan = kernels::plan_broadcast(x.shape(), x.shape(), shape);
  Tensor y(shape, x.dtype(), x.device());
  on<Floats>("sum_to", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::sum_to(tag, plan, x.data<const T>(), y.data<T>(), y.numel());
  });
  return y;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void sum_to(Reference, const BroadcastPlan& plan, const T* x, T* y, std::int64_t y_n) {
  std::vector<double> total(static_cast<std::size_t>(y_n), 0.0);
  for (std::int64_t i = 0; i < plan.numel; ++i) {
    std::int64_t at = 0, rest = i;
    for (std::size_t d = plan.sizes.size(); d-- > 0; rest /= plan.sizes[d])
      at += rest % plan.sizes[d] * plan.b[d];
    total[static_cast<std::size_t>(at)] += x[i];
  }
  for (std::int64_t i = 0; i < y_n; ++i) y[i] = static_cast<T>(total[static_cast<std::size_t>(i)]);
}

template void sum_to(Reference, const BroadcastPlan&, const float*, float*, std::int64_t);
template void sum_to(Reference, const BroadcastPlan&, const double*, double*, std::int64_t);

}  // namespace clearcut::kernels
