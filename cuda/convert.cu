// Other types of the same numbers, and one number everywhere.
//
// A thread takes one element; a block has 256. Bytes moved per element: those of both types, or of one.
#include "tensor/convert.h"

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class From, class To>
__global__ void __launch_bounds__(kThreads, 4) convert_kernel(Flat<const From> x, Flat<To> y) {
  const std::int64_t i = cuda::thread_number();
  if (i < x.n) y[i] = static_cast<To>(x[i]);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4) fill_kernel(T value, Flat<T> y) {
  const std::int64_t i = cuda::thread_number();
  if (i < y.n) y[i] = value;
}

}  // namespace

template <class From, class To>
void convert(Cuda, Flat<const From> x, Flat<To> y) {
  cuda::launch<convert_kernel<From, To>>(cuda::one_each(x.n, kThreads), x, y);
}

template <class T>
void fill(Cuda, T value, Flat<T> y) {
  cuda::launch<fill_kernel<T>>(cuda::one_each(y.n, kThreads), value, y);
}

#define FROM_TO(From, To) template void convert(Cuda, Flat<const From>, Flat<To>);
#define INSTANTIATE(T)     \
  FROM_TO(T, float)        \
  FROM_TO(T, double)       \
  FROM_TO(T, std::int32_t) \
  FROM_TO(T, std::int64_t) \
  FROM_TO(T, std::uint8_t) \
  template void fill(Cuda, T, Flat<T>);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(std::int32_t)
INSTANTIATE(std::int64_t)
INSTANTIATE(std::uint8_t)
#undef INSTANTIATE
#undef FROM_TO

}  // namespace clearcut::kernels
