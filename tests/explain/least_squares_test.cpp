#include "explain/least_squares.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"

namespace clearcut {
namespace {

LeastSquares rows_of(std::int64_t K, const std::vector<double>& x, const std::vector<double>& y,
                     const std::vector<double>& weights) {
  LeastSquares sums(K);
  for (std::size_t i = 0; i < y.size(); ++i)
    sums.add(x.data() + static_cast<std::int64_t>(i) * K, y[i], weights[i]);
  return sums;
}

// y = 1 + 2 a - 3 b.
TEST(LeastSquares, ByHand) {
  const std::vector<double> x = {0, 0, 1, 0, 0, 1, 1, 1};
  const LinearFit fit = rows_of(2, x, {1, 3, -2, 0}, {1, 2, 0.5, 1}).fit();
  EXPECT_NEAR(fit.coefficients[0], 2, 1e-12);
  EXPECT_NEAR(fit.coefficients[1], -3, 1e-12);
  EXPECT_NEAR(fit.intercept, 1, 1e-12);
  EXPECT_NEAR(fit.r2, 1, 1e-12);
  EXPECT_EQ(fit.rank, 2);
  const LinearFit constant = rows_of(2, x, {5, 5, 5, 5}, {1, 1, 1, 1}).fit();
  EXPECT_EQ(constant.coefficients, (std::vector<double>{0, 0}));
  EXPECT_EQ(constant.intercept, 5);
  EXPECT_EQ(constant.r2, 0);
}

// y = a: with the column twice each gets half, with a third that is twice as large it gets twice as much as
// they, in proportion to (1, 1, 2) with 1/6 of the whole.
TEST(LeastSquares, LeastNormWhereColumnsDependOnEachOther) {
  const LinearFit twice = rows_of(2, {0, 0, 1, 1, 0, 0, 1, 1}, {1, 3, 1, 3}, {1, 1, 1, 1}).fit();
  EXPECT_EQ(twice.rank, 1);
  EXPECT_NEAR(twice.coefficients[0], 1, 1e-12);
  EXPECT_NEAR(twice.coefficients[1], 1, 1e-12);
  const LinearFit thrice = rows_of(3, {0, 0, 0, 1, 1, 2}, {0, 1}, {1, 1}).fit();
  EXPECT_NEAR(thrice.coefficients[0], 1.0 / 6, 1e-12);
  EXPECT_NEAR(thrice.coefficients[1], 1.0 / 6, 1e-12);
  EXPECT_NEAR(thrice.coefficients[2], 2.0 / 6, 1e-12);
  EXPECT_EQ(rows_of(1, {1, 1}, {2, 3}, {1, 1}).fit().coefficients[0], 0);  // a column of one value
}

// Weighted regression of y = (0, 2, 3) on bits (0, 1, 1): the weighted mean of 2 and 3 minus 0.
TEST(LeastSquares, WeightsCount) {
  const LinearFit fit = rows_of(1, {0, 1, 1}, {0, 2, 3}, {1, 3, 1}).fit();
  EXPECT_NEAR(fit.coefficients[0], (3 * 2 + 3) / 4.0, 1e-12);
}

// y = 0, 2 at x = 0, 1, weights 1: A = 1/2, b = 1. Ridge 1 / (1/2 + alpha); lasso (1 - 2 alpha) / (1/2), for
// the sum of weights is 2.
TEST(LeastSquares, PenaltiesByHand) {
  const LeastSquares sums = rows_of(1, {0, 1}, {0, 2}, {1, 1});
  EXPECT_NEAR(sums.fit(Penalty::kRidge, 1).coefficients[0], 1 / 1.5, 1e-12);
  EXPECT_NEAR(sums.fit(Penalty::kLasso, 0.1).coefficients[0], 0.8 / 0.5, 1e-12);
  EXPECT_EQ(sums.fit(Penalty::kLasso, 0.6).coefficients[0], 0);
  EXPECT_NEAR(rows_of(1, {0, 1}, {2, 0}, {1, 1}).fit(Penalty::kLasso, 0.1).coefficients[0], -0.8 / 0.5,
              1e-12);
}

// Column and y are (-1, 1) / sqrt 2: X'X = X'y = 1. The prior 3 counts as 1.
TEST(LeastSquares, TowardsAPriorByHand) {
  const LeastSquares sums = rows_of(1, {0, 1}, {0, 7}, {1, 1});
  EXPECT_NEAR(sums.fit_towards({3}, 0.5).coefficients[0], (1 + 0.5) / 1.5, 1e-12);
  EXPECT_NEAR(sums.fit_towards({0}, 0.5).coefficients[0], 1 / 1.5, 1e-12);
  EXPECT_NEAR(sums.fit_towards({-3}, 0.5).coefficients[0], 0.5 / 1.5, 1e-12);
}

// Scores near 1 that differ by 1e-6, as probabilities of sure classifiers do.
TEST(LeastSquares, SmallDifferencesOfLargeNumbers) {
  const LinearFit fit = rows_of(1, {0, 1, 0, 1}, {1e3, 1e3 + 1e-6, 1e3, 1e3 + 1e-6}, {1, 1, 1, 1}).fit();
  EXPECT_NEAR(fit.coefficients[0], 1e-6, 1e-12);  // 1e3 has steps of 1e-13
  EXPECT_NEAR(fit.r2, 1, 1e-6);
}

TEST(LeastSquares, RefusesWhatHasNoMeaning) {
  EXPECT_THROW(LeastSquares(0), Error);
  LeastSquares sums(1);
  const double x = 1;
  EXPECT_THROW(sums.add(&x, 1, -1), Error);
  sums.add(&x, 1, 0);
  EXPECT_THROW(sums.fit(), Error);  // all weights are 0
  sums.add(&x, 1, 1);
  EXPECT_THROW(sums.fit(Penalty::kRidge, -1), Error);
  EXPECT_THROW(sums.fit_towards({0}, 0), Error);
  EXPECT_THROW(sums.fit_towards({0, 1}, 1), Error);
}

}  // namespace
}  // namespace clearcut
