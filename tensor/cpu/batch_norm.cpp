#include "tensor/ops/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tensor/cpu/isa.h"
#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // values per chunk

std::int64_t grain(std::int64_t values_per_item) {
  return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, values_per_item));
}

double total(const double (&part)[isa::kNormWays]) {
  return std::accumulate(part, part + isa::kNormWays, 0.0);
}

// For a group of channels at a time: sums(c, offset, partial) for each row, finish(c, partial) for each
// channel, and values(c, offset) for each row, which is still in the cache then. The rows of a group that are
// neighbours in memory follow each other: 64 KiB at a time run at the speed of memory, single rows at half of
// it. A picture of few channels is cut into eight.
template <class Sums, class Finish, class Values>
void in_groups(const Channels<const float>& x, const Sums& sums, const Finish& finish, const Values& values) {
  const std::int64_t group = std::max<std::int64_t>(1, std::min(grain(x.S), x.C / 8));
  parallel_for(x.C, group, [&](std::int64_t begin, std::int64_t end) {
    const auto each_row = [&](const auto& body) {
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t c = begin; c < end; ++c) body(c, (n * x.C + c) * x.S);
    };
    std::vector<isa::TwoSums> partial(static_cast<std::size_t>(end - begin));
    const auto of = [&](std::int64_t c) -> isa::TwoSums& {
      return partial[static_cast<std::size_t>(c - begin)];
    };
    each_row([&](std::int64_t c, std::int64_t at) { sums(c, at, of(c)); });
    for (std::int64_t c = begin; c < end; ++c) finish(c, of(c));
    each_row(values);
  });
}

isa::NormLine line(const BatchNormView<float>& p, std::int64_t c, float low, float high) {
  return {.mean = p.mean[c],
          .scale = p.inverse_deviation[c] * p.weight[c],
          .bias = p.bias ? p.bias[c] : 0,
          .low = low,
          .high = high};
}

template <class T>
T* moved(T* p, std::int64_t by) {
  return p ? p + by : nullptr;
}

isa::NormMask channel_mask(const MaskedView<float>& g, const BatchNormView<float>& p, std::int64_t c,
                           std::int64_t at) {
  return {.dy = g.dy + at, .y = moved(g.y, at), .clamps = g.clamps, .line = line(p, c, g.low, g.high)};
}

// Sums of x - s and (x - s)^2 over a channel as mean and variance; true if the shift s was near the mean, so
// that the subtraction lost no more than four bits of the variance.
bool moments_about(float shift, const isa::TwoSums& sums, double values, double& mean, double& variance) {
  const double d = total(sums.first) / values, squares = total(sums.second) / values;
  mean = shift + d;
  variance = std::max(0.0, squares - d * d);
  return !(d * d > 16 * variance);
}

// The sums are about the channel's first value, which is as near to the mean as any. Where that was an
// outlier, they are taken once more about the mean.
void channel_moments(Channels<const float> x, std::int64_t c, const isa::TwoSums& sums, double& mean,
                     double& variance) {
  const double values = static_cast<double>(x.N * x.S);
  if (!moments_about(*x.row(0, c), sums, values, mean, variance)) {
    const float shift = static_cast<float>(mean);
    isa::TwoSums again;
    for (std::int64_t n = 0; n < x.N; ++n) isa_table().norm->moments(x.row(n, c), x.S, shift, again);
    moments_about(shift, again, values, mean, variance);
  }
}

void store_moments(std::int64_t c, double mean, double variance, double eps, MomentsView<float> m) {
  m.mean[c] = static_cast<float>(mean);
  m.variance[c] = static_cast<float>(variance);
  m.inverse_deviation[c] = static_cast<float>(1.0 / std::sqrt(static_cast<double>(m.variance[c]) + eps));
}

// weight * inverse (g - dbias / M - (x - mean) inverse dweight / M) = a g + b (x - mean) + c.
isa::NormSlope slope(const BatchNormView<float>& p, std::int64_t c, bool batch_statistics, double values,
                     float dweight, float dbias) {
  const double inverse = p.inverse_deviation[c], a = p.weight[c] * inverse;
  if (!batch_statistics) return {.a = static_cast<float>(a), .b = 0, .c = 0};
  return {.a = static_cast<float>(a),
          .b = static_cast<float>(-a * inverse * dweight / values),
          .c = static_cast<float>(-a * dbias / values)};
}

}  // namespace

