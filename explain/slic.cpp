#include "explain/slic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "explain/lab.h"
#include "explain/regions.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

struct Centre {
  double row = 0, col = 0;
  std::array<double, 3> colour{};  // Lab / compactness; set by the first update
  std::int64_t size = 1;           // 0: lost all its pixels, out of the game
};

// Steps between seeds. A side shorter than the step gets one seed, and the other side takes up the number.
std::array<double, 2> grid_steps(std::int64_t H, std::int64_t W, int segments) {
  const double step = std::sqrt(static_cast<double>(H) * static_cast<double>(W) / segments);
  const double h = static_cast<double>(H), w = static_cast<double>(W);
  if (h * w <= segments) return {1, 1};
  if (h < step) return {h, std::max(1.0, w / segments)};
  if (w < step) return {std::max(1.0, h / segments), w};
  return {step, step};
}

std::vector<Centre> seeds(std::int64_t H, std::int64_t W, const std::array<double, 2>& steps) {
  std::vector<Centre> centres;
  const auto stride = [](double step) { return std::max<std::int64_t>(1, std::llround(step)); };
  for (auto row = static_cast<std::int64_t>(steps[0] / 2); row < H; row += stride(steps[0]))
    for (auto col = static_cast<std::int64_t>(steps[1] / 2); col < W; col += stride(steps[1]))
      centres.push_back({.row = static_cast<double>(row), .col = static_cast<double>(col)});
  return centres;
}

// The picture, its clusters and the label of each pixel.
class Clusters {
 public:
  Clusters(Tensor lab, const SlicOptions& options)
      : lab_(std::move(lab)),
        H_(lab_.dim(0)),
        W_(lab_.dim(1)),
        steps_(grid_steps(H_, W_, options.segments)),
        ratio_(1 / options.compactness),
        centres_(seeds(H_, W_, steps_)),
        labels_(static_cast<std::size_t>(H_ * W_), 0) {
    reach_ = 2 * std::max(steps_[0], steps_[1]);
    spatial_ = 1 / std::pow(std::max(steps_[0], steps_[1]), 2);
  }

  void run(int iterations) {
    for (int i = 0; i < iterations && assign(); ++i) update();
  }
  const std::vector<int>& labels() const { return labels_; }

 private:
  static constexpr std::int64_t kBand = 16;  // rows that one chunk of parallel_for owns

  bool assign();
  bool assign_band(std::int64_t top, std::int64_t bottom, const double* lab);
  void update();

  Tensor lab_;
  std::int64_t H_, W_;
  std::array<double, 2> steps_;
  double ratio_, reach_ = 0, spatial_ = 0;
  std::vector<Centre> centres_;
  std::vector<int> labels_;
};

// Labels of the rows [top, bottom): the nearest centre, the first of several. True if one changed.
bool Clusters::assign_band(std::int64_t top, std::int64_t bottom, const double* lab) {
  std::vector<double> best(static_cast<std::size_t>((bottom - top) * W_), std::numeric_limits<double>::max());
  std::vector<int> label(labels_.begin() + top * W_, labels_.begin() + bottom * W_);
  for (std::size_t k = 0; k < centres_.size(); ++k) {
    const Centre& c = centres_[k];
    if (c.size == 0) continue;
    const auto first = [&](double centre) { return static_cast<std::int64_t>(std::ceil(centre - reach_)); };
    const auto last = [&](double centre) { return static_cast<std::int64_t>(std::floor(centre + reach_)); };
    for (std::int64_t y = std::max(top, first(c.row)); y < std::min(bottom, last(c.row) + 1); ++y)
      for (std::int64_t x = std::max<std::int64_t>(0, first(c.col)); x < std::min(W_, last(c.col) + 1); ++x) {
        const double* p = lab + (y * W_ + x) * 3;
        const double dy = static_cast<double>(y) - c.row, dx = static_cast<double>(x) - c.col;
        double d = (dy * dy + dx * dx) * spatial_;
        for (std::size_t i = 0; i < 3; ++i) d += std::pow(p[i] * ratio_ - c.colour[i], 2);
        const auto at = static_cast<std::size_t>((y - top) * W_ + x);
        if (d < best[at]) {
          best[at] = d;
          label[at] = static_cast<int>(k);
        }
      }
  }
  const bool changed = !std::equal(label.begin(), label.end(), labels_.begin() + top * W_);
  std::copy(label.begin(), label.end(), labels_.begin() + top * W_);
  return changed;
}

// Bands are independent, and within a band clusters come in their order: the same labels for any number of
// threads. The first call labels every pixel and always counts as a change.
bool Clusters::assign() {
  const double* lab = lab_.data<const double>();
  std::vector<char> changed(static_cast<std::size_t>((H_ + kBand - 1) / kBand));
  parallel_for(H_, kBand, [&](std::int64_t top, std::int64_t bottom) {
    changed[static_cast<std::size_t>(top / kBand)] = assign_band(top, bottom, lab);
  });
  return std::find(changed.begin(), changed.end(), 1) != changed.end() || centres_.size() == 1;
}

void Clusters::update() {
  std::vector<Centre> sums(centres_.size(), Centre{.size = 0});
  const double* lab = lab_.data<const double>();
  for (std::int64_t y = 0; y < H_; ++y)
    for (std::int64_t x = 0; x < W_; ++x) {
      Centre& sum = sums[static_cast<std::size_t>(labels_[static_cast<std::size_t>(y * W_ + x)])];
      sum.row += static_cast<double>(y);
      sum.col += static_cast<double>(x);
      for (std::size_t i = 0; i < 3; ++i) sum.colour[i] += lab[(y * W_ + x) * 3 + static_cast<int>(i)];
      ++sum.size;
    }
  for (Centre& sum : sums) {
    if (sum.size == 0) continue;
    const auto n = static_cast<double>(sum.size);
    sum.row /= n;
    sum.col /= n;
    for (double& value : sum.colour) value *= ratio_ / n;
  }
  centres_ = std::move(sums);
}

void check_options(const SlicOptions& o) {
  check(o.segments >= 1 && o.compactness > 0 && o.iterations >= 1 && o.sigma >= 0, "slic",
        "segments and iterations must be >= 1, compactness > 0, sigma >= 0; got ", o.segments, ", ",
        o.iterations, ", ", o.compactness, ", ", o.sigma);
  check(o.min_size >= 0 && o.max_size >= 1, "slic", "min_size must be >= 0 and max_size >= 1; got ",
        o.min_size, ", ", o.max_size);
}

}  // namespace

Tensor slic(const Tensor& picture, const SlicOptions& options) {
  check_options(options);
  const Tensor lab = picture_to_lab(picture, true);
  Clusters clusters(smooth(lab, options.sigma, static_cast<int>(std::ceil(4 * options.sigma))), options);
  clusters.run(options.iterations);
  const double mean_size = static_cast<double>(picture.numel() / 3) / options.segments;
  return connect_regions(Tensor::from<std::int32_t>({picture.dim(0), picture.dim(1)}, clusters.labels()),
                         {.min_size = static_cast<std::int64_t>(options.min_size * mean_size),
                          .max_size = static_cast<std::int64_t>(std::ceil(options.max_size * mean_size))});
}

}  // namespace clearcut
