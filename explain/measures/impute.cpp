#include "explain/measures/impute.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace clearcut {

namespace {

struct Neighbour {
  std::int64_t dy, dx;
  double weight;
};
constexpr std::array<Neighbour, 8> kNeighbours = {{{-1, -1, 1.0 / 12},
                                                   {-1, 0, 1.0 / 6},
                                                   {-1, 1, 1.0 / 12},
                                                   {0, -1, 1.0 / 6},
                                                   {0, 1, 1.0 / 6},
                                                   {1, -1, 1.0 / 12},
                                                   {1, 0, 1.0 / 6},
                                                   {1, 1, 1.0 / 12}}};

// Row k says: diagonal_k u_k - sum of w u over removed neighbours = sum of w x over kept neighbours.
struct System {
  std::vector<std::int64_t> pixels;                  // of the unknowns
  std::vector<double> diagonal;                      // sum of w over neighbours in the picture
  std::vector<std::array<std::int32_t, 8>> unknown;  // number of the unknown there, or -1
  std::vector<std::array<std::int64_t, 8>> known;    // pixel there that was kept, or -1
};

System system_of(const std::vector<char>& removed, std::int64_t H, std::int64_t W) {
  System s;
  std::vector<std::int32_t> number(removed.size(), -1);
  for (std::size_t i = 0; i < removed.size(); ++i) {
    if (!removed[i]) continue;
    number[i] = static_cast<std::int32_t>(s.pixels.size());
    s.pixels.push_back(static_cast<std::int64_t>(i));
  }
  s.diagonal.assign(s.pixels.size(), 0);
  s.unknown.resize(s.pixels.size());
  s.known.resize(s.pixels.size());
  for (std::size_t k = 0; k < s.pixels.size(); ++k)
    for (std::size_t j = 0; j < kNeighbours.size(); ++j) {
      const std::int64_t y = s.pixels[k] / W + kNeighbours[j].dy, x = s.pixels[k] % W + kNeighbours[j].dx;
      s.unknown[k][j] = -1;
      s.known[k][j] = -1;
      if (y < 0 || y >= H || x < 0 || x >= W) continue;
      s.diagonal[k] += kNeighbours[j].weight;
      const std::int64_t at = y * W + x;
      s.unknown[k][j] = number[static_cast<std::size_t>(at)];
      if (s.unknown[k][j] < 0) s.known[k][j] = at;
    }
  return s;
}

using Vector = std::vector<double>;

void multiply(const System& s, const Vector& u, Vector& result) {
  for (std::size_t k = 0; k < u.size(); ++k) {
    double sum = s.diagonal[k] * u[k];
    for (std::size_t j = 0; j < kNeighbours.size(); ++j)
      if (s.unknown[k][j] >= 0) sum -= kNeighbours[j].weight * u[static_cast<std::size_t>(s.unknown[k][j])];
    result[k] = sum;
  }
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector right_side(const System& s, const float* x) {
  Vector b(s.pixels.size());
  for (std::size_t k = 0; k < b.size(); ++k)
    for (std::size_t j = 0; j < kNeighbours.size(); ++j)
      if (s.known[k][j] >= 0) b[k] += kNeighbours[j].weight * static_cast<double>(x[s.known[k][j]]);
  return b;
}

// Hestenes & Stiefel 1952, with the diagonal as preconditioner.
Vector solve(const System& s, const Vector& b) {
  const std::size_t n = b.size();
  Vector u(n), r(b), z(n), p(n), q(n);
  const double enough = 1e-18 * dot(b, b);
  for (std::size_t i = 0; i < n; ++i) p[i] = z[i] = r[i] / s.diagonal[i];
  double rz = dot(r, z);
  for (std::size_t round = 0; round < 10 * n + 10 && dot(r, r) > enough; ++round) {
    multiply(s, p, q);
    const double a = rz / dot(p, q);
    for (std::size_t i = 0; i < n; ++i) {
      u[i] += a * p[i];
      r[i] -= a * q[i];
      z[i] = r[i] / s.diagonal[i];
    }
    const double next = dot(r, z), b_next = next / rz;
    for (std::size_t i = 0; i < n; ++i) p[i] = z[i] + b_next * p[i];
    rz = next;
  }
  return u;
}

}  // namespace

Tensor impute(const Tensor& x, const std::vector<char>& removed) {
  check_rank("impute", "x", x, 3, "[C, H, W]");
  const std::int64_t n = x.dim(1) * x.dim(2);
  check(static_cast<std::int64_t>(removed.size()) == n, "impute", "x has ", n, " pixels; got ",
        removed.size(), " flags");
  const System system = system_of(removed, x.dim(1), x.dim(2));
  Tensor y = x.clone();
  for (std::int64_t c = 0; c < x.dim(0); ++c) {
    const Vector u = solve(system, right_side(system, x.data<const float>() + c * n));
    float* to = y.data<float>() + c * n;
    for (std::size_t k = 0; k < u.size(); ++k) to[system.pixels[k]] = static_cast<float>(u[k]);
  }
  return y;
}

}  // namespace clearcut
