#include "tensor/ops/blur_by.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut {

namespace ops {

namespace {

// Each filter adds up to 1.
kernels::BlurTaps blur_taps() {
  kernels::BlurTaps taps(kernels::kBlurLevels * (kernels::kMostBlurRadius + 1));
  for (std::int64_t l = 0; l < kernels::kBlurLevels; ++l) {
    double* half = taps.data() + l * (kernels::kMostBlurRadius + 1);
    const std::int64_t radius = kernels::blur_radius(l);
    const double share = static_cast<double>(l) / (kernels::kBlurLevels - 1);
    const double deviation = kernels::kMostBlur * (1 - share);
    double sum = 0;
    for (std::int64_t i = -radius; i <= radius; ++i) {
      const double z = radius > 0 ? static_cast<double>(i) / deviation : 0;
      half[std::abs(i)] = std::exp(-z * z / 2);
      sum += half[std::abs(i)];
    }
    for (std::int64_t i = 0; i <= radius; ++i) half[i] /= sum;
  }
  return taps;
}

void check_blur(const char* op, const Tensor& levels, const Tensor& mask, const Tensor& y,
                const BlurPlace& place) {
  check_rank(op, "levels", levels, 4, "[8, C, H, W]");
  check_same_kind(op, levels, y);
  check(levels.dim(0) == kernels::kBlurLevels && y.shape() == levels.shape().without_leading(), op,
        "levels must be [8, C, H, W] and the picture [C, H, W]; got ", levels.shape(), " and ", y.shape());
  check_rank(op, "mask", mask, 2, "[Hm, Wm]");
  check(mask.dtype() == DType::kFloat64 && mask.device() == levels.device(), op, "mask must be float64 on ",
        levels.device(), "; got ", mask.dtype(), " on ", mask.device());
  check(place.margin >= 0 && mask.dim(0) >= place.margin + y.dim(1) && mask.dim(1) >= place.margin + y.dim(2),
        op, "a picture ", y.shape(), " with a margin of ", place.margin, " pixels does not fit a mask ",
        mask.shape());
}

template <class T>
kernels::BlurView<T> view_of(const Tensor& levels, const Tensor& mask, const BlurPlace& place) {
  return {.C = levels.dim(1),
          .H = levels.dim(2),
          .W = levels.dim(3),
          .mask_H = mask.dim(0),
          .mask_W = mask.dim(1),
          .margin = place.margin,
          .mirrored = place.mirrored,
          .levels = levels.data<const T>(),
          .mask = mask.data<const double>()};
}

}  // namespace

Tensor blur_levels(const Tensor& x) {
  check_rank("blur_levels", "x", x, 3, "[C, H, W]");
  const Tensor levels({kernels::kBlurLevels, x.dim(0), x.dim(1), x.dim(2)}, x.dtype(), x.device());
  on<Floats>("blur_levels", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::blur_levels(tag, blur_taps(), Nchw<const T>{x.data<const T>(), 1, x.dim(0), x.dim(1), x.dim(2)},
                         levels.data<T>());
  });
  return levels;
}

void blur_by(const Tensor& levels, const Tensor& mask, const BlurPlace& place, const Tensor& y) {
  check_blur("blur_by", levels, mask, y, place);
  on<Floats>("blur_by", y.device(), y.dtype(),
             [&]<class T>(auto tag) { kernels::blur_by(tag, view_of<T>(levels, mask, place), y.data<T>()); });
}

void blur_by_backward(const Tensor& levels, const Tensor& mask, const Tensor& dy, const BlurPlace& place,
                      const Tensor& dmask) {
  check_blur("blur_by_backward", levels, mask, dy, place);
  check_same_kind("blur_by_backward", mask, dmask);
  check(dmask.shape() == mask.shape(), "blur_by_backward", "dmask must be ", mask.shape(), "; got ",
        dmask.shape());
  on<Floats>("blur_by_backward", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::blur_by_backward(tag, view_of<T>(levels, mask, place), dy.data<const T>(), dmask.data<double>());
  });
}

}  // namespace ops

namespace kernels {

namespace {

constexpr std::int64_t kRowGrain = 8;  // rows per chunk

// Along a line of `count` numbers, `stride` apart; what lies beyond its ends counts as 0.
void filter_line(const double* from, double* to, std::int64_t count, std::int64_t stride, const double* taps,
                 std::int64_t radius) {
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = 0;
    for (std::int64_t j = std::max<std::int64_t>(0, i - radius); j <= std::min(count - 1, i + radius); ++j)
      sum += from[j * stride] * taps[std::abs(j - i)];
    to[i * stride] = sum;
  }
}

}  // namespace

template <class T>
void blur_levels(Reference, const BlurTaps& taps, Nchw<const T> x, T* levels) {
  const std::int64_t pixels = x.H * x.W;
  parallel_for(kBlurLevels * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t l = plane / x.C, radius = blur_radius(l);
      const double* half = taps.data() + l * (kMostBlurRadius + 1);
      const T* from = x.plane(0, plane % x.C);
      std::vector<double> a(from, from + pixels), b(a.size());
      for (std::int64_t w = 0; w < x.W; ++w) filter_line(a.data() + w, b.data() + w, x.H, x.W, half, radius);
      for (std::int64_t h = 0; h < x.H; ++h)
        filter_line(b.data() + h * x.W, a.data() + h * x.W, x.W, 1, half, radius);
      std::transform(a.begin(), a.end(), levels + plane * pixels, [](double v) { return static_cast<T>(v); });
    }
  });
}

template <class T>
void blur_by(Reference, const BlurView<T>& view, T* y) {
  parallel_for(view.H, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin; h < end; ++h)
      for (std::int64_t w = 0; w < view.W; ++w) {
        const BetweenLevels at = between_levels(view.mask[(h + view.margin) * view.mask_W + w + view.margin]);
        for (std::int64_t c = 0; c < view.C; ++c)
          y[(c * view.H + h) * view.W + view.shown(w)] =
              static_cast<T>((1 - at.share) * view.level(at.low, c, h * view.W + w) +
                             at.share * view.level(at.high, c, h * view.W + w));
      }
  });
}

template <class T>
void blur_by_backward(Reference, const BlurView<T>& view, const T* dy, double* dmask) {
  std::fill_n(dmask, view.mask_H * view.mask_W, 0.0);
  parallel_for(view.H, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t h = begin; h < end; ++h)
      for (std::int64_t w = 0; w < view.W; ++w) {
        const std::int64_t u = (h + view.margin) * view.mask_W + w + view.margin, i = h * view.W + w;
        const BetweenLevels at = between_levels(view.mask[u]);
        double sum = 0;
        for (std::int64_t c = 0; c < view.C; ++c)
          sum += static_cast<double>(dy[(c * view.H + h) * view.W + view.shown(w)]) *
                 (view.level(at.high, c, i) - view.level(at.low, c, i));
        dmask[u] = (kBlurLevels - 1) * sum;
      }
  });
}

#define INSTANTIATE(T)                                                      \
  template void blur_levels(Reference, const BlurTaps&, Nchw<const T>, T*); \
  template void blur_by(Reference, const BlurView<T>&, T*);                 \
  template void blur_by_backward(Reference, const BlurView<T>&, const T*, double*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace kernels

}  // namespace clearcut
