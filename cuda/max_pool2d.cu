// Maximum over windows, and its gradient.
//
// Forward: a thread takes one output and reads its window; neighbours read overlapping windows from the
// cache. Backward: a thread takes one pixel of x and looks at the outputs whose windows hold it, in the order
// of their numbers: a sum without atomics. Bytes moved per element, beside what the cache serves: those of x,
// y and 4 for the index forward; of dy, the index and dx backward.
#include "tensor/ops/max_pool2d.h"

#include <limits>

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

// Number of the largest value of the window of output (i, j), the first if there are several; NaN wins. -1 if
// all of it is padding.
template <class T>
__device__ std::int64_t largest(const T* plane, std::int64_t H, std::int64_t W, const MaxWindows& win,
                                std::int64_t i, std::int64_t j) {
  std::int64_t best = -1;
  T top = 0;
  for (std::int64_t u = 0; u < win.kernel.h; ++u)
    for (std::int64_t v = 0; v < win.kernel.w; ++v) {
      const std::int64_t h = i * win.stride.h + u * win.dilation.h - win.top,
                         w = j * win.stride.w + v * win.dilation.w - win.left;
      if (h < 0 || h >= H || w < 0 || w >= W) continue;
      const T value = plane[h * W + w];
      if (best >= 0 && !(value > top) && (value == value || top != top)) continue;
      best = h * W + w;
      top = value;
    }
  return best;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    max_pool2d_kernel(Nchw<const T> x, MaxWindows win, Nchw<T> y, std::int32_t* index) {
  const std::int64_t at = cuda::thread_number(), outputs = y.H * y.W;
  if (at >= y.N * y.C * outputs) return;
  const T* plane = x.data + at / outputs * x.H * x.W;
  const std::int64_t best = largest(plane, x.H, x.W, win, at / y.W % y.H, at % y.W);
  index[at] = static_cast<std::int32_t>(best);
  y.data[at] = best < 0 ? -std::numeric_limits<T>::infinity() : plane[best];
}

// The output whose tap `u` along one axis reads pixel h, or -1.
__device__ std::int64_t reader_of(std::int64_t h, std::int64_t u, std::int64_t stride, std::int64_t dilation,
                                  std::int64_t before, std::int64_t outputs) {
  const std::int64_t at = h + before - u * dilation;
  return at >= 0 && at % stride == 0 && at / stride < outputs ? at / stride : -1;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    max_pool2d_backward_kernel(Nchw<const T> dy, const std::int32_t* index, MaxWindows win, Nchw<T> dx) {
  const std::int64_t at = cuda::thread_number(), pixels = dx.H * dx.W;
  if (at >= dx.N * dx.C * pixels) return;
  const std::int64_t h = at / dx.W % dx.H, w = at % dx.W, first = at / pixels * dy.H * dy.W;
  T sum = 0;
  for (std::int64_t u = win.kernel.h; u-- > 0;)  // the last tap belongs to the first output
    for (std::int64_t v = win.kernel.w; v-- > 0;) {
      const std::int64_t i = reader_of(h, u, win.stride.h, win.dilation.h, win.top, dy.H),
                         j = reader_of(w, v, win.stride.w, win.dilation.w, win.left, dy.W);
      if (i < 0 || j < 0) continue;
      const std::int64_t output = first + i * dy.W + j;
      if (index[output] == h * dx.W + w) sum += dy.data[output];
    }
  dx.data[at] = sum;
}

template <class T>
cuda::Grid elements(const Nchw<T>& x) {
  return cuda::one_each(x.N * x.C * x.H * x.W, kThreads);
}

}  // namespace

template <class T>
void max_pool2d(Cuda, Nchw<const T> x, MaxWindows win, Nchw<T> y, Nchw<std::int32_t> index) {
  cuda::launch<max_pool2d_kernel<T>>(elements(y), x, win, y, index.data);
}

template <class T>
void max_pool2d_backward(Cuda, Nchw<const T> dy, Nchw<const std::int32_t> index, MaxWindows win, Nchw<T> dx) {
  cuda::launch<max_pool2d_backward_kernel<T>>(elements(dx), dy, index.data, win, dx);
}

#define INSTANTIATE(T)                                                                    \
  template void max_pool2d(Cuda, Nchw<const T>, MaxWindows, Nchw<T>, Nchw<std::int32_t>); \
  template void max_pool2d_backward(Cuda, Nchw<const T>, Nchw<const std::int32_t>, MaxWindows, Nchw<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
