// Zeros (or another constant) around feature maps.
#pragma once

#include <cstdint>

namespace clearcut {

/// Rows and columns added around a map; sides may differ (TensorFlow's and Paddle's "same" need that).
struct Padding2 {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;
  friend bool operator==(const Padding2&, const Padding2&) = default;
};

}  // namespace clearcut
