#include "explain/grab_cut.h"

#include <cmath>
#include <vector>

#include "explain/colour_mixture.h"
#include "explain/min_cut.h"

namespace clearcut {

namespace {

// The neighbours of a pixel that come after it: each pair once.
struct Neighbour {
  std::int64_t dy, dx;
  double distance;
};
const Neighbour kNeighbours[] = {{0, 1, 1.0}, {1, -1, std::sqrt(2.0)}, {1, 0, 1.0}, {1, 1, std::sqrt(2.0)}};

class Cutter {
 public:
  Cutter(const Tensor& picture, const Tensor& hints, const GrabCutOptions& options)
      : H_(picture.dim(0)), W_(picture.dim(1)), options_(options), hint_(hints.values<std::int32_t>()) {
    const std::uint8_t* p = picture.data<const std::uint8_t>();
    for (std::int64_t i = 0; i < H_ * W_; ++i)
      colour_.push_back({double(p[i * 3]), double(p[i * 3 + 1]), double(p[i * 3 + 2])});
    for (const std::int32_t hint : hint_) {
      check(hint >= 0 && hint <= 3, "grab_cut", "hints are 0 to 3 (see Hint); got ", hint);
      object_.push_back(is(hint, Hint::kObject) || is(hint, Hint::kMaybeObject));
    }
    weigh_borders();
  }

  Tensor run() {
    ColourMixture palettes[2];
    for (int i = 0; i < options_.iterations; ++i) {
      for (const bool object : {false, true}) {
        const std::vector<Colour> colours = colours_of(object);
        if (colours.empty()) return mask();
        palettes[object] = i == 0 ? ColourMixture::split(colours, options_.components).refitted(colours)
                                  : palettes[object].refitted(colours);
      }
      cut(palettes);
    }
    return mask();
  }

 private:
  static bool is(std::int32_t hint, Hint which) { return hint == static_cast<std::int32_t>(which); }

  template <class Body>
  void for_each_pair(const Body& body) const {
    for (std::int64_t y = 0; y < H_; ++y)
      for (std::int64_t x = 0; x < W_; ++x)
        for (const Neighbour& n : kNeighbours)
          if (y + n.dy < H_ && x + n.dx >= 0 && x + n.dx < W_)
            body(y * W_ + x, (y + n.dy) * W_ + x + n.dx, n.distance);
  }

  double difference(std::int64_t i, std::int64_t j) const {
    const Colour &a = colour_[static_cast<std::size_t>(i)], &b = colour_[static_cast<std::size_t>(j)];
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) sum += (a[c] - b[c]) * (a[c] - b[c]);
    return sum;
  }

  void weigh_borders() {
    double sum = 0;
    std::int64_t pairs = 0;
    for_each_pair([&](std::int64_t i, std::int64_t j, double) {
      sum += difference(i, j);
      ++pairs;
    });
    const double beta = sum > 0 ? static_cast<double>(pairs) / (2 * sum) : 0;
    for_each_pair([&](std::int64_t i, std::int64_t j, double distance) {
      border_.push_back(options_.gamma / distance * std::exp(-beta * difference(i, j)));
    });
  }

  std::vector<Colour> colours_of(bool object) const {
    std::vector<Colour> colours;
    for (std::size_t i = 0; i < colour_.size(); ++i)
      if (object_[i] == object) colours.push_back(colour_[i]);
    return colours;
  }

  void cut(const ColourMixture (&palettes)[2]) {
    // More than all borders of a pixel together: what is known is never cut off.
    const double sure = 9 * options_.gamma;
    MinCut graph(H_ * W_);
    for (std::size_t i = 0; i < colour_.size(); ++i) {
      const auto node = static_cast<std::int64_t>(i);
      if (is(hint_[i], Hint::kObject)) {
        graph.add_ends(node, sure, 0);
      } else if (is(hint_[i], Hint::kBackground)) {
        graph.add_ends(node, 0, sure);
      } else {
        // Costs may be negative: only their difference counts.
        const double gain = palettes[0].cost(colour_[i]) - palettes[1].cost(colour_[i]);
        graph.add_ends(node, std::max(gain, 0.0), std::max(-gain, 0.0));
      }
    }
    std::size_t at = 0;
    for_each_pair([&](std::int64_t i, std::int64_t j, double) {
      graph.add_edge(i, j, border_[at], border_[at]);
      ++at;
    });
    graph.run();
    for (std::size_t i = 0; i < object_.size(); ++i)
      object_[i] = graph.of_source(static_cast<std::int64_t>(i));
  }

  Tensor mask() const {
    return Tensor::from<std::uint8_t>({H_, W_}, std::vector<std::uint8_t>(object_.begin(), object_.end()));
  }

  std::int64_t H_, W_;
  GrabCutOptions options_;
  std::vector<std::int32_t> hint_;
  std::vector<Colour> colour_;
  std::vector<bool> object_;
  std::vector<double> border_;  // of each pair, in the order of for_each_pair
};

}  // namespace

Tensor grab_cut(const Tensor& picture, const Tensor& hints, const GrabCutOptions& options) {
  check(picture.defined() && picture.rank() == 3 && picture.dim(2) == 3 && picture.dtype() == DType::kUInt8,
        "grab_cut", "picture must be uint8 [H, W, 3]");
  check(hints.defined() && hints.dtype() == DType::kInt32 &&
            hints.shape() == Shape({picture.dim(0), picture.dim(1)}),
        "grab_cut", "hints must be int32 [", picture.dim(0), ", ", picture.dim(1), "]");
  check(options.iterations >= 1 && options.components >= 1 && options.gamma >= 0, "grab_cut",
        "iterations and components must be >= 1, gamma >= 0; got ", options.iterations, ", ",
        options.components, ", ", options.gamma);
  return Cutter(picture, hints, options).run();
}

}  // namespace clearcut
