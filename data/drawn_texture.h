// Shapes and textures of the drawn data set. Lengths are in units of 1/64 of the picture's side.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tensor/random.h"

namespace clearcut::drawn {

/// Numbers of one stream, taken one after another.
class Dice {
 public:
  explicit Dice(const RandomStream& stream) : stream_(stream) {}
  double uniform(double low, double high) { return stream_.uniform(next_++, low, high); }
  int below(int n) { return static_cast<int>(stream_.below(next_++, n)); }
  bool chance(double p) { return uniform(0, 1) < p; }

 private:
  RandomStream stream_;
  std::int64_t next_ = 0;
};

/// Smooth noise in [0, 1] on a grid of random numbers that repeats every 32 cells.
class Clouds {
 public:
  explicit Clouds(Dice& dice);
  /// One octave with cells of 1 x 1.
  double at(double x, double y) const;

 private:
  std::array<double, 1024> grid_;
};

enum class Shape2 { kSquare, kHexagon, kTriangle, kDisc, kEllipse, kStar };
constexpr int kShapes = 6;

/// A filled shape at (x, y), turned by `angle`, of about the area of a disc of that radius.
struct Outline {
  Shape2 shape = Shape2::kDisc;
  double x = 0, y = 0, radius = 0, angle = 0;
  bool contains(double px, double py) const;
  double area() const { return 3.14159265 * radius * radius; }
};

enum class Texture {
  kBricks,  // the object classes, in their order
  kChecks,
  kChevrons,
  kDots,
  kRings,
  kStripes,
  kBlotches,  // grounds and distractors
  kStreaks,
  kGrain,
  kSlope,
};
constexpr int kGroundTextures = 4;

struct Colour {
  double r = 0, g = 0, b = 0;  // 0..255
};

/// Two colours and how they alternate over the plane.
struct Paint {
  Texture texture = Texture::kBlotches;
  Colour first, second;
  double x = 0, y = 0, angle = 0, period = 8;  // origin, turn, length of one repeat
  Clouds clouds;

  /// Draws colours (luma at least 70 apart), turn and period. Both object and ground textures use this.
  Paint(Texture texture, double x, double y, Dice& dice);
  Colour at(double px, double py) const;

 private:
  double mix(double u, double v) const;  // share of the first colour at (u, v), in repeats
};

}  // namespace clearcut::drawn
