#include "explain/quickshift.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "explain/lab.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr std::int64_t kLanes = 2;  // of the vectors that every x86-64 and Arm processor has
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));
typedef std::int64_t Bits __attribute__((vector_size(kLanes * sizeof(double))));

// 2^x for x <= 0, two at a time: 2^n 2^f, |f| <= 1/2, by the series up to f^9: relative error below 1e-11. x
// below -58 counts as -58: 3e-18 beside densities of 1 and more.
Lanes power_of_two(Lanes x) {
  constexpr Lanes kLowest = {-58, -58};
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to whole numbers
  constexpr double kSeries[] = {1.0178086009239696e-07, 1.3215486790144305e-06,
                                1.5252733804059838e-05, 0.00015403530393381606,
                                0.0013333558146428441,  0.009618129107628477,
                                0.055504108664821576,   0.2402265069591007,
                                0.6931471805599453,     1.0};  // ln(2)^k / k!, k = 9 .. 0
  x = x < kLowest ? kLowest : x;
  const Lanes shifted = x + kRound, f = x - (shifted - kRound);
  Lanes sum = f * kSeries[0];
#pragma GCC unroll 8
  for (int i = 1; i < 9; ++i) sum = (sum + kSeries[i]) * f;
  sum += kSeries[9];
  Bits bits, exponent;
  std::memcpy(&bits, &sum, sizeof bits);
  std::memcpy(&exponent, &shifted, sizeof exponent);
  bits += exponent << 52;  // the low bits of `shifted` are n
  std::memcpy(&sum, &bits, sizeof sum);
  return sum;
}

Lanes load(const double* from) {
  Lanes x;
  std::memcpy(&x, from, sizeof x);
  return x;
}

// Three planes of colour with a margin on all sides, whose colour is too far from any to add to a density.
class Planes {
 public:
  Planes(const Tensor& colours, std::int64_t margin)
      : H_(colours.dim(0)), W_(colours.dim(1)), margin_(margin), row_(W_ + 2 * margin + kLanes) {
    for (std::size_t c = 0; c < 3; ++c) {
      plane_[c].assign(static_cast<std::size_t>((H_ + 2 * margin) * row_), 1e6);
      const double* from = colours.data<const double>() + c;
      for (std::int64_t y = 0; y < H_; ++y)
        for (std::int64_t x = 0; x < W_; ++x) at(c, y, x) = from[(y * W_ + x) * 3];
    }
  }
  std::int64_t height() const { return H_; }
  std::int64_t width() const { return W_; }
  const double* row(std::size_t c, std::int64_t y) const {
    return plane_[c].data() + (y + margin_) * row_ + margin_;
  }

 private:
  double& at(std::size_t c, std::int64_t y, std::int64_t x) {
    return plane_[c][static_cast<std::size_t>((y + margin_) * row_ + margin_ + x)];
  }
  std::int64_t H_, W_, margin_, row_;
  std::vector<double> plane_[3];
};

// Sums of the window around two neighbours of row y, from column x on, in raster order of the window.
Lanes window_sum(const Planes& planes, std::int64_t y, std::int64_t x, std::int64_t reach, double factor) {
  const Lanes l = load(planes.row(0, y) + x), a = load(planes.row(1, y) + x), b = load(planes.row(2, y) + x);
  Lanes sum = l - l;
  for (std::int64_t dy = -reach; dy <= reach; ++dy) {
    if (y + dy < 0 || y + dy >= planes.height()) continue;
    const double *L = planes.row(0, y + dy) + x, *A = planes.row(1, y + dy) + x,
                 *B = planes.row(2, y + dy) + x;
    for (std::int64_t dx = -reach; dx <= reach; ++dx) {
      const Lanes dl = l - load(L + dx), da = a - load(A + dx), db = b - load(B + dx);
      const Lanes distance = dl * dl + da * da + db * db + static_cast<double>(dy * dy + dx * dx);
      sum += power_of_two(distance * factor);
    }
  }
  return sum;
}

std::vector<double> densities(const Planes& planes, double kernel_size, const Tensor& noise) {
  const std::int64_t H = planes.height(), W = planes.width();
  const auto reach = static_cast<std::int64_t>(std::ceil(3 * kernel_size));
  const double factor = -0.5 / (kernel_size * kernel_size) / std::log(2.0);
  std::vector<double> density(static_cast<std::size_t>(H * W));
  const double* extra = noise.data<const double>();
  parallel_for(H, 4, [&](std::int64_t top, std::int64_t bottom) {
    for (std::int64_t y = top; y < bottom; ++y)
      for (std::int64_t x = 0; x < W; x += kLanes) {
        const Lanes sum = window_sum(planes, y, x, reach, factor);
        for (std::int64_t i = 0; i < std::min(kLanes, W - x); ++i)
          density[static_cast<std::size_t>(y * W + x + i)] = extra[y * W + x + i] + sum[i];
      }
  });
  return density;
}

