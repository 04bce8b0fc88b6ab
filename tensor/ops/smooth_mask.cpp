#include "tensor/ops/smooth_mask.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut {

namespace ops {

namespace {

void check_like(const char* op, const char* name, const Tensor& x, const Shape& shape, Device device) {
  check(x.defined() && x.dtype() == DType::kFloat64 && x.shape() == shape && x.device() == device, op, name,
        " must be float64 ", shape, " on ", device, "; got ",
        x.defined() ? cat(x.dtype(), " ", x.shape(), " on ", x.device()) : "nothing");
}

kernels::MaskView view_of(const char* op, const Tensor& p, const Tensor& weights) {
  check_rank(op, "p", p, 3, "[N, h, w]");
  check_like(op, "p", p, p.shape(), p.device());
  check_like(op, "weights", weights, {kMaskReach, kMaskReach}, p.device());
  return {.N = p.dim(0),
          .h = p.dim(1),
          .w = p.dim(2),
          .H = mask_pixels(p.dim(1)),
          .W = mask_pixels(p.dim(2)),
          .p = p.data<const double>(),
          .weights = weights.data<const double>()};
}

}  // namespace

Tensor mask_weights(Device device) {
  const Tensor weights({kMaskReach, kMaskReach}, DType::kFloat64);
  double* to = weights.data<double>();
  for (std::int64_t dy = 0; dy < kMaskReach; ++dy)
    for (std::int64_t dx = 0; dx < kMaskReach; ++dx) {
      const double z = std::hypot(static_cast<double>(dy), static_cast<double>(dx)) / kMaskMargin;
      const double beyond = std::max(0.0, z - 0.5);
      to[dy * kMaskReach + dx] = std::exp(-2 * beyond * beyond);
    }
  return weights.to(device);
}

SmoothMask smooth_mask(const Tensor& p, const Tensor& weights) {
  const kernels::MaskView view = view_of("smooth_mask", p, weights);
  const Tensor m({view.N, view.H, view.W}, DType::kFloat64, p.device());
  SmoothMask mask{.m = m, .sum = empty_like(m)};
  on<Types<double>>("smooth_mask", p.device(), p.dtype(), [&]<class T>(auto tag) {
    kernels::smooth_mask(tag, view, mask.m.data<T>(), mask.sum.data<T>());
  });
  return mask;
}

Tensor smooth_mask_backward(const Tensor& p, const SmoothMask& mask, const Tensor& dm,
                            const Tensor& weights) {
  const char* op = "smooth_mask_backward";
  const kernels::MaskView view = view_of(op, p, weights);
  const Shape pixels{view.N, view.H, view.W};
  check_like(op, "m", mask.m, pixels, p.device());
  check_like(op, "sum", mask.sum, pixels, p.device());
  check_like(op, "dm", dm, pixels, p.device());
  const Tensor dp = empty_like(p);
  on<Types<double>>(op, p.device(), p.dtype(), [&]<class T>(auto tag) {
    kernels::smooth_mask_backward(
        tag, view, {mask.m.data<const T>(), mask.sum.data<const T>(), dm.data<const T>()}, dp.data<T>());
  });
  return dp;
}

}  // namespace ops

namespace kernels {

namespace {

constexpr std::int64_t kRowGrain = 8;  // rows of a mask per chunk

void mask_row(const MaskView& mask, std::int64_t n, std::int64_t y, double* m, double* sums) {
  const MaskRange rows = MaskView::parameters_around(y, mask.h);
  for (std::int64_t x = 0; x < mask.W; ++x) {
    const MaskRange columns = MaskView::parameters_around(x, mask.w);
    double sum = 0, total = kMaskTerms;  // terms off the grid have v = 0, so e^0 each
    for (std::int64_t i = rows.begin; i < rows.end; ++i)
      for (std::int64_t j = columns.begin; j < columns.end; ++j) {
        const double p = mask.p[(n * mask.h + i) * mask.w + j];
        if (p == 0) continue;  // e^0 as well
        const double v = mask.weight(y, x, i, j) * p, e = std::exp(kMaskColdness * v);
        sum += v * e;
        total += e - 1;
      }
    m[x] = sum / total;
    sums[x] = total;
  }
}

double parameter_gradient(const MaskView& mask, const MaskGradient& at, std::int64_t n, std::int64_t i,
                          std::int64_t j) {
  const double p = mask.p[(n * mask.h + i) * mask.w + j];
  const MaskRange rows = MaskView::pixels_around(i, mask.H), columns = MaskView::pixels_around(j, mask.W);
  double sum = 0;
  for (std::int64_t y = rows.begin; y < rows.end; ++y)
    for (std::int64_t x = columns.begin; x < columns.end; ++x) {
      const std::int64_t u = (n * mask.H + y) * mask.W + x;
      if (at.dm[u] == 0) continue;
      const double weight = mask.weight(y, x, i, j), v = weight * p;
      const double share = (p == 0 ? 1 : std::exp(kMaskColdness * v)) / at.sum[u];
      sum += at.dm[u] * weight * share * (1 + kMaskColdness * (v - at.m[u]));
    }
  return sum;
}

}  // namespace

void smooth_mask(Reference, const MaskView& mask, double* m, double* sum) {
  parallel_for(mask.N * mask.H, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      mask_row(mask, row / mask.H, row % mask.H, m + row * mask.W, sum + row * mask.W);
  });
}

void smooth_mask_backward(Reference, const MaskView& mask, const MaskGradient& at, double* dp) {
  parallel_for(mask.N * mask.h, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row)
      for (std::int64_t j = 0; j < mask.w; ++j)
        dp[row * mask.w + j] = parameter_gradient(mask, at, row / mask.h, row % mask.h, j);
  });
}

}  // namespace kernels

}  // namespace clearcut
