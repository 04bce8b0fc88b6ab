#include "explain/least_squares.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace clearcut {

namespace {

// A = L L' with the rows of L [K, rank] in the order of A: each step takes the largest pivot that is left.
struct PivotedCholesky {
  std::size_t K, rank = 0;
  std::vector<double> L;  // column by column: L[r * K + i]

  explicit PivotedCholesky(const std::vector<double>& A, std::size_t size) : K(size) {
    std::vector<double> left(K);
    for (std::size_t i = 0; i < K; ++i) left[i] = A[i * K + i];
    const double smallest = 1e-10 * *std::max_element(left.begin(), left.end());
    std::vector<char> used(K);
    for (; rank < K; ++rank) {
      std::size_t at = K;
      for (std::size_t i = 0; i < K; ++i)
        if (!used[i] && (at == K || left[i] > left[at])) at = i;
      if (!(left[at] > smallest)) return;
      add_column(A, at, left, used);
    }
  }

  void add_column(const std::vector<double>& A, std::size_t at, std::vector<double>& left,
                  std::vector<char>& used) {
    const double pivot = std::sqrt(left[at]);
    used[at] = 1;
    L.resize((rank + 1) * K);
    double* column = L.data() + rank * K;
    column[at] = pivot;
    for (std::size_t i = 0; i < K; ++i) {
      if (used[i]) continue;
      double value = A[std::max(i, at) * K + std::min(i, at)];
      for (std::size_t r = 0; r < rank; ++r) value -= L[r * K + i] * L[r * K + at];
      column[i] = value / pivot;
      left[i] -= column[i] * column[i];
    }
  }
};

// Solves M v = v for a positive definite M [n, n], of which the lower triangle is overwritten.
void cholesky_solve(std::vector<double>& M, std::vector<double>& v) {
  const std::size_t n = v.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < j; ++k) M[j * n + j] -= M[j * n + k] * M[j * n + k];
    M[j * n + j] = std::sqrt(M[j * n + j]);
    for (std::size_t i = j + 1; i < n; ++i) {
      for (std::size_t k = 0; k < j; ++k) M[i * n + j] -= M[i * n + k] * M[j * n + k];
      M[i * n + j] /= M[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) v[i] -= M[i * n + k] * v[k];
    v[i] /= M[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) v[i] -= M[k * n + i] * v[k];
    v[i] /= M[i * n + i];
  }
}

// The vector of least length among those that solve A w = b as well as can be: with A = L L' and M = L'L it
// is L M^-1 M^-1 L' b.
std::vector<double> solve_least_norm(const PivotedCholesky& factor, const std::vector<double>& b) {
  const std::size_t K = factor.K, n = factor.rank;
  std::vector<double> M(n * n), v(n), w(K);
  for (std::size_t r = 0; r < n; ++r) {
    const double* left = factor.L.data() + r * K;
    for (std::size_t i = 0; i < K; ++i) v[r] += left[i] * b[i];
    for (std::size_t s = 0; s <= r; ++s)
      for (std::size_t i = 0; i < K; ++i) M[r * n + s] += left[i] * factor.L[s * K + i];
  }
  for (int twice = 0; twice < 2; ++twice) {
    std::vector<double> copy = M;
    cholesky_solve(copy, v);
  }
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t i = 0; i < K; ++i) w[i] += factor.L[r * K + i] * v[r];
  return w;
}

double at(const std::vector<double>& A, std::size_t K, std::size_t i, std::size_t j) {
  return A[std::max(i, j) * K + std::min(i, j)];
}

// Minimises w'Aw / 2 - <b, w> + limit |w|_1, one coefficient after another.
std::vector<double> coordinate_descent(const std::vector<double>& A, const std::vector<double>& b,
                                       double limit) {
  const std::size_t K = b.size();
  std::vector<double> w(K), rest = b;  // rest = b - A w
  for (int round = 0; round < 10000; ++round) {
    double largest = 0, moved = 0;
    for (std::size_t j = 0; j < K; ++j) {
      const double own = A[j * K + j];
      if (!(own > 0)) continue;
      const double pull = rest[j] + own * w[j];
      const double next = std::copysign(std::max(0.0, std::abs(pull) - limit), pull) / own;
      const double step = next - w[j];
      if (step != 0)
        for (std::size_t i = 0; i < K; ++i) rest[i] -= at(A, K, i, j) * step;
      w[j] = next;
      moved = std::max(moved, std::abs(step));
      largest = std::max(largest, std::abs(next));
    }
    if (moved <= 1e-12 * largest) break;
  }
  return w;
}

// The share of yy that w explains: 1 - (yy - 2 <b, w> + w'Aw) / yy.
double r_squared(const std::vector<double>& A, const std::vector<double>& b, double yy,
                 const std::vector<double>& w) {
  const std::size_t K = w.size();
  double explained = 0;
  for (std::size_t i = 0; i < K; ++i) {
    double Aw = 0;
    for (std::size_t j = 0; j < K; ++j) Aw += at(A, K, i, j) * w[j];
    explained += w[i] * (2 * b[i] - Aw);
  }
  return yy > 0 ? explained / yy : 0;
}

}  // namespace

