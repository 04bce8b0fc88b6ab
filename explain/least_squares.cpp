#include "explain/least_squares.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace clearcut {

namespace {

// Solves A w = b for symmetric A [K, K], of which the lower triangle is used. False on a small pivot.
bool cholesky_solve(std::vector<double> A, std::vector<double>& b) {
  const std::size_t K = b.size();
  double largest = 0;
  for (std::size_t j = 0; j < K; ++j) largest = std::max(largest, A[j * K + j]);
  for (std::size_t j = 0; j < K; ++j) {
    double pivot = A[j * K + j];
    for (std::size_t k = 0; k < j; ++k) pivot -= A[j * K + k] * A[j * K + k];
    if (!(pivot > 1e-10 * largest)) return false;
    A[j * K + j] = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < K; ++i) {
      double value = A[i * K + j];
      for (std::size_t k = 0; k < j; ++k) value -= A[i * K + k] * A[j * K + k];
      A[i * K + j] = value / A[j * K + j];
    }
  }
  for (std::size_t i = 0; i < K; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= A[i * K + k] * b[k];
    b[i] /= A[i * K + i];
  }
  for (std::size_t i = K; i-- > 0;) {
    for (std::size_t k = i + 1; k < K; ++k) b[i] -= A[k * K + i] * b[k];
    b[i] /= A[i * K + i];
  }
  return true;
}

struct Centred {
  std::vector<double> mean_x;  // K
  double mean_y = 0;
  std::vector<double> A, b;  // normal equations
};

Centred normal_equations(const std::vector<std::uint8_t>& x, const std::vector<double>& y,
                         const std::vector<double>& weights, double total) {
  const std::size_t n = y.size(), K = x.size() / n;
  Centred c{.mean_x = std::vector<double>(K), .A = std::vector<double>(K * K), .b = std::vector<double>(K)};
  for (std::size_t i = 0; i < n; ++i) {
    c.mean_y += weights[i] * y[i] / total;
    for (std::size_t j = 0; j < K; ++j) c.mean_x[j] += weights[i] * x[i * K + j] / total;
  }
  std::vector<double> row(K);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < K; ++j) row[j] = x[i * K + j] - c.mean_x[j];
    for (std::size_t j = 0; j < K; ++j) {
      const double scaled = weights[i] * row[j];
      c.b[j] += scaled * (y[i] - c.mean_y);
      for (std::size_t k = 0; k <= j; ++k) c.A[j * K + k] += scaled * row[k];
    }
  }
  return c;
}

double weighted_r2(const std::vector<std::uint8_t>& x, const std::vector<double>& y,
                   const std::vector<double>& weights, const LinearFit& fit, double mean_y) {
  const std::size_t n = y.size(), K = fit.coefficients.size();
  double left = 0, all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double predicted = fit.intercept;
    for (std::size_t j = 0; j < K; ++j) predicted += fit.coefficients[j] * x[i * K + j];
    left += weights[i] * (y[i] - predicted) * (y[i] - predicted);
    all += weights[i] * (y[i] - mean_y) * (y[i] - mean_y);
  }
  return all > 0 ? 1 - left / all : 0;
}

}  // namespace

LinearFit weighted_least_squares(const std::vector<std::uint8_t>& x, const std::vector<double>& y,
                                 const std::vector<double>& weights) {
  const std::size_t n = y.size();
  check(n > 0 && !x.empty() && x.size() % n == 0 && weights.size() == n, "least_squares",
        "x must hold K >= 1 values for each of the n rows; got ", x.size(), " values, ", n, " y, ",
        weights.size(), " weights");
  double total = 0;
  for (const double weight : weights) {
    check(weight >= 0, "least_squares", "weights must be >= 0; got ", weight);
    total += weight;
  }
  check(total > 0, "least_squares", "all weights are 0");
  const std::size_t K = x.size() / n;
  Centred c = normal_equations(x, y, weights, total);
  LinearFit fit{.coefficients = c.b};
  if (!cholesky_solve(c.A, fit.coefficients)) {
    fit.ridged = true;
    double trace = 0;
    for (std::size_t j = 0; j < K; ++j) trace += c.A[j * K + j];
    for (std::size_t j = 0; j < K; ++j) c.A[j * K + j] += 1e-6 * trace / static_cast<double>(K);
    fit.coefficients = c.b;
    if (!cholesky_solve(c.A, fit.coefficients)) fit.coefficients.assign(K, 0);
  }
  fit.intercept = c.mean_y;
  for (std::size_t j = 0; j < K; ++j) fit.intercept -= fit.coefficients[j] * c.mean_x[j];
  fit.r2 = weighted_r2(x, y, weights, fit, c.mean_y);
  return fit;
}

}  // namespace clearcut
