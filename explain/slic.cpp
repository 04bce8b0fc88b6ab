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

// Seeds stand `first` from the border and `stride` apart along each side.
struct Grid {
  std::array<std::int64_t, 2> first = {0, 0}, stride = {1, 1};
};

// A side shorter than the step gets one seed, and the other side takes up the number.
Grid seed_grid(std::int64_t H, std::int64_t W, int segments) {
  const double h = static_cast<double>(H), w = static_cast<double>(W);
  if (h * w <= segments) return {};
  const double step = std::sqrt(h * w / segments);
  std::array<double, 2> steps = {step, step};
  if (h < step)
    steps = {h, w / segments};
  else if (w < step)
    steps = {h / segments, w};
  Grid grid;
  for (std::size_t i = 0; i < 2; ++i) {
    grid.first[i] = static_cast<std::int64_t>(steps[i] / 2);
    grid.stride[i] = std::max<std::int64_t>(1, std::llrint(steps[i]));  // halves to even, as NumPy rounds
  }
  return grid;
}

std::vector<Centre> seeds(std::int64_t H, std::int64_t W, const Grid& grid) {
  std::vector<Centre> centres;
  for (std::int64_t row = grid.first[0]; row < H; row += grid.stride[0])
    for (std::int64_t col = grid.first[1]; col < W; col += grid.stride[1])
      centres.push_back({.row = static_cast<double>(row), .col = static_cast<double>(col)});
  return centres;
}

// The picture, its clusters and the label of each pixel.
class Clusters {
 public:
  // colours: float64 [H, W, 3] Lab / compactness.
  Clusters(Tensor colours, int segments)
      : colours_(std::move(colours)),
        H_(colours_.dim(0)),
        W_(colours_.dim(1)),
        grid_(seed_grid(H_, W_, segments)),
        centres_(seeds(H_, W_, grid_)),
        labels_(static_cast<std::size_t>(H_ * W_), 0) {}

  void run(int iterations) {
    for (int i = 0; i < iterations && assign(); ++i) update();
  }
  const std::vector<int>& labels() const { return labels_; }
  std::size_t count() const { return centres_.size(); }

 private:
  static constexpr std::int64_t kBand = 16;  // rows that one chunk of parallel_for owns

  bool assign();
  bool assign_band(std::int64_t top, std::int64_t bottom, const double* colours);
  void update();

  Tensor colours_;
  std::int64_t H_, W_;
  Grid grid_;
  std::vector<Centre> centres_;
  std::vector<int> labels_;
};

// Labels of the rows [top, bottom): the nearest centre, the first of several. True if one changed.
bool Clusters::assign_band(std::int64_t top, std::int64_t bottom, const double* colours) {
  std::vector<double> best(static_cast<std::size_t>((bottom - top) * W_), std::numeric_limits<double>::max());
  std::vector<int> label(labels_.begin() + top * W_, labels_.begin() + bottom * W_);
  const auto step = static_cast<double>(std::max(grid_.stride[0], grid_.stride[1]));
  const double spatial = 1 / (step * step);
  const auto first = [](double at) { return static_cast<std::int64_t>(std::max(at, 0.0)); };
  const auto behind = [](double at, std::int64_t n) {
    return static_cast<std::int64_t>(std::min(at + 1, static_cast<double>(n)));
  };
  const auto rows = static_cast<double>(2 * grid_.stride[0]), cols = static_cast<double>(2 * grid_.stride[1]);
  for (std::size_t k = 0; k < centres_.size(); ++k) {
    const Centre& c = centres_[k];
    if (c.size == 0) continue;
    const std::int64_t left = first(c.col - cols), right = behind(c.col + cols, W_);
    for (std::int64_t y = std::max(top, first(c.row - rows)); y < std::min(bottom, behind(c.row + rows, H_));
         ++y)
      for (std::int64_t x = left; x < right; ++x) {
        const double* p = colours + (y * W_ + x) * 3;
        const double dy = c.row - static_cast<double>(y), dx = c.col - static_cast<double>(x);
        const double l = p[0] - c.colour[0], a = p[1] - c.colour[1], b = p[2] - c.colour[2];
        const double d = (dy * dy + dx * dx) * spatial + (l * l + a * a + b * b);
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
  const double* colours = colours_.data<const double>();
  std::vector<char> changed(static_cast<std::size_t>((H_ + kBand - 1) / kBand));
  parallel_for(H_, kBand, [&](std::int64_t top, std::int64_t bottom) {
    changed[static_cast<std::size_t>(top / kBand)] = assign_band(top, bottom, colours);
  });
  return std::find(changed.begin(), changed.end(), 1) != changed.end() || centres_.size() == 1;
}

void Clusters::update() {
  std::vector<Centre> sums(centres_.size(), Centre{.size = 0});
  const double* colours = colours_.data<const double>();
  for (std::int64_t y = 0; y < H_; ++y)
    for (std::int64_t x = 0; x < W_; ++x) {
      Centre& sum = sums[static_cast<std::size_t>(labels_[static_cast<std::size_t>(y * W_ + x)])];
      sum.row += static_cast<double>(y);
      sum.col += static_cast<double>(x);
      for (std::size_t i = 0; i < 3; ++i) sum.colour[i] += colours[(y * W_ + x) * 3 + static_cast<int>(i)];
      ++sum.size;
    }
  for (Centre& sum : sums) {
    if (sum.size == 0) continue;
    const auto n = static_cast<double>(sum.size);
    sum.row /= n;
    sum.col /= n;
    for (double& value : sum.colour) value /= n;
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
  const Tensor lab = smooth(picture_to_lab(picture, true), options.sigma, smoothing_radius(options.sigma));
  Clusters clusters(scaled(lab, 1 / options.compactness), options.segments);
  clusters.run(options.iterations);
  const double mean_size = static_cast<double>(picture.numel() / 3) / static_cast<double>(clusters.count());
  return connect_regions(Tensor::from<std::int32_t>({picture.dim(0), picture.dim(1)}, clusters.labels()),
                         {.min_size = static_cast<std::int64_t>(options.min_size * mean_size),
                          .max_size = static_cast<std::int64_t>(options.max_size * mean_size)});
}

}  // namespace clearcut
