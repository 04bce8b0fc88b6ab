#include "tests/op_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tensor/random.h"

namespace clearcut::test {

namespace {

Tensor random_like(const Tensor& y) {
  Tensor dy(y.shape(), DType::kFloat64);
  RandomStream(2, "dy").fill_normal(dy, 0, 1);
  return dy.to(DType::kFloat32).to(y.dtype()).to(y.device());
}

std::vector<double> doubles(const Tensor& x) {
  return x.to(Device::kReference).to(DType::kFloat64).values<double>();
}

}  // namespace

OpRun run_op(const OpFunction& f, const std::vector<Tensor>& inputs, const Tensor& dy) {
  std::vector<Var> vars;
  for (const Tensor& x : inputs) vars.emplace_back(x.clone(), true);
  OpRun result;
  const std::int64_t before = fast_bodies_entered;
  const Var y = f(vars);
  const std::int64_t between = fast_bodies_entered;
  result.y = y.value();
  y.backward(dy.defined() ? dy : random_like(result.y));
  result.fast_forward = between - before;
  result.fast_backward = fast_bodies_entered - between;
  for (const Var& x : vars) result.grads.push_back(x.grad());
  return result;
}

// Float rounding of a sum of n terms of size `scale`: eps * sqrt(n) * scale, times 8 for the
// non-random part and the few operations around the sum.
double op_tolerance(const OpCase& row, const Tensor& expected) {
  double scale = 1e-3;
  for (const double v : expected.values<double>()) scale = std::max(scale, std::abs(v));
  return 8 * 1.2e-7 * std::sqrt(row.terms) * scale;
}

void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const auto a = doubles(got), b = doubles(expected);
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_LE(std::abs(a[i] - b[i]), tolerance)
        << what << ", element " << i << ": " << a[i] << " but expected " << b[i];
}

}  // namespace clearcut::test
