// sum[i] += weight * a[i] * b[i] in double.
//
// A thread takes one element; a block has 256. Bytes moved per element: 16 of the sum, and those of a and b.
#include "cuda/gpu.cuh"
#include "tensor/ops/add_products.h"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    add_products_kernel(Flat<const T> a, Flat<const T> b, double weight, Flat<double> sum) {
  const std::int64_t i = cuda::thread_number();
  if (i >= sum.n) return;
  const double value = a[i];
  sum[i] += weight * (b.data == nullptr ? value : value * b[i]);
}

}  // namespace

template <class T>
void add_products(Cuda, Flat<const T> a, Flat<const T> b, double weight, Flat<double> sum) {
  const cuda::Grid grid = cuda::one_each(sum.n, kThreads);
  cuda::launch<add_products_kernel<T>>(grid, a, b, weight, sum);
}

template void add_products(Cuda, Flat<const float>, Flat<const float>, double, Flat<double>);
template void add_products(Cuda, Flat<const double>, Flat<const double>, double, Flat<double>);

}  // namespace clearcut::kernels
