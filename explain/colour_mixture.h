// Mixtures of Gaussians in RGB: the palette of one side of a cut.
#pragma once

#include <array>
#include <vector>

namespace clearcut {

using Colour = std::array<double, 3>;

/// Mean, covariance and weight of a set of colours, and the density of its Gaussian.
class ColourGaussian {
 public:
  ColourGaussian() = default;
  /// colours: of the members; total: of the whole mixture. A flat covariance gets 0.01 on its diagonal.
  ColourGaussian(const std::vector<Colour>& colours, std::size_t total);

  double weight() const { return weight_; }
  double density(const Colour& z) const;  // without the factor (2 pi)^-3/2
  /// The longest axis of the covariance, and the variance along it.
  Colour axis() const;
  double variance_along(const Colour& axis) const;
  const Colour& mean() const { return mean_; }

 private:
  using Matrix = std::array<Colour, 3>;
  void invert();

  double weight_ = 0, scale_ = 0;  // 1 / sqrt(det)
  Colour mean_{};
  Matrix covariance_{}, inverse_{};
};

class ColourMixture {
 public:
  /// Splits the colours along the longest axis of the widest set, at its mean, until there are `components`
  /// sets or nothing can be split.
  static ColourMixture split(const std::vector<Colour>& colours, int components);
  /// Each colour goes to the component that explains it best; components are fitted anew.
  ColourMixture refitted(const std::vector<Colour>& colours) const;

  /// -log of the density of the mixture, at most 700.
  double cost(const Colour& z) const;

 private:
  std::vector<ColourGaussian> parts_;
};

}  // namespace clearcut
