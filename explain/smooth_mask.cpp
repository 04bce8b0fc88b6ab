#include "explain/smooth_mask.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut {

namespace {

constexpr double kColdness = 20;  // of the softmax
constexpr std::int64_t kLevels = 8;
constexpr double kMostBlur = 20;       // pixels
constexpr std::int64_t kRowGrain = 8;  // rows of a mask per chunk

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace

SmoothMask::SmoothMask(std::int64_t H, std::int64_t W, std::int64_t step, std::int64_t sigma)
    : step_(step),
      sigma_(sigma),
      padding_(1 + ceil_div(2 * sigma, step)),
      around_(2 * (1 + ceil_div(sigma, step)) + 1) {
  const std::int64_t sides[2] = {H, W};
  for (int d = 0; d < 2; ++d) {
    in_[d] = ceil_div(sides[d], step);
    const std::int64_t cells = in_[d] + 2 * padding_ - around_ + 1;
    out_[d] = step * (cells - 1) + 1;
  }
  const auto distance = [&](std::int64_t inside, std::int64_t k) {
    return static_cast<double>(inside - sigma_ - step_ * (k - padding_));
  };
  for (std::int64_t y = 0; y < step; ++y)
    for (std::int64_t x = 0; x < step; ++x)
      for (std::int64_t i = 0; i < around_; ++i)
        for (std::int64_t j = 0; j < around_; ++j) {
          const double z = std::hypot(distance(y, i), distance(x, j)) / static_cast<double>(sigma);
          const double beyond = std::max(0.0, z - 0.5);
          weight_.push_back(std::exp(-2 * beyond * beyond));
        }
}

template <class Body>
void SmoothMask::each_near(std::int64_t y, std::int64_t x, const Body& body) const {
  const double* weight = weight_.data() + ((y % step_) * step_ + x % step_) * around_ * around_;
  const std::int64_t top = y / step_ - padding_, left = x / step_ - padding_;
  for (std::int64_t i = 0; i < around_; ++i) {
    if (top + i < 0 || top + i >= in_[0]) continue;
    for (std::int64_t j = 0; j < around_; ++j)
      if (left + j >= 0 && left + j < in_[1]) body((top + i) * in_[1] + left + j, weight[i * around_ + j]);
  }
}

void SmoothMask::forward(const std::vector<double>& p, std::vector<double>& m) const {
  m.resize(static_cast<std::size_t>(pixels()));
  parallel_for(out_[0], kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y)
      for (std::int64_t x = 0; x < out_[1]; ++x) {
        // Points off the grid have v = 0, so e^0 each.
        double sum = 0, total = static_cast<double>(around_ * around_);
        each_near(y, x, [&](std::int64_t i, double weight) {
          const double v = weight * p[static_cast<std::size_t>(i)], e = std::exp(kColdness * v);
          sum += v * e;
          total += e - 1;
        });
        m[static_cast<std::size_t>(y * out_[1] + x)] = sum / total;
      }
  });
}

std::vector<double> SmoothMask::backward(const std::vector<double>& p, const std::vector<double>& m,
                                         const std::vector<double>& dm) const {
  const std::int64_t chunks = ceil_div(out_[0], kRowGrain);
  std::vector<std::vector<double>> parts(static_cast<std::size_t>(chunks), std::vector<double>(p.size()));
  parallel_for(out_[0], kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double>& dp = parts[static_cast<std::size_t>(begin / kRowGrain)];
    for (std::int64_t y = begin; y < end; ++y)
      for (std::int64_t x = 0; x < out_[1]; ++x) {
        const auto u = static_cast<std::size_t>(y * out_[1] + x);
        if (dm[u] == 0) continue;
        double total = static_cast<double>(around_ * around_);
        each_near(y, x, [&](std::int64_t i, double weight) {
          total += std::exp(kColdness * weight * p[static_cast<std::size_t>(i)]) - 1;
        });
        each_near(y, x, [&](std::int64_t i, double weight) {
          const double v = weight * p[static_cast<std::size_t>(i)], share = std::exp(kColdness * v) / total;
          dp[static_cast<std::size_t>(i)] += dm[u] * weight * share * (1 + kColdness * (v - m[u]));
        });
      }
  });
  std::vector<double> dp(p.size());
  for (const std::vector<double>& part : parts)
    for (std::size_t i = 0; i < dp.size(); ++i) dp[i] += part[i];
  return dp;
}

