// Pictures under Gaussians, between two of them by a mask, and the gradient of the mask.
//
// Levels: a thread takes a value of a level and adds up its line of up to 161 numbers in their order, along
// columns into scratch in double, then along rows. Bytes moved per value: x, 16 and one of the level; lines
// come from the cache. blur_by: a thread takes a pixel and all its channels; per value two of the levels and
// one of y are moved, per pixel 8 bytes of the mask. Gradient: a thread takes a value of the mask and adds up
// its channels in their order; margins get 0. Blocks have 256 threads.
#include "tensor/ops/blur_by.h"

#include <algorithm>

#include "cuda/table.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

// Planes of H x W numbers: plane number `plane` of the levels comes from plane number plane % planes.
struct Lines {
  std::int64_t C, H, W, planes;
  const double* taps;
};

template <bool along_columns, class From, class To>
__global__ void __launch_bounds__(kThreads, 4) filter_kernel(Lines lines, const From* from, To* to) {
  const std::int64_t i = cuda::thread_number(), pixels = lines.H * lines.W, plane = i / pixels;
  if (plane >= kBlurLevels * lines.C) return;
  const std::int64_t place = along_columns ? i % pixels / lines.W : i % lines.W;
  const std::int64_t count = along_columns ? lines.H : lines.W, stride = along_columns ? lines.W : 1;
  const std::int64_t l = plane / lines.C, radius = blur_radius(l);
  const double* taps = lines.taps + l * (kMostBlurRadius + 1);
  const From* line = from + plane % lines.planes * pixels + i % pixels - place * stride;
  const std::int64_t first = max(std::int64_t{0}, place - radius), end = min(count, place + radius + 1);
  double sum = 0;
  for (std::int64_t j = first; j < end; ++j)
    sum += static_cast<double>(line[j * stride]) * taps[j > place ? j - place : place - j];
  to[i] = static_cast<To>(sum);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4) blur_by_kernel(BlurView<T> view, T* y) {
  const std::int64_t i = cuda::thread_number(), pixels = view.H * view.W;
  if (i >= pixels) return;
  const std::int64_t h = i / view.W, w = i % view.W;
  const BetweenLevels at = between_levels(view.mask[(h + view.margin) * view.mask_W + w + view.margin]);
  for (std::int64_t c = 0; c < view.C; ++c)
    y[c * pixels + h * view.W + view.shown(w)] =
        static_cast<T>((1 - at.share) * view.level(at.low, c, i) + at.share * view.level(at.high, c, i));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    blur_by_backward_kernel(BlurView<T> view, const T* dy, double* dmask) {
  const std::int64_t u = cuda::thread_number();
  if (u >= view.mask_H * view.mask_W) return;
  const std::int64_t h = u / view.mask_W - view.margin, w = u % view.mask_W - view.margin;
  double sum = 0;
  if (h >= 0 && h < view.H && w >= 0 && w < view.W) {
    const BetweenLevels at = between_levels(view.mask[u]);
    const std::int64_t i = h * view.W + w;
    for (std::int64_t c = 0; c < view.C; ++c)
      sum += static_cast<double>(dy[(c * view.H + h) * view.W + view.shown(w)]) *
             (view.level(at.high, c, i) - view.level(at.low, c, i));
  }
  dmask[u] = (kBlurLevels - 1) * sum;
}

}  // namespace

template <class T>
void blur_levels(Cuda, const BlurTaps& taps, Nchw<const T> x, T* levels) {
  const std::int64_t n = kBlurLevels * x.C * x.H * x.W;
  const cuda::Table<double> table(taps);
  const CudaBlock memory(static_cast<std::size_t>(n) * sizeof(double));
  auto* scratch = static_cast<double*>(memory.data());
  const Lines columns{.C = x.C, .H = x.H, .W = x.W, .planes = x.C, .taps = table.data()};
  Lines rows = columns;
  rows.planes = kBlurLevels * x.C;
  cuda::launch<filter_kernel<true, T, double>>(cuda::one_each(n, kThreads), columns, x.data, scratch);
  cuda::launch<filter_kernel<false, double, T>>(cuda::one_each(n, kThreads), rows, scratch, levels);
}

template <class T>
void blur_by(Cuda, const BlurView<T>& view, T* y) {
  cuda::launch<blur_by_kernel<T>>(cuda::one_each(view.H * view.W, kThreads), view, y);
}

template <class T>
void blur_by_backward(Cuda, const BlurView<T>& view, const T* dy, double* dmask) {
  cuda::launch<blur_by_backward_kernel<T>>(cuda::one_each(view.mask_H * view.mask_W, kThreads), view, dy,
                                           dmask);
}

#define INSTANTIATE(T)                                                 \
  template void blur_levels(Cuda, const BlurTaps&, Nchw<const T>, T*); \
  template void blur_by(Cuda, const BlurView<T>&, T*);                 \
  template void blur_by_backward(Cuda, const BlurView<T>&, const T*, double*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
