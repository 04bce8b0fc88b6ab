// Weighted linear fits with an intercept, in double, from rows that are seen once.
#pragma once

#include <cstdint>
#include <vector>

namespace clearcut {

/// What holds large coefficients down.
enum class Penalty : std::uint8_t { kNone, kRidge, kLasso };

struct LinearFit {
  std::vector<double> coefficients = {};  // K
  double intercept = 0;
  double r2 = 0;          // weighted R^2 of the fit; 0 if y is constant
  std::int64_t rank = 0;  // of the centred design, without its penalty
};

/// Sums over weighted rows (x_i, y_i, pi_i): all that a fit needs, K^2 + 5 K doubles for any number of rows.
/// Rows are added in the order of the calls, so the same rows give the same bits.
class LeastSquares {
 public:
  /// Throws Error unless K >= 1.
  explicit LeastSquares(std::int64_t K);

  /// x [K]. Throws Error if the weight is negative.
  void add(const double* x, double y, double weight);
  std::int64_t rows() const { return rows_; }

  /// Minimises over w and b, with W = sum of pi_i:
  ///
  ///   none    sum pi_i (y_i - b - <x_i, w>)^2; of several minima the one of least |w|
  ///   ridge   ... + alpha |w|^2
  ///   lasso   1 / (2 W) sum pi_i (y_i - b - <x_i, w>)^2 + alpha |w|_1
  ///
  /// which is what scikit-learn's LinearRegression, Ridge and Lasso minimise. none and ridge: the normal
  /// equations of centred columns by Cholesky with pivots; pivots below 1e-10 of the largest diagonal value
  /// count as 0. lasso: coordinate descent until no coefficient moves by 1e-12 of the largest, or 10,000
  /// rounds. Cost K^3. Throws Error if all weights are 0 or alpha is negative.
  LinearFit fit(Penalty penalty = Penalty::kNone, double alpha = 0) const;

  /// Coefficients pulled towards a prior, as in G-LIME:
  ///
  ///   w = (X'X + pull I)^-1 (X'y + pull w0),  w0 = prior / |prior|_1 (0 where the prior is 0)
  ///
  /// Columns of X and y are less their weighted means, then of length 1 (unweighted), then times sqrt(pi).
  /// So w has no unit and no intercept. r2 is that of w. Throws Error unless pull > 0.
  /// Source: Li 2023 (Artificial Intelligence 314), as in InterpretDL.
  LinearFit fit_towards(const std::vector<double>& prior, double pull) const;

 private:
  struct Centred {
    std::vector<double> mean, A, b;  // [K], [K, K], [K]
    double mean_y = 0, yy = 0;
  };
  Centred centred() const;

  std::int64_t K_, rows_ = 0;
  double origin_ = 0;                       // the first y: sums run over y - origin
  double weight_ = 0, y_ = 0, yy_ = 0;      // weighted
  std::vector<double> x_, xx_, xy_;         // weighted: [K], lower triangle of [K, K], [K]
  double plain_y_ = 0, plain_yy_ = 0;       // not weighted
  std::vector<double> plain_x_, plain_xx_;  // not weighted: [K], sums of squares [K]
};

}  // namespace clearcut