struct Step {
  std::int64_t dy, dx;
  double distance;  // squared
};

// All steps of the window that are not too long, short ones first: the search ends at the first one that is
// longer than the nearest neighbour found.
std::vector<Step> steps_by_length(std::int64_t reach, double max_dist) {
  std::vector<Step> steps;
  for (std::int64_t dy = -reach; dy <= reach; ++dy)
    for (std::int64_t dx = -reach; dx <= reach; ++dx) {
      const auto distance = static_cast<double>(dy * dy + dx * dx);
      if (distance > 0 && std::sqrt(distance) <= max_dist) steps.push_back({dy, dx, distance});
    }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step& a, const Step& b) { return a.distance < b.distance; });
  return steps;
}

std::int64_t parent_of(const Planes& planes, const std::vector<double>& density,
                       const std::vector<Step>& steps, std::int64_t y, std::int64_t x, double max_dist) {
  const std::int64_t H = planes.height(), W = planes.width(), p = y * W + x;
  double nearest = std::numeric_limits<double>::max();
  std::int64_t parent = p;
  for (const Step& step : steps) {
    if (step.distance > nearest) break;
    const std::int64_t r = y + step.dy, c = x + step.dx, q = r * W + c;
    if (r < 0 || r >= H || c < 0 || c >= W) continue;
    if (!(density[static_cast<std::size_t>(q)] > density[static_cast<std::size_t>(p)])) continue;
    double distance = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const double t = planes.row(i, y)[x] - planes.row(i, r)[c];
      distance += t * t;
    }
    distance += step.distance;
    if (distance < nearest || (distance == nearest && q < parent)) {
      nearest = distance;
      parent = q;
    }
  }
  return std::sqrt(nearest) > max_dist ? p : parent;
}

// Numbers the roots in raster order and gives every pixel its root's number.
Tensor labels_of_roots(std::vector<std::int64_t> parent, std::int64_t H, std::int64_t W) {
  const auto up = [&](std::int64_t p) { return parent[static_cast<std::size_t>(p)]; };
  std::vector<std::int32_t> label(parent.size(), -1);
  std::int32_t next = 0;
  for (std::int64_t p = 0; p < H * W; ++p)
    if (up(p) == p) label[static_cast<std::size_t>(p)] = next++;
  std::vector<std::int64_t> path;
  for (std::int64_t start = 0; start < H * W; ++start) {
    std::int64_t p = start;
    for (path.clear(); label[static_cast<std::size_t>(p)] < 0; p = up(p)) path.push_back(p);
    for (const std::int64_t q : path) label[static_cast<std::size_t>(q)] = label[static_cast<std::size_t>(p)];
  }
  return Tensor::from<std::int32_t>({H, W}, label);
}

}  // namespace

Tensor quickshift(const Tensor& picture, const QuickshiftOptions& options, const Tensor& noise) {
  check(options.kernel_size >= 1 && options.max_dist >= 0 && options.ratio >= 0 && options.sigma >= 0,
        "quickshift", "kernel_size must be >= 1, max_dist, ratio and sigma >= 0; got ", options.kernel_size,
        ", ", options.max_dist, ", ", options.ratio, ", ", options.sigma);
  const Tensor lab = smooth(picture_to_lab(picture, false), options.sigma, smoothing_radius(options.sigma));
  const std::int64_t H = picture.dim(0), W = picture.dim(1);
  check(noise.defined() && noise.dtype() == DType::kFloat64 && noise.shape() == Shape({H, W}), "quickshift",
        "noise must be float64 [", H, ", ", W, "]");
  const auto reach = static_cast<std::int64_t>(std::ceil(3 * options.kernel_size));
  const Planes planes(scaled(lab, options.ratio), reach);
  const std::vector<double> density = densities(planes, options.kernel_size, noise);
  const std::vector<Step> steps = steps_by_length(reach, options.max_dist);
  std::vector<std::int64_t> parent(density.size());
  parallel_for(H, 4, [&](std::int64_t top, std::int64_t bottom) {
    for (std::int64_t y = top; y < bottom; ++y)
      for (std::int64_t x = 0; x < W; ++x)
        parent[static_cast<std::size_t>(y * W + x)] =
            parent_of(planes, density, steps, y, x, options.max_dist);
  });
  return labels_of_roots(std::move(parent), H, W);
}

Tensor quickshift(const Tensor& picture, const QuickshiftOptions& options) {
  check_rank("quickshift", "picture", picture, 3, "[H, W, 3]");
  Tensor noise({picture.dim(0), picture.dim(1)}, DType::kFloat64);
  RandomStream(0, "quickshift").fill_normal(noise, 0, 1e-5);
  return quickshift(picture, options, noise);
}

}  // namespace clearcut
