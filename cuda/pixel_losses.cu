// Losses of single pixels, and which of them count.
//
// A thread takes a pixel: it interpolates the logit of the label's class from four values (bytes moved:
// label, log-sum-exp and loss of each pixel, and the logits of the labels' classes from the cache), or reads
// its loss and weight and writes the new weight. Sums run in double, of a block through block_reduce, and the
// blocks' sums in order on the host.
#include "tensor/ops/pixel_losses.h"

#include <cmath>

#include "cuda/block_sums.cuh"
#include "cuda/taps.cuh"

namespace clearcut::kernels {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    pixel_losses_kernel(Nchw<const T> z, cuda::TapsView rows, cuda::TapsView cols, std::int64_t H,
                        std::int64_t W, const std::int32_t* labels, const T* log_sum_exp, Flat<T> losses) {
  const std::int64_t p = cuda::thread_number();
  if (p >= losses.n) return;
  const std::int32_t label = labels[p];
  if (label < 0) {
    losses[p] = -1;
    return;
  }
  const T logit = cuda::interpolate(z.plane(p / (H * W), label), z.W, rows.taps[p / W % H], cols.taps[p % W]);
  const T loss = log_sum_exp[p] - logit;
  losses[p] = loss > 0 ? loss : T(0);
}

template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    focus_kernel(Flat<const T> losses, FocusRule rule, T* weights, double* loss_sums, double* weight_sums) {
  double loss = 0, weight = 0;
  for (std::int64_t p = cuda::thread_number(); p < losses.n; p += std::int64_t{gridDim.x} * kThreads) {
    const double l = losses[p], q = l >= rule.bound ? static_cast<double>(weights[p]) : 0;
    if (q > 0) {
      const double wrong = -std::expm1(-l);
      // wrong^gamma; pow() would be a call of nvcc's, which the interpreter has no code for.
      const double far = l > 0 ? std::exp(rule.gamma * std::log(wrong)) : rule.gamma == 0 ? 1 : 0;
      const double slope = l > 0 ? rule.gamma * std::exp(-l) * (far / wrong) * l : 0;
      loss += q * far * l;
      weight += q;
      weights[p] = static_cast<T>(q * (far + slope));
    } else {
      weights[p] = 0;
    }
  }
  loss = cuda::block_reduce<cuda::Sum, kThreads>(loss);
  weight = cuda::block_reduce<cuda::Sum, kThreads>(weight);
  if (threadIdx.x != 0) return;
  loss_sums[blockIdx.x] = loss;
  weight_sums[blockIdx.x] = weight;
}

}  // namespace

template <class T>
void pixel_losses(Cuda, Nchw<const T> z, const Taps& rows, const Taps& cols, const std::int32_t* labels,
                  Flat<const T> log_sum_exp, Flat<T> losses) {
  const cuda::TapTables down(rows), across(cols);
  cuda::launch<pixel_losses_kernel<T>>(cuda::one_each(losses.n, kThreads), z, down.view(), across.view(),
                                       rows.outputs(), cols.outputs(), labels, log_sum_exp.data, losses);
}

template <class T>
FocusedSums focus(Cuda, Flat<const T> losses, const FocusRule& rule, T* weights) {
  cuda::BlockSums loss(cuda::pieces_of(losses.n, kThreads)), weight(cuda::pieces_of(losses.n, kThreads));
  cuda::launch<focus_kernel<T>>(cuda::pieces_grid(losses.n, kThreads), losses, rule, weights, loss.data(),
                                weight.data());
  return {loss.sum(), weight.sum()};
}

#define INSTANTIATE(T)                                                                           \
  template void pixel_losses(Cuda, Nchw<const T>, const Taps&, const Taps&, const std::int32_t*, \
                             Flat<const T>, Flat<T>);                                            \
  template FocusedSums focus(Cuda, Flat<const T>, const FocusRule&, T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
