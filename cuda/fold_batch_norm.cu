// A convolution and the batch norm behind it as one convolution.
//
// A thread of a block of 256 takes one weight; the first of each output channel makes the bias too.
#include "tensor/ops/fold_batch_norm.h"

#include <algorithm>

#include "cuda/gpu.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    fold_kernel(Rows<const T> w, const T* b, BatchNormView<T> p, Rows<T> weight, T* bias) {
  const std::int64_t i = cuda::thread_number(), each = max(w.cols, std::int64_t{1}), k = i / each;
  if (k >= w.rows) return;
  const double scale = static_cast<double>(p.inverse_deviation[k]) * p.weight[k];
  if (w.cols > 0) weight.data[i] = static_cast<T>(w.data[i] * scale);
  if (i % each == 0)
    bias[k] = static_cast<T>(((b ? b[k] : T(0)) - static_cast<double>(p.mean[k])) * scale + p.bias[k]);
}

}  // namespace

template <class T>
void fold_batch_norm(Cuda, Rows<const T> w, const T* b, BatchNormView<T> p, Rows<T> weight, T* bias) {
  const std::int64_t n = w.rows * std::max<std::int64_t>(1, w.cols);
  cuda::launch<fold_kernel<T>>(cuda::one_each(n, kThreads), w, b, p, weight, bias);
}

template void fold_batch_norm(Cuda, Rows<const float>, const float*, BatchNormView<float>, Rows<float>,
                              float*);
template void fold_batch_norm(Cuda, Rows<const double>, const double*, BatchNormView<double>, Rows<double>,
                              double*);

}  // namespace clearcut::kernels
