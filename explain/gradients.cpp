// SmoothGrad and Integrated Gradients: weighted means of input gradients at points near the picture.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "explain/lab.h"
#include "explain/methods.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr std::int64_t kGrain = 1 << 14;

// For each picture the sum over `points` rows of weight(i) * gradient, in double and in the order of i;
// finish(n, sum [3 H W]) gets it.
struct GradientSum {
  std::int64_t points;
  std::function<void(std::int64_t n, std::int64_t i, const Tensor& slot)> fill;
  std::function<double(std::int64_t i)> weight;
  std::function<void(std::int64_t n, const std::vector<double>& sum)> finish;
};

void sum_gradients(Passes& passes, const ExplainInput& input, const GradientSum& job) {
  const std::int64_t size = input.x.numel() / input.x.dim(0);
  std::vector<double> sum(static_cast<std::size_t>(size));
  const InputRows rows{
      .count = input.x.dim(0) * job.points,
      .shape = input.x.shape().without_leading(),
      .fill = [&](std::int64_t r, const Tensor& slot) { job.fill(r / job.points, r % job.points, slot); }};
  const auto target = [&](std::int64_t r) -> const Target& {
    return input.targets[static_cast<std::size_t>(r / job.points)];
  };
  passes.gradients(rows, target, [&](std::int64_t r, const float* g) {
    const double weight = job.weight(r % job.points);
    if (r % job.points == 0) std::fill(sum.begin(), sum.end(), 0.0);
    parallel_for(size, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) sum[static_cast<std::size_t>(i)] += weight * g[i];
    });
    if (r % job.points == job.points - 1) job.finish(r / job.points, sum);
  });
}

Explanation pixel_maps(const ExplainInput& input) {
  const Shape shape({input.x.dim(0), input.x.dim(2), input.x.dim(3)});
  return {.maps = Tensor(shape), .squares = Tensor(shape)};
}

// Roots and weights of the Legendre polynomial of degree n on [0, 1], by Newton's method.
PathPoints gauss_legendre(int n) {
  PathPoints points;
  for (int i = 0; i < n; ++i) {
    double x = -std::cos(std::numbers::pi * (i + 0.75) / (n + 0.5)), slope = 1;
    for (int round = 0; round < 100; ++round) {
      double p0 = 1, p1 = x;  // P_{k-1}, P_k
      for (int k = 1; k < n; ++k) {
        const double next = ((2 * k + 1) * x * p1 - k * p0) / (k + 1);
        p0 = p1;
        p1 = next;
      }
      slope = n * (x * p1 - p0) / (x * x - 1);
      const double step = p1 / slope;
      x -= step;
      if (std::abs(step) < 1e-15) break;
    }
    points.at.push_back((x + 1) / 2);
    points.weight.push_back(1 / ((1 - x * x) * slope * slope));
  }
  return points;
}

}  // namespace

PathPoints path_points(PathRule rule, int steps) {
  check(steps >= 1, "ig", "steps must be >= 1; got ", steps);
  if (rule == PathRule::kGauss) return gauss_legendre(steps);
  PathPoints points;
  for (int i = 0; i < steps; ++i) {
    const bool ends = rule == PathRule::kEnds && steps > 1;
    points.at.push_back(ends ? static_cast<double>(i) / (steps - 1) : (i + 0.5) / steps);
    points.weight.push_back(1.0 / steps);
  }
  return points;
}

void reduce_channels(const double* g, std::int64_t channels, std::int64_t n, Reduction reduction,
                     float* map) {
  parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      double sum = 0, absolute = 0, square = 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        const double value = g[c * n + i];
        sum += value;
        absolute += std::abs(value);
        square += value * value;
      }
      switch (reduction) {
        case Reduction::kAbs:
          map[i] = static_cast<float>(absolute);
          break;
        case Reduction::kSquare:
          map[i] = static_cast<float>(square / static_cast<double>(channels));
          break;
        case Reduction::kPositive:
          map[i] = static_cast<float>(std::max(0.0, sum));
          break;
        case Reduction::kSigned:
          map[i] = static_cast<float>(sum);
          break;
      }
    }
  });
}

