// Averages over windows, adaptive bins and whole maps, and their gradients.
//
// Small bins: a thread takes one output and reads its bin; neighbours' bins overlap or lie side by side in
// the cache. Bins of 256 pixels and more (global pooling): a block of 128 threads takes one output, its
// threads read neighbours, and their sums add up through block_reduce. Backward: a thread takes one pixel and
// adds the shares of the outputs that read it, in the order of their numbers. All sums run in double. Bytes
// moved per element: those of x and y, or dy and dx; where bins lie is a table per row and per column.
#include "tensor/ops/avg_pool2d.h"

#include <algorithm>

#include "cuda/block_reduce.cuh"
#include "cuda/table.cuh"

namespace clearcut::kernels {

namespace {

using cuda::Run, cuda::Table;

constexpr int kThreads = 256, kBlockThreads = 128;
constexpr std::int64_t kLargeBin = 256;  // pixels

/// Bins of one axis on the device.
struct Axis {
  const Run* bins;        // of each output: the inputs that it reads
  const Run* readers;     // of each input: the outputs that read it
  const double* divisor;  // of each output
};
struct AxisTables {
  explicit AxisTables(const Bins& b)
      : bins(cuda::runs(b.begin, b.end)), readers(cuda::runs(b.first, b.last)), divisor(b.divisor) {}
  Axis view() const { return {bins.data(), readers.data(), divisor.data()}; }
  Table<Run> bins, readers;
  Table<double> divisor;
};

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    average_kernel(Nchw<const T> x, Axis rows, Axis cols, Nchw<T> y) {
  const std::int64_t at = cuda::thread_number();
  if (at >= y.N * y.C * y.H * y.W) return;
  const std::int64_t i = at / y.W % y.H, j = at % y.W;
  const T* plane = x.data + at / (y.H * y.W) * x.H * x.W;
  double sum = 0;
  for (std::int64_t h = rows.bins[i].begin; h < rows.bins[i].end; ++h)
    for (std::int64_t w = cols.bins[j].begin; w < cols.bins[j].end; ++w) sum += plane[h * x.W + w];
  y.data[at] = static_cast<T>(sum / (rows.divisor[i] * cols.divisor[j]));
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads, 8)
    average_large_kernel(Nchw<const T> x, Axis rows, Axis cols, Nchw<T> y) {
  const std::int64_t at = blockIdx.x, i = at / y.W % y.H, j = at % y.W;
  const T* plane = x.data + at / (y.H * y.W) * x.H * x.W;
  const Run down = rows.bins[i], across = cols.bins[j];
  const std::int64_t width = across.end - across.begin, pixels = (down.end - down.begin) * width;
  double sum = 0;
  for (std::int64_t p = threadIdx.x; p < pixels; p += kBlockThreads)
    sum += plane[(down.begin + p / width) * x.W + across.begin + p % width];
  sum = cuda::block_reduce<cuda::Sum, kBlockThreads>(sum);
  if (threadIdx.x == 0) y.data[at] = static_cast<T>(sum / (rows.divisor[i] * cols.divisor[j]));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    average_backward_kernel(Nchw<const T> dy, Axis rows, Axis cols, Nchw<T> dx) {
  const std::int64_t at = cuda::thread_number();
  if (at >= dx.N * dx.C * dx.H * dx.W) return;
  const T* plane = dy.data + at / (dx.H * dx.W) * dy.H * dy.W;
  const Run down = rows.readers[at / dx.W % dx.H], across = cols.readers[at % dx.W];
  double sum = 0;
  for (std::int64_t i = down.begin; i < down.end; ++i)
    for (std::int64_t j = across.begin; j < across.end; ++j)
      sum += plane[i * dy.W + j] / (rows.divisor[i] * cols.divisor[j]);
  dx.data[at] = static_cast<T>(sum);
}

template <class T>
cuda::Grid elements(const Nchw<T>& x) {
  return cuda::one_each(x.N * x.C * x.H * x.W, kThreads);
}

}  // namespace

template <class T>
void average_bins(Cuda, Nchw<const T> x, const Bins& rows, const Bins& cols, Nchw<T> y) {
  const AxisTables down(rows), across(cols);
  const std::int64_t outputs = y.N * y.C * y.H * y.W;
  if (x.H * x.W / std::max<std::int64_t>(1, y.H * y.W) >= kLargeBin)
    cuda::launch<average_large_kernel<T>>(
        {.blocks = static_cast<unsigned>(outputs), .threads = kBlockThreads}, x, down.view(), across.view(),
        y);
  else
    cuda::launch<average_kernel<T>>(elements(y), x, down.view(), across.view(), y);
}

template <class T>
void average_bins_backward(Cuda, Nchw<const T> dy, const Bins& rows, const Bins& cols, Nchw<T> dx) {
  const AxisTables down(rows), across(cols);
  cuda::launch<average_backward_kernel<T>>(elements(dx), dy, down.view(), across.view(), dx);
}

#define INSTANTIATE(T)                                                                \
  template void average_bins(Cuda, Nchw<const T>, const Bins&, const Bins&, Nchw<T>); \
  template void average_bins_backward(Cuda, Nchw<const T>, const Bins&, const Bins&, Nchw<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
