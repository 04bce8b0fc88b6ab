#include "explain/measures/similarity.h"

#include <cmath>
#include <vector>

#include "explain/measures/measure.h"
#include "explain/order.h"

namespace clearcut {

namespace {

template <class Value>
double correlation(std::int64_t n, const Value& a, const Value& b) {
  double mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    mean_a += static_cast<double>(a[i]) / static_cast<double>(n);
    mean_b += static_cast<double>(b[i]) / static_cast<double>(n);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double da = static_cast<double>(a[i]) - mean_a, db = static_cast<double>(b[i]) - mean_b;
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

void check_sizes(const char* op, const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), op, "maps differ in size: ", a.shape(), " and ", b.shape());
}

constexpr std::int64_t kSide = 7;
constexpr double kPixels = kSide * kSide;

// Sums of a, b, a^2, b^2 and a b over a window.
struct Sums {
  double a = 0, b = 0, aa = 0, bb = 0, ab = 0;
  double similarity() const {
    constexpr double c1 = 0.01 * 0.01, c2 = 0.03 * 0.03, sample = kPixels / (kPixels - 1);
    const double ma = a / kPixels, mb = b / kPixels;
    const double va = sample * (aa / kPixels - ma * ma), vb = sample * (bb / kPixels - mb * mb);
    const double cov = sample * (ab / kPixels - ma * mb);
    return (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
  }
};

Sums window(const float* p, const float* q, std::int64_t W) {
  Sums s;
  for (std::int64_t y = 0; y < kSide; ++y)
    for (std::int64_t x = 0; x < kSide; ++x) {
      const double a = p[y * W + x], b = q[y * W + x];
      s.a += a;
      s.b += b;
      s.aa += a * a;
      s.bb += b * b;
      s.ab += a * b;
    }
  return s;
}

}  // namespace

double pearson(const Tensor& a, const Tensor& b) {
  check_sizes("pearson", a, b);
  return correlation(a.numel(), a.data<const float>(), b.data<const float>());
}

double rank_correlation(const Tensor& a, const Tensor& b) {
  check_sizes("rank_correlation", a, b);
  const std::vector<double> x = mean_ranks(a), y = mean_ranks(b);
  return correlation(a.numel(), x.data(), y.data());
}

double structural_similarity(const Tensor& a, const Tensor& b) {
  check_sizes("structural_similarity", a, b);
  const std::int64_t H = a.dim(0), W = a.dim(1);
  check(H >= kSide && W >= kSide, "structural_similarity", "maps must be at least 7 x 7; got ", a.shape());
  const Tensor p = unit_scaled(a), q = unit_scaled(b);
  const float *from = p.data<const float>(), *other = q.data<const float>();
  double sum = 0;
  for (std::int64_t y = 0; y + kSide <= H; ++y)
    for (std::int64_t x = 0; x + kSide <= W; ++x)
      sum += window(from + y * W + x, other + y * W + x, W).similarity();
  return sum / static_cast<double>((H - kSide + 1) * (W - kSide + 1));
}

}  // namespace clearcut
