// Quotients whose denominator may be near 0, element by element in double.
//
// A thread takes one element; a block has 256. Bytes moved per element: those of the operands and of y.
#include "tensor/ops/quotients.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    stable_quotient_kernel(Flat<const T> a, Flat<const T> b, double epsilon, Flat<T> y) {
  const std::int64_t i = cuda::thread_number();
  if (i < y.n) y[i] = stable_quotient_of(a[i], b[i], epsilon);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    quotient_or_kernel(Flat<const T> a, Flat<const T> b, Flat<const T> otherwise, double limit, Flat<T> y) {
  const std::int64_t i = cuda::thread_number();
  if (i < y.n) y[i] = quotient_or_of(a[i], b[i], otherwise[i], limit);
}

}  // namespace

template <class T>
void stable_quotient(Cuda, Flat<const T> a, Flat<const T> b, double epsilon, Flat<T> y) {
  cuda::launch<stable_quotient_kernel<T>>(cuda::one_each(y.n, kThreads), a, b, epsilon, y);
}

template <class T>
void quotient_or(Cuda, Flat<const T> a, Flat<const T> b, Flat<const T> otherwise, double limit, Flat<T> y) {
  cuda::launch<quotient_or_kernel<T>>(cuda::one_each(y.n, kThreads), a, b, otherwise, limit, y);
}

#define INSTANTIATE(T)                                                                \
  template void stable_quotient(Cuda, Flat<const T>, Flat<const T>, double, Flat<T>); \
  template void quotient_or(Cuda, Flat<const T>, Flat<const T>, Flat<const T>, double, Flat<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