namespace {

std::vector<double> gaussian(double deviation) {
  const auto radius = static_cast<std::int64_t>(std::ceil(4 * deviation));
  std::vector<double> filter;
  double sum = 0;
  for (std::int64_t i = -radius; i <= radius; ++i) {
    const double z = radius > 0 ? static_cast<double>(i) / deviation : 0;
    filter.push_back(std::exp(-z * z / 2));
    sum += filter.back();
  }
  for (double& value : filter) value /= sum;
  return filter;
}

// Along a line of `count` numbers, `stride` apart; what lies beyond its ends counts as 0.
void filter_line(const double* from, double* to, std::int64_t count, std::int64_t stride,
                 const std::vector<double>& filter) {
  const auto radius = static_cast<std::int64_t>(filter.size() / 2);
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (std::int64_t j = std::max<std::int64_t>(0, i - radius); j <= std::min(count - 1, i + radius); ++j)
      sum += from[j * stride] * filter[static_cast<std::size_t>(j - i + radius)];
    to[i * stride] = sum;
  }
}

void blur_plane(const float* from, std::int64_t H, std::int64_t W, const std::vector<double>& filter,
                float* to) {
  std::vector<double> a(from, from + H * W), b(a.size());
  for (std::int64_t x = 0; x < W; ++x) filter_line(a.data() + x, b.data() + x, H, W, filter);
  for (std::int64_t y = 0; y < H; ++y) filter_line(b.data() + y * W, a.data() + y * W, W, 1, filter);
  std::transform(a.begin(), a.end(), to, [](double value) { return static_cast<float>(value); });
}

// Where mask value m falls among the levels.
struct Between {
  std::int64_t low, high;
  double share;  // of high
  explicit Between(double m) {
    const double level = m * (kLevels - 1);
    low = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(level)), 0, kLevels - 1);
    high = std::min(low + 1, kLevels - 1);
    share = level - static_cast<double>(low);
  }
};

}  // namespace

Tensor blur_levels(const Tensor& x) {
  const std::int64_t H = x.dim(1), W = x.dim(2);
  Tensor levels({kLevels, 3, H, W});
  float* to = levels.data<float>();
  const float* from = x.data<const float>();
  parallel_for(kLevels * 3, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double share = static_cast<double>(i / 3) / (kLevels - 1);
      blur_plane(from + i % 3 * H * W, H, W, gaussian(kMostBlur * (1 - share)), to + i * H * W);
    }
  });
  return levels;
}

void blur_by(const Tensor& levels, const std::vector<double>& mask, const Tensor& y) {
  const auto pixels = static_cast<std::int64_t>(mask.size());
  const float* from = levels.data<const float>();
  float* to = y.data<float>();
  for (std::int64_t i = 0; i < pixels; ++i) {
    const Between between(mask[static_cast<std::size_t>(i)]);
    for (std::int64_t c = 0; c < 3; ++c)
      to[c * pixels + i] = static_cast<float>((1 - between.share) * from[(between.low * 3 + c) * pixels + i] +
                                              between.share * from[(between.high * 3 + c) * pixels + i]);
  }
}

std::vector<double> blur_by_backward(const Tensor& levels, const std::vector<double>& mask, const float* dy) {
  const auto pixels = static_cast<std::int64_t>(mask.size());
  const float* from = levels.data<const float>();
  std::vector<double> dmask(mask.size());
  for (std::int64_t i = 0; i < pixels; ++i) {
    const Between between(mask[static_cast<std::size_t>(i)]);
    double sum = 0;
    for (std::int64_t c = 0; c < 3; ++c)
      sum += static_cast<double>(dy[c * pixels + i]) *
             (static_cast<double>(from[(between.high * 3 + c) * pixels + i]) -
              from[(between.low * 3 + c) * pixels + i]);
    dmask[static_cast<std::size_t>(i)] = (kLevels - 1) * sum;
  }
  return dmask;
}

}  // namespace clearcut
