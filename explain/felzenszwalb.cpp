#include "explain/felzenszwalb.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "explain/lab.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

struct Edge {
  double cost;
  std::int32_t a, b;  // pixels
  std::int64_t number;
};

// Edges from (y, x) to (y + dy, x + dx) for all pixels where both lie inside; dy >= 0.
void add_edges(const Tensor& colours, std::int64_t dy, std::int64_t dx, std::vector<Edge>& edges) {
  const std::int64_t H = colours.dim(0), W = colours.dim(1);
  const double* c = colours.data<const double>();
  for (std::int64_t y = 0; y + dy < H; ++y)
    for (std::int64_t x = std::max<std::int64_t>(0, -dx); x < W - std::max<std::int64_t>(0, dx); ++x) {
      const std::int64_t p = y * W + x, q = (y + dy) * W + x + dx;
      double sum = 0;
      for (std::int64_t i = 0; i < 3; ++i) {
        const double t = c[q * 3 + i] - c[p * 3 + i];
        sum += t * t;
      }
      edges.push_back({.cost = std::sqrt(sum),
                       .a = static_cast<std::int32_t>(p),
                       .b = static_cast<std::int32_t>(q),
                       .number = static_cast<std::int64_t>(edges.size())});
    }
}

std::vector<Edge> sorted_edges(const Tensor& colours) {
  std::vector<Edge> edges;
  edges.reserve(static_cast<std::size_t>(4 * colours.numel() / 3));
  add_edges(colours, 0, 1, edges);
  add_edges(colours, 1, 0, edges);
  add_edges(colours, 1, 1, edges);
  add_edges(colours, 1, -1, edges);
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return a.cost < b.cost || (a.cost == b.cost && a.number < b.number);
  });
  return edges;
}

// Regions as trees of pixels; the root is the first pixel.
class Forest {
 public:
  explicit Forest(std::size_t pixels) : parent_(pixels), size_(pixels, 1), inner_(pixels, 0) {
    for (std::size_t i = 0; i < pixels; ++i) parent_[i] = static_cast<std::int32_t>(i);
  }
  std::size_t root(std::int32_t pixel) {
    auto at = static_cast<std::size_t>(pixel);
    for (; static_cast<std::size_t>(parent_[at]) != at; at = static_cast<std::size_t>(parent_[at]))
      parent_[at] = parent_[static_cast<std::size_t>(parent_[at])];
    return at;
  }
  void join(std::size_t a, std::size_t b, double inner) {
    const std::size_t root = std::min(a, b), other = std::max(a, b);
    parent_[other] = static_cast<std::int32_t>(root);
    size_[root] += size_[other];
    inner_[root] = inner;
  }
  std::int64_t size(std::size_t root) const { return size_[root]; }
  double inner(std::size_t root) const { return inner_[root]; }
  // The cost up to which a region grows, rounded to float as in scikit-image.
  float bar(std::size_t root, double k) const {
    return static_cast<float>(inner_[root] + k / static_cast<double>(size_[root]));
  }

 private:
  std::vector<std::int32_t> parent_;
  std::vector<std::int64_t> size_;
  std::vector<double> inner_;
};

void grow(Forest& forest, const std::vector<Edge>& edges, double k) {
  for (const Edge& edge : edges) {
    const std::size_t a = forest.root(edge.a), b = forest.root(edge.b);
    if (a != b && edge.cost < std::min(forest.bar(a, k), forest.bar(b, k))) forest.join(a, b, edge.cost);
  }
}

void join_small(Forest& forest, const std::vector<Edge>& edges, std::int64_t min_size) {
  for (const Edge& edge : edges) {
    const std::size_t a = forest.root(edge.a), b = forest.root(edge.b);
    if (a != b && std::min(forest.size(a), forest.size(b)) < min_size) forest.join(a, b, forest.inner(a));
  }
}

}  // namespace

Tensor felzenszwalb(const Tensor& picture, const FelzenszwalbOptions& options) {
  check(options.scale >= 0 && options.sigma >= 0 && options.min_size >= 0, "felzenszwalb",
        "scale, sigma and min_size must be >= 0; got ", options.scale, ", ", options.sigma, ", ",
        options.min_size);
  const Tensor colours = smooth(picture_to_unit(picture), options.sigma, smoothing_radius(options.sigma));
  const std::int64_t H = picture.dim(0), W = picture.dim(1);
  const std::vector<Edge> edges = sorted_edges(colours);
  Forest forest(static_cast<std::size_t>(H * W));
  grow(forest, edges, options.scale / 255);
  join_small(forest, edges, options.min_size);
  std::vector<std::int32_t> label(static_cast<std::size_t>(H * W));
  std::int32_t next = 0;
  for (std::size_t p = 0; p < label.size(); ++p) {
    const std::size_t root = forest.root(static_cast<std::int32_t>(p));
    label[p] = root == p ? next++ : label[root];  // a root is the first pixel of its region
  }
  return Tensor::from<std::int32_t>({H, W}, label);
}

}  // namespace clearcut