LeastSquares::LeastSquares(std::int64_t K) : K_(K) {
  check(K >= 1, "least_squares", "there must be at least one column; got ", K);
  const auto n = static_cast<std::size_t>(K);
  x_.resize(n);
  xy_.resize(n);
  xx_.resize(n * n);
  plain_x_.resize(n);
  plain_xx_.resize(n);
}

void LeastSquares::add(const double* x, double y, double weight) {
  check(weight >= 0, "least_squares", "weights must be >= 0; got ", weight);
  const auto K = static_cast<std::size_t>(K_);
  if (rows_++ == 0) origin_ = y;
  y -= origin_;
  weight_ += weight;
  y_ += weight * y;
  yy_ += weight * y * y;
  plain_y_ += y;
  plain_yy_ += y * y;
  for (std::size_t j = 0; j < K; ++j) {
    const double scaled = weight * x[j];
    plain_x_[j] += x[j];
    plain_xx_[j] += x[j] * x[j];
    x_[j] += scaled;
    xy_[j] += scaled * y;
    if (scaled != 0)
      for (std::size_t k = 0; k <= j; ++k) xx_[j * K + k] += scaled * x[k];
  }
}

LeastSquares::Centred LeastSquares::centred() const {
  check(weight_ > 0, "least_squares", "all weights are 0");
  const auto K = static_cast<std::size_t>(K_);
  Centred c{.mean = x_, .A = xx_, .b = xy_};
  c.mean_y = y_ / weight_;
  c.yy = yy_ - y_ * c.mean_y;
  // What is left of a constant y is rounding.
  if (c.yy <= 1e-14 * yy_) c.yy = 0;
  for (std::size_t j = 0; j < K; ++j) {
    c.mean[j] = x_[j] / weight_;
    c.b[j] = c.yy > 0 ? xy_[j] - x_[j] * c.mean_y : 0;
    for (std::size_t k = 0; k <= j; ++k) c.A[j * K + k] -= x_[j] * c.mean[k];
    if (c.A[j * K + j] <= 1e-14 * xx_[j * K + j]) c.A[j * K + j] = 0;
  }
  return c;
}

LinearFit LeastSquares::fit(Penalty penalty, double alpha) const {
  check(alpha >= 0, "least_squares", "alpha must be >= 0; got ", alpha);
  const Centred c = centred();
  const auto K = static_cast<std::size_t>(K_);
  const PivotedCholesky factor(c.A, K);
  LinearFit result{.rank = static_cast<std::int64_t>(factor.rank)};
  if (penalty == Penalty::kNone) {
    result.coefficients = solve_least_norm(factor, c.b);
  } else if (penalty == Penalty::kLasso) {
    result.coefficients = coordinate_descent(c.A, c.b, alpha * weight_);
  } else {
    std::vector<double> A = c.A;
    for (std::size_t j = 0; j < K; ++j) A[j * K + j] += alpha;
    result.coefficients = solve_least_norm(PivotedCholesky(A, K), c.b);
  }
  result.intercept = origin_ + c.mean_y;
  for (std::size_t j = 0; j < K; ++j) result.intercept -= result.coefficients[j] * c.mean[j];
  result.r2 = r_squared(c.A, c.b, c.yy, result.coefficients);
  return result;
}

LinearFit LeastSquares::fit_towards(const std::vector<double>& prior, double pull) const {
  const auto K = static_cast<std::size_t>(K_);
  check(prior.size() == K, "least_squares", "the prior must have ", K, " values; got ", prior.size());
  check(pull > 0, "least_squares", "pull must be > 0; got ", pull);
  Centred c = centred();
  const auto n = static_cast<double>(rows_);
  // One over the length of a column whose weighted mean was taken off; 0 for a column of one value.
  const auto scale = [&](double sum, double squares, double mean) {
    const double length2 = squares - 2 * mean * sum + n * mean * mean;
    return length2 > 1e-14 * squares ? 1 / std::sqrt(length2) : 0;
  };
  std::vector<double> scales(K);
  for (std::size_t j = 0; j < K; ++j) scales[j] = scale(plain_x_[j], plain_xx_[j], c.mean[j]);
  const double scale_y = scale(plain_y_, plain_yy_, c.mean_y);
  double norm = 0;
  for (const double value : prior) norm += std::abs(value);
  std::vector<double> A = c.A, b = c.b;
  for (std::size_t j = 0; j < K; ++j) {
    b[j] *= scales[j] * scale_y;
    for (std::size_t k = 0; k <= j; ++k) A[j * K + k] *= scales[j] * scales[k];
  }
  std::vector<double> pulled = A, right = b;
  for (std::size_t j = 0; j < K; ++j) {
    pulled[j * K + j] += pull;
    if (norm > 0) right[j] += pull * prior[j] / norm;
  }
  LinearFit result{.rank = static_cast<std::int64_t>(PivotedCholesky(c.A, K).rank)};
  result.coefficients = solve_least_norm(PivotedCholesky(pulled, K), right);
  result.r2 = r_squared(A, b, c.yy * scale_y * scale_y, result.coefficients);
  return result;
}

}  // namespace clearcut
