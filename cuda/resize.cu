// Bilinear and nearest resizing, and the gradient of both.
//
// Forward: a thread makes one output from four (or one) values of x, which neighbours share in the cache.
// Backward: a thread takes one pixel of x and adds the shares of the outputs that read it, row by row, in
// double. Bytes moved per element: those of x and y, or dy and dx; the taps are a table per row and per
// column.
#include "tensor/ops/resize.h"

#include "cuda/taps.cuh"

namespace clearcut::kernels {

namespace {

using cuda::Run, cuda::TapsView, cuda::TapTables;

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    bilinear_kernel(Nchw<const T> x, TapsView rows, TapsView cols, Nchw<T> y) {
  const std::int64_t at = cuda::thread_number();
  if (at >= y.N * y.C * y.H * y.W) return;
  const T* plane = x.data + at / (y.H * y.W) * x.H * x.W;
  y.data[at] = cuda::interpolate(plane, x.W, rows.taps[at / y.W % y.H], cols.taps[at % y.W]);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    nearest_kernel(Nchw<const T> x, TapsView rows, TapsView cols, Nchw<T> y) {
  const std::int64_t at = cuda::thread_number();
  if (at >= y.N * y.C * y.H * y.W) return;
  const T* plane = x.data + at / (y.H * y.W) * x.H * x.W;
  y.data[at] = plane[rows.taps[at / y.W % y.H].low * x.W + cols.taps[at % y.W].low];
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    resize_backward_kernel(Nchw<const T> dy, TapsView rows, TapsView cols, Nchw<T> dx) {
  const std::int64_t at = cuda::thread_number();
  if (at >= dx.N * dx.C * dx.H * dx.W) return;
  const std::int64_t h = at / dx.W % dx.H, w = at % dx.W;
  const T* plane = dy.data + at / (dx.H * dx.W) * dy.H * dy.W;
  const Run down = rows.readers[h], across = cols.readers[w];
  double sum = 0;
  for (std::int64_t i = down.begin; i < down.end; ++i) {
    double row = 0;
    for (std::int64_t j = across.begin; j < across.end; ++j)
      row += cols.taps[j].share(w) * plane[i * dy.W + j];
    sum += rows.taps[i].share(h) * row;
  }
  dx.data[at] = static_cast<T>(sum);
}

template <class T>
cuda::Grid elements(const Nchw<T>& x) {
  return cuda::one_each(x.N * x.C * x.H * x.W, kThreads);
}

}  // namespace

template <class T>
void resize_bilinear(Cuda, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y) {
  const TapTables down(rows), across(cols);
  cuda::launch<bilinear_kernel<T>>(elements(y), x, down.view(), across.view(), y);
}

template <class T>
void resize_nearest(Cuda, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y) {
  const TapTables down(rows), across(cols);
  cuda::launch<nearest_kernel<T>>(elements(y), x, down.view(), across.view(), y);
}

template <class T>
void resize_backward(Cuda, Nchw<const T> dy, const Taps& rows, const Taps& cols, Nchw<T> dx) {
  const TapTables down(rows), across(cols);
  cuda::launch<resize_backward_kernel<T>>(elements(dx), dy, down.view(), across.view(), dx);
}

#define INSTANTIATE(T)                                                                   \
  template void resize_bilinear(Cuda, Nchw<const T>, const Taps&, const Taps&, Nchw<T>); \
  template void resize_nearest(Cuda, Nchw<const T>, const Taps&, const Taps&, Nchw<T>);  \
  template void resize_backward(Cuda, Nchw<const T>, const Taps&, const Taps&, Nchw<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
