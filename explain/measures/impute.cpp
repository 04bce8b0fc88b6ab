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

constexpr double kEnough = 1e-7;     // residual against the right side
constexpr double kRelaxation = 1.8;  // of the preconditioner

// Row k says: diagonal_k u_k - sum of w u over removed neighbours = sum of w x over kept neighbours.
struct System {
  std::vector<std::int64_t> pixels;                  // of the unknowns
  std::vector<double> step;                          // kRelaxation / diagonal
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
  s.step.resize(s.pixels.size());
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
  for (std::size_t k = 0; k < s.step.size(); ++k) s.step[k] = kRelaxation / s.diagonal[k];
  return s;
}

// Three channels are solved at once: their sums do not wait for each other.
constexpr std::size_t kChannels = 3;
using Values = std::array<double, kChannels>;
using Vector = std::vector<Values>;

template <class Body>
void each_channel(const Body& body) {
  for (std::size_t c = 0; c < kChannels; ++c) body(c);
}

// sum += sign * sum of w u over the removed ones among neighbours first .. last - 1 of unknown k.
void add_neighbours(const System& s, std::size_t k, std::size_t first, std::size_t last, double sign,
                    const Vector& u, Values& sum) {
  for (std::size_t j = first; j < last; ++j) {
    if (s.unknown[k][j] < 0) continue;
    const Values& there = u[static_cast<std::size_t>(s.unknown[k][j])];
    each_channel([&](std::size_t c) { sum[c] += sign * kNeighbours[j].weight * there[c]; });
  }
}

void multiply(const System& s, const Vector& u, Vector& result) {
  for (std::size_t k = 0; k < u.size(); ++k) {
    each_channel([&](std::size_t c) { result[k][c] = s.diagonal[k] * u[k][c]; });
    add_neighbours(s, k, 0, kNeighbours.size(), -1, u, result[k]);
  }
}

Values dot(const Vector& a, const Vector& b) {
  Values sum{};
  for (std::size_t i = 0; i < a.size(); ++i)
    each_channel([&](std::size_t c) { sum[c] += a[i][c] * b[i][c]; });
  return sum;
}

// Symmetric successive over-relaxation as preconditioner (Axelsson 1972): one sweep down, one up. The first
// four neighbours come before a pixel, the last four behind it.
void precondition(const System& s, const Vector& r, Vector& z) {
  for (std::size_t k = 0; k < z.size(); ++k) {
    Values sum = r[k];
    add_neighbours(s, k, 0, 4, 1, z, sum);
    each_channel([&](std::size_t c) { z[k][c] = sum[c] * s.step[k]; });
  }
  for (std::size_t k = z.size(); k-- > 0;) {
    Values sum{};
    add_neighbours(s, k, 4, 8, 1, z, sum);
    each_channel([&](std::size_t c) { z[k][c] += sum[c] * s.step[k]; });
  }
}

// Conjugate gradients, Hestenes & Stiefel 1952. A channel that is done stays as it is.
Vector solve(const System& s, const Vector& b) {
  const std::size_t n = b.size();
  Vector u(n), r(b), z(n), q(n);
  precondition(s, r, z);
  Vector p(z);
  const Values size = dot(b, b);
  Values rz = dot(r, z), left = size;
  const auto busy = [&](std::size_t c) { return left[c] > kEnough * kEnough * size[c]; };
  for (std::size_t round = 0; round < 10 * n && (busy(0) || busy(1) || busy(2)); ++round) {
    multiply(s, p, q);
    const Values pq = dot(p, q);
    Values a{}, more{};
    each_channel([&](std::size_t c) { a[c] = busy(c) ? rz[c] / pq[c] : 0; });
    for (std::size_t i = 0; i < n; ++i)
      each_channel([&](std::size_t c) {
        u[i][c] += a[c] * p[i][c];
        r[i][c] -= a[c] * q[i][c];
      });
    precondition(s, r, z);
    const Values next = dot(r, z);
    each_channel([&](std::size_t c) { more[c] = busy(c) ? next[c] / rz[c] : 0; });
    for (std::size_t i = 0; i < n; ++i)
      each_channel([&](std::size_t c) { p[i][c] = z[i][c] + more[c] * p[i][c]; });
    rz = next;
    left = dot(r, r);
  }
  return u;
}

// Of channels first, first + 1, ...; those that x has not are 0.
Vector right_side(const System& s, const Tensor& x, std::int64_t first) {
  const std::int64_t n = x.dim(1) * x.dim(2);
  const std::int64_t there = std::min<std::int64_t>(kChannels, x.dim(0) - first);
  const float* from = x.data<const float>() + first * n;
  Vector b(s.pixels.size());
  for (std::size_t k = 0; k < b.size(); ++k)
    for (std::size_t j = 0; j < kNeighbours.size(); ++j)
      for (std::int64_t c = 0; s.known[k][j] >= 0 && c < there; ++c)
        b[k][static_cast<std::size_t>(c)] +=
            kNeighbours[j].weight * static_cast<double>(from[c * n + s.known[k][j]]);
  return b;
}

}  // namespace

Tensor impute(const Tensor& x, const std::vector<char>& removed) {
  check_rank("impute", "x", x, 3, "[C, H, W]");
  const std::int64_t n = x.dim(1) * x.dim(2);
  check(static_cast<std::int64_t>(removed.size()) == n, "impute", "x has ", n, " pixels; got ",
        removed.size(), " flags");
  const System system = system_of(removed, x.dim(1), x.dim(2));
  Tensor y = x.clone();
  float* to = y.data<float>();
  for (std::int64_t first = 0; first < x.dim(0); first += kChannels) {
    const Vector u = solve(system, right_side(system, x, first));
    for (std::int64_t c = first; c < std::min<std::int64_t>(first + kChannels, x.dim(0)); ++c)
      for (std::size_t k = 0; k < u.size(); ++k)
        to[c * n + system.pixels[k]] = static_cast<float>(u[k][static_cast<std::size_t>(c - first)]);
  }
  return y;
}

}  // namespace clearcut
