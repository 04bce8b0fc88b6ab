// Explainers by input gradients: weighted sums of them at points near the picture.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "explain/lab.h"
#include "explain/methods.h"
#include "explain/noisy_copies.h"
#include "tensor/ops/add_products.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr std::int64_t kGrain = 1 << 14;

// What is known of one picture's gradients: float64 [3, H, W] each, on the classifier's device.
struct Sums {
  Tensor values, squares;  // squares only where they are asked for
};

// For each picture the sum over `points` rows of weight(i) * gradient, in the order of i; finish(n, sums)
// gets it. Slots lie on the classifier's device.
struct GradientSum {
  std::int64_t points;
  std::function<void(std::int64_t n, std::int64_t i, const Tensor& slot)> fill;
  std::function<double(std::int64_t i)> weight;
  std::function<void(std::int64_t n, const Sums& sums)> finish;
  bool squares = false;
  // Writes what the gradient is multiplied by before it is added; empty: 1.
  std::function<void(std::int64_t n, std::int64_t i, const Tensor& slot)> factor = {};
};

void sum_gradients(Passes& passes, const ExplainInput& input, const GradientSum& job) {
  const Shape shape = input.x.shape().without_leading();
  const auto zeros = [&] { return Tensor::zeros(shape, DType::kFloat64, passes.device()); };
  Sums sums;
  const Tensor factor = job.factor ? Tensor(shape, DType::kFloat32, passes.device()) : Tensor();
  const InputRows rows{
      .count = input.x.dim(0) * job.points,
      .shape = shape,
      .fill = [&](std::int64_t r, const Tensor& slot) { job.fill(r / job.points, r % job.points, slot); },
      .on_device = true};
  const auto target = [&](std::int64_t r) -> const Target& {
    return input.targets[static_cast<std::size_t>(r / job.points)];
  };
  passes.gradients(rows, target, [&](std::int64_t r, const Tensor& g) {
    const std::int64_t n = r / job.points, i = r % job.points;
    if (i == 0) sums = {.values = zeros(), .squares = job.squares ? zeros() : Tensor()};
    if (job.factor) job.factor(n, i, factor);
    ops::add_products(sums.values, g, factor, job.weight(i));
    if (job.squares) ops::add_products(sums.squares, g, g, job.weight(i));
    if (i == job.points - 1) job.finish(n, sums);
  });
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

void write_path_point(const Tensor& from, double a, const Tensor& d, const Tensor& slot) {
  const Tensor point = from.to(DType::kFloat64);
  ops::add_products(point, d, Tensor(), a);
  slot.copy_from(point.to(DType::kFloat32));
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

Explanation pixel_maps(const ExplainInput& input) {
  const Shape shape({input.x.dim(0), input.x.dim(2), input.x.dim(3)});
  return {.maps = Tensor(shape), .squares = Tensor(shape)};
}

void write_maps(const std::vector<double>& g, std::int64_t k, const ExplainOptions& options,
                Explanation& result) {
  const auto n = static_cast<std::int64_t>(g.size()) / 3;
  reduce_channels(g.data(), 3, n, reduction_of(options), result.maps.data<float>() + k * n);
  reduce_channels(g.data(), 3, n, Reduction::kSquare, result.squares.data<float>() + k * n);
}

namespace {

// G [3, H, W] of picture k, from wherever it was added up.
void write_maps(const Tensor& g, std::int64_t k, const ExplainOptions& options, Explanation& result) {
  write_maps(g.to(Device::kCpu).values<double>(), k, options, result);
}

// The picture as it is, once: the plain gradient, times the picture if so wished.
Explanation plain_gradient(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                           bool times_x) {
  Explanation result = pixel_maps(input);
  const Tensor x = input.x.to(passes.device());
  const auto copy = [&](std::int64_t k, std::int64_t, const Tensor& slot) { slot.copy_from(x[k]); };
  GradientSum job{
      .points = 1,
      .fill = copy,
      .weight = [](std::int64_t) { return 1.0; },
      .finish = [&](std::int64_t k, const Sums& sums) { write_maps(sums.values, k, options, result); }};
  if (times_x) job.factor = copy;
  sum_gradients(passes, input, job);
  return result;
}

using Statistic = Tensor (*)(const Sums& sums);

// A statistic of the gradients at noisy copies. All of them see the same noise.
Explanation noisy_gradients(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                            bool squares, Statistic statistic) {
  const NoisyCopies copies(input, passes.device(), options.noise, "smoothgrad", options.deviation);
  const std::int64_t count = samples_of(options);
  Explanation result = pixel_maps(input);
  sum_gradients(
      passes, input,
      {.points = count,
       .fill = [&](std::int64_t k, std::int64_t i, const Tensor& slot) { copies.write(k, i, slot); },
       .weight = [&](std::int64_t) { return 1.0 / static_cast<double>(count); },
       .finish = [&](std::int64_t k, const Sums& sums) { write_maps(statistic(sums), k, options, result); },
       .squares = squares});
  return result;
}

// Pictures and where their paths begin, on the classifier's device.
struct Paths {
  Tensor x;                  // float32 [N, 3, H, W]
  std::vector<Tensor> from;  // N, float32 [3, H, W]

  // from + a d.
  void write(std::int64_t k, double a, const Tensor& d, const Tensor& slot) const {
    write_path_point(from[static_cast<std::size_t>(k)], a, d, slot);
  }
};

Paths paths_of(const Passes& passes, const ExplainInput& input, PathStart start) {
  Paths paths{.x = input.x.to(passes.device()), .from = {}};
  for (std::int64_t k = 0; k < input.x.dim(0); ++k)
    paths.from.push_back(baseline_of(input.x[k], start).to(passes.device()));
  return paths;
}

}  // namespace

Explanation saliency(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return plain_gradient(passes, input, options, false);
}

Explanation grad_x_input(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return plain_gradient(passes, input, options, true);
}

Explanation smooth_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return noisy_gradients(passes, input, options, false, [](const Sums& sums) { return sums.values; });
}

Explanation smooth_grad_squared(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return noisy_gradients(passes, input, options, true, [](const Sums& sums) { return sums.squares; });
}

Explanation var_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return noisy_gradients(passes, input, options, true, [](const Sums& sums) {
    return ops::relu(ops::sub(sums.squares, ops::mul(sums.values, sums.values)));  // rounding: not below 0
  });
}

