#include "autograd/reduce.h"

#include <numeric>

#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/reduce.h"

namespace clearcut {

namespace {

std::vector<int> all_dims(const Var& x) {
  std::vector<int> dims(static_cast<std::size_t>(x.value().rank()));
  std::iota(dims.begin(), dims.end(), 0);
  return dims;
}

// scale * sum over dims; its gradient is scale * dy, repeated.
Var scaled_sum(const char* op, const Var& x, const std::vector<int>& dims, bool keep, double scale) {
  Tensor y = ops::sum(x.value(), dims, keep);
  if (scale != 1) y = ops::mul(y, scale);
  const Shape kept = ops::kept_shape(op, x.shape(), dims);
  return record(op, y, {x}, [kept, shape = x.shape(), scale](const Tensor& dy, const Need&) {
    const Tensor each = scale == 1 ? dy : ops::mul(dy, scale);
    return Grads{ops::broadcast_to(each.reshape(kept), shape)};
  });
}

}  // namespace

Var sum(const Var& x, const std::vector<int>& dims, bool keep) { return scaled_sum("sum", x, dims, keep, 1); }

Var mean(const Var& x, const std::vector<int>& dims, bool keep) {
  const std::int64_t kept = ops::kept_shape("mean", x.shape(), dims).numel();
  check(x.value().numel() > 0, "mean", "x has no elements: ", x.shape());
  return scaled_sum("mean", x, dims, keep,
                    static_cast<double>(kept) / static_cast<double>(x.value().numel()));
}

Var sum(const Var& x) { return sum(x, all_dims(x)); }
Var mean(const Var& x) { return mean(x, all_dims(x)); }

Var max(const Var& x, int dim, bool keep) {
  const ops::MaxResult y = ops::max(x.value(), dim, keep);
  return record("max", y.values, {x},
                [at = save(y.indices), shape = x.shape(), dim](const Tensor& dy, const Need&) {
                  return Grads{ops::max_backward(dy, at, shape, dim)};
                });
}

Var log_sum_exp(const Var& x, int dim, bool keep) {
  const Tensor y = ops::log_sum_exp(x.value(), dim, keep);
  return record("log_sum_exp", y, {x}, [x = save(x), y = save(y), dim](const Tensor& dy, const Need&) {
    return Grads{ops::log_sum_exp_backward(dy, x, y, dim)};
  });
}

Var log_sum_exp(const Var& x, const std::vector<std::vector<std::int64_t>>& columns) {
  const Tensor y = ops::log_sum_exp(x.value(), columns);
  return record("log_sum_exp", y, {x}, [x = save(x), y = save(y), columns](const Tensor& dy, const Need&) {
    return Grads{ops::log_sum_exp_backward(dy, x, y, columns)};
  });
}

}  // namespace clearcut
