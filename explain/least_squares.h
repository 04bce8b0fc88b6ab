// Weighted least squares with an intercept, in double.
#pragma once

#include <cstdint>
#include <vector>

namespace clearcut {

struct LinearFit {
  std::vector<double> coefficients;  // K
  double intercept = 0;
  double r2 = 0;        // weighted R^2 of the fit; 0 if y is constant
  bool ridged = false;  // the design had not full rank
};

/// Minimises  sum over i of weights[i] * (y[i] - intercept - sum over j of x[i * K + j] * w[j])^2.
///
/// x holds n rows of K bytes (LIME's bits), y and weights n values. Columns and y are centred by their
/// weighted means, the normal equations are solved by Cholesky. If a pivot is below 1e-10 of the largest
/// diagonal value (columns that depend on each other, fewer rows than columns), 1e-6 of the mean diagonal
/// value is added to the diagonal: nearly the solution of least norm. No column varies: coefficients 0.
/// Throws Error if sizes disagree, a weight is negative, or all weights are 0.
LinearFit weighted_least_squares(const std::vector<std::uint8_t>& x, const std::vector<double>& y,
                                 const std::vector<double>& weights);

}  // namespace clearcut
