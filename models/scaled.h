// Channel counts of reduced networks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace clearcut {

/// channels * width, rounded to a multiple of 4, at least 4; `channels` itself at width 1.
inline std::int64_t scaled(std::int64_t channels, double width) {
  if (width == 1) return channels;
  return std::max<std::int64_t>(4, 4 * std::lround(static_cast<double>(channels) * width / 4));
}

}  // namespace clearcut
