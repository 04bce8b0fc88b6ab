// Where a clamp let the gradient through, and the gradient there.
//
// A thread takes one element; a block has 256. Bytes moved per element: those of y and 1, or of dy and dx
// and 1.
#include "tensor/ops/clamp_mask.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    clamp_mask_kernel(Flat<const T> y, T low, T high, Flat<std::uint8_t> mask) {
  const std::int64_t i = cuda::thread_number();
  if (i < y.n) mask[i] = y[i] <= low || y[i] >= high ? 0 : 1;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    masked_kernel(Flat<const T> dy, Flat<const std::uint8_t> mask, Flat<T> dx) {
  const std::int64_t i = cuda::thread_number();
  if (i < dy.n) dx[i] = mask[i] != 0 ? dy[i] : T(0);
}

}  // namespace

template <class T>
void clamp_mask(Cuda, Flat<const T> y, double low, double high, Flat<std::uint8_t> mask) {
  cuda::launch<clamp_mask_kernel<T>>(cuda::one_each(y.n, kThreads), y, static_cast<T>(low),
                                     static_cast<T>(high), mask);
}

template <class T>
void masked(Cuda, Flat<const T> dy, Flat<const std::uint8_t> mask, Flat<T> dx) {
  cuda::launch<masked_kernel<T>>(cuda::one_each(dy.n, kThreads), dy, mask, dx);
}

template void clamp_mask(Cuda, Flat<const float>, double, double, Flat<std::uint8_t>);
template void clamp_mask(Cuda, Flat<const double>, double, double, Flat<std::uint8_t>);
template void masked(Cuda, Flat<const float>, Flat<const std::uint8_t>, Flat<float>);
template void masked(Cuda, Flat<const double>, Flat<const std::uint8_t>, Flat<double>);

}  // namespace clearcut::kernels
