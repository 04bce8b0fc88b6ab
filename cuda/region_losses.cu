// Sums over the regions of classes, and the Lovasz extension of the Jaccard loss.
//
// Sums: a block of 256 threads takes a class and a stretch of pixels; p is read once, the label of a pixel
// once per class. Gradient of Dice: a thread takes one element.
//
// Lovasz, class after class: a thread writes the error of a pixel with its number, errors beside the end (and
// of pixels that do not count) below all others; a bitonic sort over global memory, one launch per pass and a
// thread per pair, brings them into the one order that errors and numbers allow; a block of 256 threads then
// goes through them: each thread counts the class in its stretch, starts where the stretches before it end,
// and writes gradients. log2(P)^2 / 2 passes over P pairs of 16 bytes are what it costs.
#include "tensor/ops/region_losses.h"

#include <algorithm>

#include "cuda/block_sums.cuh"
#include "cuda/table.cuh"

namespace clearcut::kernels {

namespace {

using cuda::BlockSums;

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    region_sums_kernel(Nchw<const T> p, const std::int32_t* labels, double* sums) {
  const std::int64_t plane = p.H * p.W, c = blockIdx.y;
  double both = 0, predicted = 0, there = 0;
  for (std::int64_t i = cuda::thread_number(); i < p.N * plane; i += std::int64_t{gridDim.x} * kThreads) {
    const std::int32_t y = labels[i];
    if (y < 0) continue;
    const double of_class = p.plane(i / plane, c)[i % plane];
    predicted += of_class;
    if (y != c) continue;
    both += of_class;
    there += 1;
  }
  both = cuda::block_reduce<cuda::Sum, kThreads>(both);
  predicted = cuda::block_reduce<cuda::Sum, kThreads>(predicted);
  there = cuda::block_reduce<cuda::Sum, kThreads>(there);
  if (threadIdx.x != 0) return;
  double* mine = sums + (c * gridDim.x + blockIdx.x) * 3;
  mine[0] = both;
  mine[1] = predicted;
  mine[2] = there;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    region_gradient_kernel(const std::int32_t* labels, const double* same, const double* other, Nchw<T> dp) {
  const std::int64_t at = cuda::thread_number(), plane = dp.H * dp.W;
  if (at >= dp.N * dp.C * plane) return;
  const std::int64_t c = at / plane % dp.C;
  const std::int32_t y = labels[at / (plane * dp.C) * plane + at % plane];
  dp.data[at] = y < 0 ? T(0) : static_cast<T>(y == c ? same[c] : other[c]);
}

/// An error and its pixel.
template <class T>
struct PixelError {
  T error;
  std::int64_t pixel;
  __device__ bool before(const PixelError& b) const {
    return error != b.error ? error > b.error : pixel < b.pixel;
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    errors_kernel(Nchw<const T> p, const std::int32_t* labels, std::int64_t c, Flat<PixelError<T>> errors) {
  const std::int64_t i = cuda::thread_number(), plane = p.H * p.W;
  if (i >= errors.n) return;
  const std::int32_t y = i < p.N * plane ? labels[i] : -1;
  const T of_class = y < 0 ? T(0) : p.plane(i / plane, c)[i % plane];
  errors[i] = {y < 0 ? T(-1) : y == c ? T(1) - of_class : of_class, i};
}

// One pass: element i and element i ^ distance change places if they stand against the order of their
// stretch.
template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    bitonic_kernel(Flat<PixelError<T>> errors, std::int64_t stretch, std::int64_t distance) {
  const std::int64_t i = cuda::thread_number(), other = i ^ distance;
  if (i >= errors.n || other < i) return;
  const bool forward = (i & stretch) == 0;
  const PixelError<T> a = errors[i], b = errors[other];
  if (forward ? a.before(b) : b.before(a)) return;
  errors[i] = b;
  errors[other] = a;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 1)
    jaccard_kernel(Flat<const PixelError<T>> errors, const std::int32_t* labels, std::int64_t c,
                   std::int64_t Y, Nchw<T> dp, double* loss) {
  SHARED(std::int64_t, counts, [kThreads]);
  const std::int64_t plane = dp.H * dp.W, each = (errors.n + kThreads - 1) / kThreads;
  const std::int64_t begin = min(errors.n, each * threadIdx.x), end = min(errors.n, begin + each);
  std::int64_t found = 0;
  for (std::int64_t k = begin; k < end; ++k)
    found += errors[k].error >= 0 && labels[errors[k].pixel] == c ? 1 : 0;
  counts[threadIdx.x] = found;
  __syncthreads();
  found = 0;
  for (unsigned t = 0; t < threadIdx.x; ++t) found += counts[t];
  const auto jaccard = [Y](std::int64_t seen, std::int64_t in_class) {
    return seen == 0 ? 0 : 1 - static_cast<double>(Y - in_class) / static_cast<double>(Y + seen - in_class);
  };
  double before = jaccard(begin, found), sum = 0;
  for (std::int64_t k = begin; k < end; ++k) {
    const PixelError<T> e = errors[k];
    if (e.error < 0) break;
    const bool mine = labels[e.pixel] == c;
    found += mine ? 1 : 0;
    const double now = jaccard(k + 1, found);
    sum += e.error * (now - before);
    dp.plane(e.pixel / plane, c)[e.pixel % plane] = static_cast<T>(mine ? before - now : now - before);
    before = now;
  }
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  if (threadIdx.x == 0) loss[0] = sum;
}

}  // namespace

template <class T>
std::vector<double> region_sums(Cuda, Nchw<const T> p, const std::int32_t* labels) {
  const auto pieces = std::min<std::int64_t>(64, (p.N * p.H * p.W + kThreads - 1) / kThreads);
  BlockSums parts(3 * pieces * p.C);
  cuda::launch<region_sums_kernel<T>>(
      {.blocks = dim3(static_cast<unsigned>(pieces), static_cast<unsigned>(p.C)), .threads = kThreads}, p,
      labels, parts.data());
  const std::vector<double>& values = parts.values();
  std::vector<double> sums(static_cast<std::size_t>(3 * p.C));
  for (std::int64_t c = 0; c < p.C; ++c)
    for (std::int64_t piece = 0; piece < pieces; ++piece)
      for (std::int64_t kind = 0; kind < 3; ++kind)
        sums[static_cast<std::size_t>(kind * p.C + c)] +=
            values[static_cast<std::size_t>((c * pieces + piece) * 3 + kind)];
  return sums;
}

template <class T>
void region_gradient(Cuda, const std::int32_t* labels, const std::vector<double>& same,
                     const std::vector<double>& other, Nchw<T> dp) {
  const cuda::Table<double> mine(same), others(other);
  cuda::launch<region_gradient_kernel<T>>(cuda::one_each(dp.N * dp.C * dp.H * dp.W, kThreads), labels,
                                          mine.data(), others.data(), dp);
}

template <class T>
double lovasz(Cuda, Nchw<const T> p, const std::int32_t* labels, const std::vector<std::int64_t>& Y,
              Nchw<T> dp) {
  std::int64_t n = 1;
  while (n < p.N * p.H * p.W) n *= 2;
  const CudaBlock memory(static_cast<std::size_t>(n) * sizeof(PixelError<T>));
  const Flat<PixelError<T>> errors{static_cast<PixelError<T>*>(memory.data()), n};
  const cuda::Grid grid = cuda::one_each(n, kThreads);
  double total = 0;
  for (std::int64_t c = 0; c < p.C; ++c) {
    const std::int64_t pixels = Y[static_cast<std::size_t>(c)];
    if (pixels == 0) continue;
    cuda::launch<errors_kernel<T>>(grid, p, labels, c, errors);
    for (std::int64_t stretch = 2; stretch <= n; stretch *= 2)
      for (std::int64_t distance = stretch / 2; distance > 0; distance /= 2)
        cuda::launch<bitonic_kernel<T>>(grid, errors, stretch, distance);
    BlockSums loss(1);
    cuda::launch<jaccard_kernel<T>>({.blocks = 1, .threads = kThreads},
                                    Flat<const PixelError<T>>{errors.data, n}, labels, c, pixels, dp,
                                    loss.data());
    total += loss.sum();
  }
  return total;
}

#define INSTANTIATE(T)                                                                 \
  template std::vector<double> region_sums(Cuda, Nchw<const T>, const std::int32_t*);  \
  template void region_gradient(Cuda, const std::int32_t*, const std::vector<double>&, \
                                const std::vector<double>&, Nchw<T>);                  \
  template double lovasz(Cuda, Nchw<const T>, const std::int32_t*, const std::vector<std::int64_t>&, Nchw<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
