#include "data/boundary.h"

#include <algorithm>
#include <cmath>

#include "tensor/error.h"

namespace clearcut {

Tensor edge_pixels(const Tensor& labels, int width) {
  check(width >= 1, "edge_pixels", "the width must be at least 1 pixel, got ", width);
  const std::int64_t H = labels.dim(0), W = labels.dim(1), side = 2 * std::int64_t{width} + 1;
  const std::int32_t* v = labels.data<const std::int32_t>();
  Tensor edges = Tensor::full({H, W}, 1, DType::kUInt8);
  std::uint8_t* e = edges.data<std::uint8_t>();
  // below[x]: how many rows up to this one hold, in columns x .. x + side - 1, this row's label alone.
  std::vector<std::int64_t> below(static_cast<std::size_t>(W), 0);
  for (std::int64_t y = 0; y < H; ++y) {
    const std::int32_t* row = v + y * W;
    std::int64_t run = 0;  // equal labels that end at x
    for (std::int64_t x = 0; x < W; ++x) {
      run = x > 0 && row[x] == row[x - 1] ? run + 1 : 1;
      if (x < side - 1) continue;
      std::int64_t& rows = below[static_cast<std::size_t>(x - side + 1)];
      const bool goes_on = y > 0 && row[x] == row[x - W];
      rows = run < side ? 0 : goes_on ? rows + 1 : 1;
      if (rows >= side) e[(y - width) * W + x - width] = 0;
    }
  }
  return edges;
}

int edge_width(std::int64_t height, std::int64_t width, double share) {
  const double diagonal = std::hypot(static_cast<double>(height), static_cast<double>(width));
  return std::max(1, static_cast<int>(std::nearbyint(share * diagonal)));
}

std::vector<ClassCounts> edge_counts(const Tensor& prediction, const Tensor& truth, int classes, double share,
                                     int truth_ignore, int undecided) {
  const auto* t = truth.data<const std::int32_t>();
  // Another value than any class and than `undecided`, which may be a class of the truth's list.
  constexpr std::int32_t kIgnored = -2, kOpen = -1;
  Tensor seen = prediction.clone(), given = truth.clone();
  std::int32_t *p = seen.data<std::int32_t>(), *g = given.data<std::int32_t>();
  for (std::int64_t i = 0; i < truth.numel(); ++i) {
    if (t[i] == truth_ignore)
      p[i] = g[i] = kIgnored;
    else if (p[i] == undecided && (undecided < 0 || undecided >= classes))
      p[i] = kOpen;
  }
  const int width = edge_width(truth.dim(0), truth.dim(1), share);
  const Tensor edges_seen = edge_pixels(seen, width), edges_given = edge_pixels(given, width);
  const auto *es = edges_seen.data<const std::uint8_t>(), *eg = edges_given.data<const std::uint8_t>();
  std::vector<ClassCounts> counts(static_cast<std::size_t>(classes));
  for (std::int64_t i = 0; i < truth.numel(); ++i) {
    const bool on_seen = es[i] != 0 && p[i] >= 0, on_given = eg[i] != 0 && g[i] >= 0;
    if (on_seen) ++counts[static_cast<std::size_t>(p[i])].predicted;
    if (on_given) ++counts[static_cast<std::size_t>(g[i])].truth;
    if (on_seen && on_given && p[i] == g[i]) ++counts[static_cast<std::size_t>(p[i])].hit;
  }
  return counts;
}

}  // namespace clearcut
