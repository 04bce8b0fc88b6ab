#include "explain/colour_mixture.h"

#include <algorithm>
#include <cmath>

namespace clearcut {

namespace {

double dot(const Colour& a, const Colour& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Colour times(const std::array<Colour, 3>& m, const Colour& v) {
  return {dot(m[0], v), dot(m[1], v), dot(m[2], v)};
}

double determinant(const std::array<Colour, 3>& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
         m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

}  // namespace

ColourGaussian::ColourGaussian(const std::vector<Colour>& colours, std::size_t total) {
  if (colours.empty()) return;
  const auto n = static_cast<double>(colours.size());
  weight_ = n / static_cast<double>(total);
  for (const Colour& z : colours)
    for (std::size_t i = 0; i < 3; ++i) mean_[i] += z[i] / n;
  for (const Colour& z : colours)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) covariance_[i][j] += (z[i] - mean_[i]) * (z[j] - mean_[j]) / n;
  invert();
}

void ColourGaussian::invert() {
  Matrix m = covariance_;
  if (determinant(m) <= 1e-6)
    for (std::size_t i = 0; i < 3; ++i) m[i][i] += 0.01;
  const double det = determinant(m);
  scale_ = 1 / std::sqrt(det);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      const std::size_t a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
      inverse_[i][j] = (m[a][c] * m[b][d] - m[a][d] * m[b][c]) / det;
    }
}

double ColourGaussian::density(const Colour& z) const {
  const Colour d = {z[0] - mean_[0], z[1] - mean_[1], z[2] - mean_[2]};
  return scale_ * std::exp(-0.5 * dot(d, times(inverse_, d)));
}

// Power iteration: its limit is the axis of the largest variance, unless two are nearly equal, when either
// will do.
Colour ColourGaussian::axis() const {
  Colour v = {1, 0.9, 0.8};
  for (int i = 0; i < 50; ++i) {
    const Colour next = times(covariance_, v);
    const double length = std::sqrt(dot(next, next));
    if (length == 0) break;
    v = {next[0] / length, next[1] / length, next[2] / length};
  }
  return v;
}

double ColourGaussian::variance_along(const Colour& axis) const {
  return dot(axis, times(covariance_, axis));
}

ColourMixture ColourMixture::split(const std::vector<Colour>& colours, int components) {
  std::vector<std::vector<Colour>> sets = {colours};
  while (static_cast<int>(sets.size()) < components) {
    std::size_t widest = 0;
    double variance = 0;
    for (std::size_t k = 0; k < sets.size(); ++k) {
      const ColourGaussian g(sets[k], colours.size());
      const double v = g.variance_along(g.axis());
      if (v > variance) {
        variance = v;
        widest = k;
      }
    }
    const ColourGaussian g(sets[widest], colours.size());
    const Colour axis = g.axis();
    std::vector<Colour> low, high;
    for (const Colour& z : sets[widest]) (dot(z, axis) <= dot(g.mean(), axis) ? low : high).push_back(z);
    if (variance == 0 || low.empty() || high.empty()) break;
    sets[widest] = std::move(low);
    sets.push_back(std::move(high));
  }
  ColourMixture mixture;
  for (const std::vector<Colour>& set : sets) mixture.parts_.emplace_back(set, colours.size());
  return mixture;
}

ColourMixture ColourMixture::refitted(const std::vector<Colour>& colours) const {
  std::vector<std::vector<Colour>> sets(parts_.size());
  for (const Colour& z : colours) {
    std::size_t best = 0;
    double most = -1;
    for (std::size_t k = 0; k < parts_.size(); ++k) {
      const double value = parts_[k].weight() > 0 ? parts_[k].density(z) : -1;
      if (value > most) {
        most = value;
        best = k;
      }
    }
    sets[best].push_back(z);
  }
  ColourMixture mixture;
  for (const std::vector<Colour>& set : sets) mixture.parts_.emplace_back(set, colours.size());
  return mixture;
}

double ColourMixture::cost(const Colour& z) const {
  double sum = 0;
  for (const ColourGaussian& part : parts_)
    if (part.weight() > 0) sum += part.weight() * part.density(z);
  return -std::log(std::max(sum, 1e-304));
}

}  // namespace clearcut
