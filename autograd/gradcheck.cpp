#include "autograd/gradcheck.h"

#include <cmath>

#include "tensor/random.h"

namespace clearcut {

namespace {

using Function = std::function<Var(const std::vector<Var>&)>;

double dot(const Tensor& a, const Tensor& b) {
  const double *pa = a.data<const double>(), *pb = b.data<const double>();
  double sum = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) sum += pa[i] * pb[i];
  return sum;
}

Tensor random_like(const Tensor& x, std::uint64_t seed, std::string_view purpose, std::uint64_t item) {
  Tensor r(x.shape(), DType::kFloat64, x.device());
  RandomStream(seed, purpose, item).fill_normal(r, 0.0, 1.0);
  return r;
}

// sum(r * f(inputs)), without a tape.
double weighted_output(const Function& f, const std::vector<Tensor>& inputs, const Tensor& r) {
  const NoGrad guard;
  std::vector<Var> vars(inputs.begin(), inputs.end());
  return dot(f(vars).value(), r);
}

double central_difference(const Function& f, std::vector<Tensor> inputs, std::size_t k,
                          const Tensor& direction, const Tensor& r, double step) {
  const Tensor x = inputs[k];
  double side[2];
  for (int s = 0; s < 2; ++s) {
    Tensor moved = x.clone();
    const double* d = direction.data<const double>();
    double* m = moved.data<double>();
    for (std::int64_t i = 0; i < moved.numel(); ++i) m[i] += (s == 0 ? step : -step) * d[i];
    inputs[k] = moved;
    side[s] = weighted_output(f, inputs, r);
  }
  return (side[0] - side[1]) / (2 * step);
}

// The directions along which input x is probed: unit vectors, or random ones of length 1.
std::vector<Tensor> directions_for(const Tensor& x, const GradcheckOptions& options, std::size_t k) {
  std::vector<Tensor> all;
  if (x.numel() <= options.all_elements_up_to) {
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      all.push_back(zeros_like(x));
      all.back().data<double>()[i] = 1.0;
    }
    return all;
  }
  for (int j = 0; j < options.directions; ++j) {
    Tensor d = random_like(x, options.seed, "gradcheck direction", k * 1000 + static_cast<std::uint64_t>(j));
    const double length = std::sqrt(dot(d, d));
    double* p = d.data<double>();
    for (std::int64_t i = 0; i < d.numel(); ++i) p[i] /= length;
    all.push_back(d);
  }
  return all;
}

}  // namespace

GradcheckResult gradcheck(const Function& f, const std::vector<Tensor>& inputs,
                          const GradcheckOptions& options) {
  std::vector<Var> vars;
  for (const Tensor& x : inputs) {
    check(x.dtype() == DType::kFloat64, "gradcheck", "inputs must be float64, got ", x.dtype());
    vars.emplace_back(x, true);
  }
  const Var y = f(vars);
  const Tensor r = random_like(y.value(), options.seed, "gradcheck output", 0);
  y.backward(r);
  GradcheckResult result;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    check(vars[k].grad().defined(), "gradcheck", "the result does not depend on input ", k);
    const auto directions = directions_for(inputs[k], options, k);
    for (std::size_t j = 0; j < directions.size(); ++j) {
      const double numeric = central_difference(f, inputs, k, directions[j], r, options.step);
      const double analytic = dot(vars[k].grad(), directions[j]);
      const double error =
          std::abs(numeric - analytic) / (options.absolute + options.relative * std::abs(numeric));
      if (!(error <= result.worst)) {  // also true for NaN
        result.worst = error;
        result.where =
            cat("input ", k, inputs[k].numel() <= options.all_elements_up_to ? ", element " : ", direction ",
                j, ": numeric ", numeric, ", analytic ", analytic);
      }
    }
  }
  result.passed = result.worst <= 1.0;
  return result;
}

}  // namespace clearcut