void batch_norm(Cpu, Channels<const float> x, BatchNormView<float> p, TailView<float> tail, float* y) {
  enter_fast_body();
  const auto loop = isa_table().norm->normalise;
  parallel_for(x.N * x.C, grain(x.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t at = r * x.S;
      loop(x.data + at, moved(tail.residual, at), y + at, x.S, line(p, r % x.C, tail.low, tail.high));
    }
  });
}

void batch_norm_training(Cpu, Channels<const float> x, double eps, MomentsView<float> m,
                         BatchNormView<float> p, TailView<float> tail, float* y) {
  enter_fast_body();
  const isa::NormKernels& loops = *isa_table().norm;
  in_groups(
      x,
      [&](std::int64_t c, std::int64_t at, isa::TwoSums& sums) {
        loops.moments(x.data + at, x.S, *x.row(0, c), sums);
      },
      [&](std::int64_t c, const isa::TwoSums& sums) {
        double mean = 0, variance = 0;
        channel_moments(x, c, sums, mean, variance);
        store_moments(c, mean, variance, eps, m);
      },
      [&](std::int64_t c, std::int64_t at) {
        loops.normalise(x.data + at, moved(tail.residual, at), y + at, x.S, line(p, c, tail.low, tail.high));
      });
}

void batch_norm_sums(Cpu, Channels<const float> x, double* sums, double* squares) {
  enter_fast_body();
  const double values = static_cast<double>(x.N * x.S);
  in_groups(
      x,
      [&](std::int64_t c, std::int64_t at, isa::TwoSums& about_first) {
        isa_table().norm->moments(x.data + at, x.S, *x.row(0, c), about_first);
      },
      [&](std::int64_t c, const isa::TwoSums& about_first) {
        double mean = 0, variance = 0;
        channel_moments(x, c, about_first, mean, variance);
        sums[c] = values * mean;
        squares[c] = values * (variance + mean * mean);
      },
      [](std::int64_t, std::int64_t) {});
}

void batch_norm_dx(Cpu, MaskedView<float> g, Channels<const float> x, BatchNormView<float> p, double M,
                   Flat<const float> dweight, Flat<const float> dbias, float* dx) {
  enter_fast_body();
  parallel_for(x.N * x.C, grain(x.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C, at = r * x.S;
      isa_table().norm->gradient(channel_mask(g, p, c, at), x.data + at, dx + at, x.S,
                                 slope(p, c, true, M, dweight[c], dbias[c]));
    }
  });
}

void batch_norm_backward(Cpu, MaskedView<float> g, Channels<const float> x, BatchNormView<float> p,
                         bool batch_statistics, Flat<float> dweight, Flat<float> dbias, float* dx) {
  enter_fast_body();
  const isa::NormKernels& loops = *isa_table().norm;
  const double values = static_cast<double>(x.N * x.S);
  in_groups(
      x,
      [&](std::int64_t c, std::int64_t at, isa::TwoSums& sums) {
        loops.products(channel_mask(g, p, c, at), x.data + at, moved(g.masked, at), x.S, sums);
      },
      [&](std::int64_t c, const isa::TwoSums& sums) {
        dbias[c] = static_cast<float>(total(sums.first));
        dweight[c] = static_cast<float>(total(sums.second) * p.inverse_deviation[c]);
      },
      [&](std::int64_t c, std::int64_t at) {
        if (dx == nullptr) return;
        isa::NormMask mask = channel_mask(g, p, c, at);
        if (g.masked) mask = {.dy = g.masked + at, .y = nullptr, .clamps = false, .line = mask.line};
        loops.gradient(mask, x.data + at, dx + at, x.S,
                       slope(p, c, batch_statistics, values, dweight[c], dbias[c]));
      });
}

void batch_norm_frozen_backward(Cpu, MaskedView<float> g, Channels<const float> shape, BatchNormView<float> p,
                                float* dx) {
  enter_fast_body();
  parallel_for(shape.N * shape.C, grain(shape.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % shape.C, at = r * shape.S;
      isa_table().norm->scaled(channel_mask(g, p, c, at), moved(g.masked, at), moved(dx, at), shape.S,
                               p.weight[c] * p.inverse_deviation[c]);
    }
  });
}

}  // namespace clearcut::kernels
