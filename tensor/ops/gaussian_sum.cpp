#include "tensor/ops/gaussian_sum.h"

#include <cmath>
#include <vector>

#include "tensor/parallel.h"

namespace clearcut::ops {

Tensor gaussian_sum(const Tensor& features, const Tensor& q) {
  check_rank("gaussian_sum", "features", features, 4, "[N, D, H, W]");
  check_rank("gaussian_sum", "q", q, 4, "[N, C, H, W]");
  check_same_kind("gaussian_sum", features, q);
  check(features.dim(0) == q.dim(0) && features.dim(2) == q.dim(2) && features.dim(3) == q.dim(3),
        "gaussian_sum", "features and q must agree in N, H and W; got ", features.shape(), " and ",
        q.shape());
  check(features.dim(1) >= 1 && features.dim(1) <= kernels::kMostFeatures, "gaussian_sum",
        "there may be 1 to ", kernels::kMostFeatures, " features; got ", features.dim(1));
  Tensor y = empty_like(q);
  on<Floats>("gaussian_sum", q.device(), q.dtype(), [&]<class T>(auto tag) {
    kernels::gaussian_sum(tag, nchw<const T>(features), nchw<const T>(q), nchw<T>(y));
  });
  return y;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void gaussian_sum(Reference, Nchw<const T> f, Nchw<const T> q, Nchw<T> y) {
  const std::int64_t pixels = f.H * f.W;
  parallel_for(f.N * pixels, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<double> sum(static_cast<std::size_t>(q.C));
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t n = row / pixels, i = row % pixels;
      sum.assign(sum.size(), 0);
      for (std::int64_t j = 0; j < pixels; ++j) {
        double distance = 0;
        for (std::int64_t d = 0; d < f.C; ++d) {
          const double step = static_cast<double>(f.plane(n, d)[i]) - f.plane(n, d)[j];
          distance += step * step;
        }
        const double weight = std::exp(-0.5 * distance);
        for (std::int64_t c = 0; c < q.C; ++c) sum[static_cast<std::size_t>(c)] += weight * q.plane(n, c)[j];
      }
      for (std::int64_t c = 0; c < q.C; ++c)
        y.plane(n, c)[i] = static_cast<T>(sum[static_cast<std::size_t>(c)]);
    }
  });
}

template void gaussian_sum(Reference, Nchw<const float>, Nchw<const float>, Nchw<float>);
template void gaussian_sum(Reference, Nchw<const double>, Nchw<const double>, Nchw<double>);

}  // namespace clearcut::kernels
