#include "data/drawn_texture.h"

#include <algorithm>
#include <cmath>

namespace clearcut::drawn {
namespace {

constexpr double kPi = 3.14159265358979323846;

double fraction(double x) { return x - std::floor(x); }
/// 1 on the first half of each unit, 0 on the second.
double square_wave(double x) { return fraction(x) < 0.5 ? 1 : 0; }
/// 0 at whole numbers, 1 halfway between.
double triangle_wave(double x) { return 1 - std::abs(2 * fraction(x) - 1); }
/// 3 t^2 - 2 t^3: joins the cells of Clouds without edges.
double smooth(double t) { return t * t * (3 - 2 * t); }

struct Point {
  double x, y;
};
Point turned(double x, double y, double angle) {
  return {std::cos(angle) * x + std::sin(angle) * y, -std::sin(angle) * x + std::cos(angle) * y};
}

double luma(const Colour& c) { return 0.299 * c.r + 0.587 * c.g + 0.114 * c.b; }
Colour draw_colour(Dice& dice) {
  return {dice.uniform(20, 235), dice.uniform(20, 235), dice.uniform(20, 235)};
}

/// True inside the regular polygon of `sides` whose area is that of the unit disc.
bool in_polygon(const Point& p, int sides) {
  const double apothem = std::sqrt(kPi / (sides * std::tan(kPi / sides)));
  const double sector = 2 * kPi / sides;
  const double from_middle = fraction(std::atan2(p.y, p.x) / sector + 0.5) * sector - sector / 2;
  return std::hypot(p.x, p.y) * std::cos(from_middle) <= apothem;
}

/// Bricks of 2 x 1 repeats with every second row moved by one; joints take a third of a row.
double bricks(double u, double v) {
  const double row = std::floor(v);
  const bool joint = fraction(v) < 0.34 || fraction(u / 1.8 + 0.5 * row) < 0.2;
  return joint ? 1 : 0;
}

/// Discs on a hexagonal lattice.
double dots(double u, double v) {
  const double row = std::floor(v / 0.866);
  double nearest = 4;
  for (const double r : {row - 1, row, row + 1, row + 2}) {
    const double shift = std::fmod(std::abs(r), 2.0) == 1 ? 0.5 : 0;
    const double du = fraction(u + shift + 0.5) - 0.5;
    nearest = std::min(nearest, du * du + (v - r * 0.866) * (v - r * 0.866));
  }
  return nearest < 0.33 * 0.33 ? 1 : 0;
}

}  // namespace

Clouds::Clouds(Dice& dice) : grid_() {
  for (double& value : grid_) value = dice.uniform(0, 1);
}

double Clouds::at(double x, double y) const {
  const double left = std::floor(x), top = std::floor(y);
  const double a = smooth(x - left), b = smooth(y - top);
  const auto value = [&](double column, double row) {
    const int i = static_cast<int>(row) & 31, j = static_cast<int>(column) & 31;
    return grid_[static_cast<std::size_t>(i * 32 + j)];
  };
  return (1 - b) * ((1 - a) * value(left, top) + a * value(left + 1, top)) +
         b * ((1 - a) * value(left, top + 1) + a * value(left + 1, top + 1));
}

bool Outline::contains(double px, double py) const {
  const Point p = turned((px - x) / radius, (py - y) / radius, angle);
  switch (shape) {
    case Shape2::kSquare:
      return in_polygon(p, 4);
    case Shape2::kHexagon:
      return in_polygon(p, 6);
    case Shape2::kTriangle:
      return in_polygon(p, 3);
    case Shape2::kDisc:
      return std::hypot(p.x, p.y) <= 1;
    case Shape2::kEllipse:
      return std::hypot(p.x / 1.3, p.y * 1.3) <= 1;
    case Shape2::kStar:
      break;
  }
  return std::hypot(p.x, p.y) <= 1 + 0.25 * std::cos(5 * std::atan2(p.y, p.x));
}

Paint::Paint(Texture kind, double origin_x, double origin_y, Dice& dice)
    : texture(kind),
      x(origin_x),
      y(origin_y),
      angle(dice.uniform(-0.5, 0.5)),
      period(dice.uniform(6.5, 9)),
      clouds(dice) {
  // Most pairs differ by 70; the loop ends in the rare case too, with the pair it has.
  for (int tries = 0; tries < 20; ++tries) {
    first = draw_colour(dice);
    second = draw_colour(dice);
    if (std::abs(luma(first) - luma(second)) >= 70) break;
  }
}

double Paint::mix(double u, double v) const {
  switch (texture) {
    case Texture::kBricks:
      return bricks(u, v);
    case Texture::kChecks:
      return square_wave(u) == square_wave(v) ? 1 : 0;
    case Texture::kChevrons:
      return square_wave(v + 0.75 * triangle_wave(u / 2));
    case Texture::kDots:
      return dots(u, v);
    case Texture::kRings:
      return square_wave(std::hypot(u, v));
    case Texture::kStripes:
      return square_wave(u);
    case Texture::kBlotches:
      return clouds.at(1.5 * u, 1.5 * v) > 0.5 ? 1 : 0;
    case Texture::kStreaks:
      return clouds.at(0.4 * u, 4 * v);
    case Texture::kGrain:
      return clouds.at(5 * u, 5 * v);
    case Texture::kSlope:
      break;
  }
  return std::clamp(0.5 + 0.12 * u + 0.5 * (clouds.at(u, v) - 0.5), 0.0, 1.0);
}

Colour Paint::at(double px, double py) const {
  const Point p = turned(px - x, py - y, angle);
  const double t = mix(p.x / period, p.y / period);
  return {t * first.r + (1 - t) * second.r, t * first.g + (1 - t) * second.g,
          t * first.b + (1 - t) * second.b};
}

}  // namespace clearcut::drawn
