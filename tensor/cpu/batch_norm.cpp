#include "tensor/ops/batch_norm.h"

#include <algorithm>
#include <numeric>

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

}  // namespace

// One pass: sums of x - s and (x - s)^2 with s the channel's first value, which is as near to the mean as
// any, so that in double nothing is lost where the mean is large and the deviation small.
void channel_moments(Cpu, Channels<const float> x, Flat<float> mean, Flat<float> variance) {
  enter_fast_body();
  const auto loop = isa_table().norm->moments;
  const double values = static_cast<double>(x.N * x.S);
  parallel_for(x.C, grain(x.N * x.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const float shift = *x.row(0, c);
      isa::TwoSums sums;
      for (std::int64_t n = 0; n < x.N; ++n) loop(x.row(n, c), x.S, shift, sums);
      const double m = total(sums.first) / values;
      mean[c] = static_cast<float>(shift + m);
      variance[c] = static_cast<float>(std::max(0.0, total(sums.second) / values - m * m));
    }
  });
}

void batch_norm(Cpu, Channels<const float> x, BatchNormView<float> p, Channels<float> y) {
  enter_fast_body();
  const auto loop = isa_table().norm->normalise;
  parallel_for(x.N * x.C, grain(x.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      loop(x.data + r * x.S, y.data + r * x.S, x.S, p.mean[c], p.inverse_deviation[c] * p.weight[c],
           p.bias[c]);
    }
  });
}

void batch_norm_sums(Cpu, Channels<const float> dy, Channels<const float> x, BatchNormView<float> p,
                     Flat<float> dweight, Flat<float> dbias) {
  enter_fast_body();
  const auto loop = isa_table().norm->products;
  parallel_for(x.C, grain(x.N * x.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      isa::TwoSums sums;
      for (std::int64_t n = 0; n < x.N; ++n) loop(dy.row(n, c), x.row(n, c), x.S, p.mean[c], sums);
      dbias[c] = static_cast<float>(total(sums.first));
      dweight[c] = static_cast<float>(total(sums.second) * p.inverse_deviation[c]);
    }
  });
}

// weight * inverse (dy - dbias / M - (x - mean) inverse dweight / M) = a dy + b (x - mean) + c.
void batch_norm_dx(Cpu, Channels<const float> dy, Channels<const float> x, BatchNormView<float> p,
                   const float* dweight, const float* dbias, Channels<float> dx) {
  enter_fast_body();
  const auto loop = isa_table().norm->gradient;
  const double values = static_cast<double>(x.N * x.S);
  parallel_for(x.N * x.C, grain(x.S), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      const double inverse = p.inverse_deviation[c], a = p.weight[c] * inverse;
      const double b = dweight ? -a * inverse * dweight[c] / values : 0,
                   k = dbias ? -a * dbias[c] / values : 0;
      loop(dy.data + r * x.S, x.data + r * x.S, dx.data + r * x.S, x.S, p.mean[c], static_cast<float>(a),
           static_cast<float>(b), static_cast<float>(k));
    }
  });
}

}  // namespace clearcut::kernels