Tensor baseline_of(const Tensor& x, PathStart baseline) {
  if (baseline == PathStart::kZero) return zeros_like(x);
  const std::int64_t C = x.dim(0), n = x.dim(1) * x.dim(2);
  Tensor y = empty_like(x);
  const float* from = x.data<const float>();
  float* to = y.data<float>();
  if (baseline == PathStart::kMean) {
    for (std::int64_t c = 0; c < C; ++c) {
      double sum = 0;
      for (std::int64_t i = 0; i < n; ++i) sum += from[c * n + i];
      std::fill(to + c * n, to + (c + 1) * n, static_cast<float>(sum / static_cast<double>(n)));
    }
    return y;
  }
  for (std::int64_t c = 0; c < C; ++c) {
    const Tensor plane = x[c].to(DType::kFloat64).reshape(Shape{x.dim(1), x.dim(2), 1});
    const Tensor blurred = smooth(plane, 5, 5);
    const double* p = blurred.data<const double>();
    for (std::int64_t i = 0; i < n; ++i) to[c * n + i] = static_cast<float>(p[i]);
  }
  return y;
}

namespace {

void write_maps(const std::vector<double>& g, std::int64_t k, const ExplainOptions& options,
                Explanation& result) {
  const auto n = static_cast<std::int64_t>(g.size()) / 3;
  reduce_channels(g.data(), 3, n, reduction_of(options), result.maps.data<float>() + k * n);
  reduce_channels(g.data(), 3, n, Reduction::kSquare, result.squares.data<float>() + k * n);
}

}  // namespace

Explanation smooth_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::int64_t copies = samples_of(options);
  check(options.noise >= 0, "smoothgrad", "noise must be >= 0; got ", options.noise);
  const std::int64_t N = input.x.dim(0), size = input.x.numel() / N;
  const float* x = input.x.data<const float>();
  std::vector<double> deviation;
  for (std::int64_t k = 0; k < N; ++k) {
    const auto [low, high] = std::minmax_element(x + k * size, x + (k + 1) * size);
    deviation.push_back(options.noise * (static_cast<double>(*high) - *low));
  }
  Explanation result = pixel_maps(input);
  const auto fill = [&](std::int64_t k, std::int64_t i, const Tensor& slot) {
    const auto item = static_cast<std::size_t>(k);
    const RandomStream noise(input.seed, "smoothgrad", input.items[item], static_cast<std::uint32_t>(i));
    noise.fill_normal(slot, 0, deviation[item]);
    float* p = slot.data<float>();
    for (std::int64_t j = 0; j < size; ++j) p[j] += x[k * size + j];
  };
  const double weight = 1.0 / static_cast<double>(copies);
  sum_gradients(passes, input,
                {.points = copies,
                 .fill = fill,
                 .weight = [&](std::int64_t) { return weight; },
                 .finish = [&](std::int64_t k,
                               const std::vector<double>& sum) { write_maps(sum, k, options, result); }});
  return result;
}

Explanation integrated_gradients(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const PathPoints path = path_points(options.path, options.steps);
  const std::int64_t N = input.x.dim(0), size = input.x.numel() / N;
  const float* x = input.x.data<const float>();
  std::vector<Tensor> baselines;
  for (std::int64_t k = 0; k < N; ++k) baselines.push_back(baseline_of(input.x[k], options.baseline));
  Explanation result = pixel_maps(input);
  const auto base = [&](std::int64_t k) {
    return baselines[static_cast<std::size_t>(k)].data<const float>();
  };
  const auto fill = [&](std::int64_t k, std::int64_t i, const Tensor& slot) {
    const double a = path.at[static_cast<std::size_t>(i)];
    const float* from = base(k);
    float* p = slot.data<float>();
    for (std::int64_t j = 0; j < size; ++j)
      p[j] = static_cast<float>(from[j] + a * (static_cast<double>(x[k * size + j]) - from[j]));
  };
  const auto finish = [&](std::int64_t k, const std::vector<double>& sum) {
    std::vector<double> g(sum);
    const float* from = base(k);
    for (std::int64_t j = 0; j < size; ++j)
      g[static_cast<std::size_t>(j)] *= static_cast<double>(x[k * size + j]) - from[j];
    write_maps(g, k, options, result);
  };
  sum_gradients(passes, input,
                {.points = options.steps,
                 .fill = fill,
                 .weight = [&](std::int64_t i) { return path.weight[static_cast<std::size_t>(i)]; },
                 .finish = finish});
  return result;
}

}  // namespace clearcut
