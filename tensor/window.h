// Sizes of windows that slide over feature maps: convolution, pooling, resize.
#pragma once

#include <cstdint>
#include <ostream>

namespace clearcut {

/// A height and a width in pixels; one number serves both: .stride = 2, .kernel = {1, 3}.
struct Size2 {
  std::int64_t h = 1, w = 1;

  constexpr Size2() = default;
  constexpr Size2(std::int64_t both) : h(both), w(both) {}  // NOLINT: .stride = 2 reads as meant
  constexpr Size2(std::int64_t height, std::int64_t width) : h(height), w(width) {}
  friend constexpr bool operator==(const Size2&, const Size2&) = default;
};
inline std::ostream& operator<<(std::ostream& out, Size2 s) {
  return out << "(" << s.h << ", " << s.w << ")";
}

/// Pixels added around a map; may differ per side (ONNX, TensorFlow's "same").
struct Padding2 {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;

  constexpr Padding2() = default;
  constexpr Padding2(std::int64_t all) : top(all), left(all), bottom(all), right(all) {}  // NOLINT
  constexpr Padding2(std::int64_t t, std::int64_t l, std::int64_t b, std::int64_t r)
      : top(t), left(l), bottom(b), right(r) {}
  friend constexpr bool operator==(const Padding2&, const Padding2&) = default;
};
inline std::ostream& operator<<(std::ostream& out, Padding2 p) {
  return out << "(top " << p.top << ", left " << p.left << ", bottom " << p.bottom << ", right " << p.right
             << ")";
}

}  // namespace clearcut