Explanation gradient_shap(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const NoisyCopies copies(input, passes.device(), options.noise, "gradshap");
  const std::int64_t count = samples_of(options);
  const Paths paths = paths_of(passes, input, options.baseline);
  const auto difference = [&](std::int64_t k, std::int64_t i, const Tensor& slot) {
    copies.write(k, i, slot);
    slot.copy_from(ops::sub(slot, paths.from[static_cast<std::size_t>(k)]));
  };
  const auto fill = [&](std::int64_t k, std::int64_t i, const Tensor& slot) {
    difference(k, i, slot);
    const RandomStream random(input.seed, "gradshap point", input.items[static_cast<std::size_t>(k)],
                              static_cast<std::uint32_t>(i));
    paths.write(k, random.uniform(0), slot, slot);
  };
  Explanation result = pixel_maps(input);
  sum_gradients(
      passes, input,
      {.points = count,
       .fill = fill,
       .weight = [&](std::int64_t) { return 1.0 / static_cast<double>(count); },
       .finish = [&](std::int64_t k, const Sums& sums) { write_maps(sums.values, k, options, result); },
       .factor = difference});
  return result;
}

Explanation integrated_gradients(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const PathPoints path = path_points(options.path, options.steps);
  const Paths paths = paths_of(passes, input, options.baseline);
  std::vector<Tensor> differences;  // x - x', float64
  for (std::int64_t k = 0; k < input.x.dim(0); ++k)
    differences.push_back(ops::sub(paths.x[k].to(DType::kFloat64),
                                   paths.from[static_cast<std::size_t>(k)].to(DType::kFloat64)));
  const auto difference = [&](std::int64_t k) { return differences[static_cast<std::size_t>(k)]; };
  Explanation result = pixel_maps(input);
  sum_gradients(passes, input,
                {.points = options.steps,
                 .fill =
                     [&](std::int64_t k, std::int64_t i, const Tensor& slot) {
                       paths.write(k, path.at[static_cast<std::size_t>(i)], difference(k), slot);
                     },
                 .weight = [&](std::int64_t i) { return path.weight[static_cast<std::size_t>(i)]; },
                 .finish =
                     [&](std::int64_t k, const Sums& sums) {
                       write_maps(ops::mul(sums.values, difference(k)), k, options, result);
                     }});
  return result;
}

}  // namespace clearcut
