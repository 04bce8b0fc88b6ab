#include "tensor/ops/mask_search.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"

namespace clearcut {

namespace ops {

void pull_to_area(const Tensor& m, std::int64_t zeros, double weight, const Tensor& dm) {
  check_rank("pull_to_area", "m", m, 3, "[N, H, W]");
  check_same_kind("pull_to_area", m, dm);
  check(dm.shape() == m.shape(), "pull_to_area", "dm must be ", m.shape(), "; got ", dm.shape());
  const std::int64_t P = m.dim(1) * m.dim(2);
  check(P <= std::int64_t{1} << 30, "pull_to_area", "masks may have 2^30 values; got ", P);
  check(zeros >= 0 && zeros < P, "pull_to_area", "zeros must be 0 .. ", P - 1, "; got ", zeros);
  int index_bits = 10;
  while (P > std::int64_t{1} << index_bits) index_bits += 10;
  on<Types<double>>("pull_to_area", m.device(), m.dtype(), [&]<class T>(auto tag) {
    kernels::pull_to_area(tag,
                          {.N = m.dim(0),
                           .P = P,
                           .zeros = zeros,
                           .scale = 2 * weight / static_cast<double>(P),
                           .index_bits = index_bits,
                           .m = m.data<const T>()},
                          dm.data<T>());
  });
}

void damped_step(const Tensor& dp, const DampedStep& step, const Tensor& speed, const Tensor& p) {
  check_same_kind("damped_step", dp, speed);
  check_same_kind("damped_step", dp, p);
  check(speed.shape() == dp.shape() && p.shape() == dp.shape(), "damped_step",
        "gradient, speed and parameters must have one shape; got ", dp.shape(), ", ", speed.shape(), ", ",
        p.shape());
  on<Types<double>>("damped_step", dp.device(), dp.dtype(), [&]<class T>(auto tag) {
    kernels::damped_step(tag, flat<const T>(dp), step, speed.data<T>(), p.data<T>());
  });
}

}  // namespace ops

namespace kernels {

void pull_to_area(Reference, const AreaView& area, double* dm) {
  parallel_for(area.N, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(area.P));
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t i = 0; i < area.P; ++i) keys[static_cast<std::size_t>(i)] = area.key(n, i);
      const auto first_one = keys.begin() + area.zeros;
      std::nth_element(keys.begin(), first_one, keys.end());
      for (std::int64_t i = 0; i < area.P; ++i) {
        const double r = area.key(n, i) < *first_one ? 0 : 1;
        double& d = dm[n * area.P + i];
        d = area.scale * (area.m[n * area.P + i] - r) - d;
      }
    }
  });
}

void damped_step(Reference, Flat<const double> dp, const ops::DampedStep& step, double* speed, double* p) {
  for (std::int64_t i = 0; i < dp.n; ++i) {
    speed[i] = step.momentum * speed[i] + (1 - step.momentum) * dp[i];
    p[i] = std::clamp(p[i] - step.rate * speed[i], 0.0, 1.0);
  }
}

}  // namespace kernels

}  // namespace clearcut
