// Weighted cross-entropy, plain and of logits that are upsampled on the way.
//
// Labels: a thread checks one and works out its weight. Forward: along rows of classes (plane of one pixel) a
// block of 128 threads takes one row; else a thread takes one pixel, its neighbours the ones beside it, and
// goes through the classes once, with a running maximum. Backward: a thread takes one element. Bytes moved
// per logit: one read forward (two along rows, the second from the cache), one read and one write backward.
//
// Upsampled: a thread of the forward pass interpolates each logit of its pixel from four values in the cache:
// no upsampled logit is stored. Backward: a block takes one row of dz of one class; for each output row that
// reads it, its threads put the gradients of that row's pixels in shared memory, once each, and then every
// thread adds the shares of its columns. Each output row is worked out for the two rows of dz that it reads:
// bytes moved are small beside the two exponentials per upsampled logit.
//
// Sums run in double: of a pixel over classes, of a block through block_reduce, and the blocks' sums (at most
// 1024) in order on the host. The scalars come back to the host: the loss waits for the kernels.
#include "tensor/ops/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/block_sums.cuh"
#include "cuda/row_exp_sum.cuh"
#include "cuda/taps.cuh"

namespace clearcut::kernels {

namespace {

using cuda::Run, cuda::TapsView, cuda::TapTables;

using cuda::BlockSums, cuda::pieces_of;

constexpr int kThreads = 256, kRowThreads = 128;

cuda::Grid pieces_grid(std::int64_t n) { return cuda::pieces_grid(n, kThreads); }

// ---- labels

// bad[block]: how far from the end the first label stands that is no class, 0 if there is none.
template <class L, class T>
__global__ void __launch_bounds__(kThreads, 4)
    weigh_kernel(Flat<const L> labels, LabelRule<T> rule, const double* class_weights, std::int32_t* known,
                 T* weights, double* sums, double* bad) {
  double sum = 0, worst = 0;
  for (std::int64_t p = cuda::thread_number(); p < labels.n; p += std::int64_t{gridDim.x} * kThreads) {
    const std::int64_t label = labels[p];
    const bool counts = !rule.ignores || label != rule.ignored, fits = label >= 0 && label < rule.classes;
    double q = 0;
    if (counts && fits) {
      q = class_weights ? class_weights[label] : 1.0;
      if (rule.pixel_weights) q *= static_cast<double>(rule.pixel_weights[p]);
    }
    if (counts && !fits) worst = cuda::Largest::join(worst, static_cast<double>(labels.n - p));
    known[p] = counts && fits ? static_cast<std::int32_t>(label) : -1;
    weights[p] = static_cast<T>(q);
    sum += weights[p];
  }
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  worst = cuda::block_reduce<cuda::Largest, kThreads>(worst);
  if (threadIdx.x != 0) return;
  sums[blockIdx.x] = sum;
  bad[blockIdx.x] = worst;
}

// ---- forward

/// log(sum of exp(z)) while the logits z come one by one.
template <class T>
struct RunningExpSum {
  T top = std::numeric_limits<T>::lowest();
  double sum = 0;

  __device__ void add(T z) {
    if (z > top) {
      sum = sum * std::exp(top - z) + 1;
      top = z;
    } else {
      sum += std::exp(z - top);
    }
  }
  __device__ double log_sum() const { return top + std::log(sum); }
};

// A pixel's part of the loss; logit(k) is that of class k.
template <class T, class Logit>
__device__ double pixel_loss(LabelledPixels<T> pixels, std::int64_t p, std::int64_t classes, T* log_sum_exp,
                             const Logit& logit) {
  log_sum_exp[p] = 0;
  if (pixels.labels[p] < 0) return 0;
  RunningExpSum<T> running;
  for (std::int64_t k = 0; k < classes; ++k) running.add(logit(k));
  const double lse = running.log_sum();
  log_sum_exp[p] = static_cast<T>(lse);
  return pixels.weights[p] * (lse - logit(pixels.labels[p]));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    loss_kernel(Nchw<const T> z, LabelledPixels<T> pixels, T* log_sum_exp, double* sums) {
  const std::int64_t plane = z.H * z.W;
  double sum = 0;
  for (std::int64_t p = cuda::thread_number(); p < z.N * plane; p += std::int64_t{gridDim.x} * kThreads) {
    const T* logits = z.plane(p / plane, 0) + p % plane;
    sum += pixel_loss(pixels, p, z.C, log_sum_exp, [=](std::int64_t k) { return logits[k * plane]; });
  }
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

template <class T>
__global__ void __launch_bounds__(kRowThreads, 8)
    row_loss_kernel(Rows<const T> z, LabelledPixels<T> pixels, T* log_sum_exp, double* sums) {
  const std::int64_t p = blockIdx.x;
  const auto [top, sum] = cuda::row_exp_sum<kRowThreads>(z[p], z.cols);
  if (threadIdx.x != 0) return;
  const bool counts = pixels.labels[p] >= 0;
  const double lse = counts ? top + std::log(sum) : 0;
  log_sum_exp[p] = static_cast<T>(lse);
  sums[p] = counts ? pixels.weights[p] * (lse - z[p][pixels.labels[p]]) : 0;
}

template <class T>
__global__ void __launch_bounds__(kThreads, 2)
    upsampled_loss_kernel(Nchw<const T> z, TapsView rows, TapsView cols, std::int64_t H, std::int64_t W,
                          LabelledPixels<T> pixels, T* log_sum_exp, double* sums) {
  double sum = 0;
  for (std::int64_t p = cuda::thread_number(); p < z.N * H * W; p += std::int64_t{gridDim.x} * kThreads) {
    const cuda::Tap row = rows.taps[p / W % H], col = cols.taps[p % W];
    const T* logits = z.plane(p / (H * W), 0);
    sum += pixel_loss(pixels, p, z.C, log_sum_exp, [=, width = z.W, plane = z.H * z.W](std::int64_t k) {
      return cuda::interpolate(logits + k * plane, width, row, col);
    });
  }
  sum = cuda::block_reduce<cuda::Sum, kThreads>(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// ---- backward

template <class T>
__device__ T gradient_of(T z, std::int64_t k, std::int32_t label, T q, T log_sum_exp) {
  return label < 0 ? T(0) : q * (std::exp(z - log_sum_exp) - (label == k ? T(1) : T(0)));
}

template <class T>
__global__ void __launch_bounds__(kThreads, 4)
    loss_backward_kernel(Nchw<const T> z, LabelledPixels<T> pixels, const T* log_sum_exp, double scale,
                         T* dz) {
  const std::int64_t at = cuda::thread_number(), plane = z.H * z.W;
  if (at >= z.N * z.C * plane) return;
  const std::int64_t p = at / (plane * z.C) * plane + at % plane;
  const T q = static_cast<T>(scale * pixels.weights[p]);
  dz[at] = gradient_of(z.data[at], at / plane % z.C, pixels.labels[p], q, log_sum_exp[p]);
}

template <class T>
__global__ void __launch_bounds__(kRowThreads, 6)
    upsampled_backward_kernel(Nchw<const T> z, TapsView rows, TapsView cols, std::int64_t H, std::int64_t W,
                              LabelledPixels<T> pixels, const T* log_sum_exp, double scale, T* dz) {
  DYNAMIC_SHARED(T, gradients);  // of the output pixels of one row, from `first` on
  const std::int64_t tiles = (z.W + kRowThreads - 1) / kRowThreads, block = blockIdx.x;
  const std::int64_t row = block / tiles, h = row % z.H, map = row / z.H, k = map % z.C;
  const std::int64_t w0 = block % tiles * kRowThreads, w = w0 + threadIdx.x;
  const Run down = rows.readers[h], mine = w < z.W ? cols.readers[w] : Run{0, 0};
  const std::int64_t first = cols.readers[w0].begin, last = cols.readers[min(z.W, w0 + kRowThreads) - 1].end;
  const T* plane = z.data + map * z.H * z.W;
  double sum = 0;
  for (std::int64_t i = down.begin; i < down.end; ++i) {
    for (std::int64_t j = first + threadIdx.x; j < last; j += kRowThreads) {
      const std::int64_t p = (map / z.C * H + i) * W + j;
      const T logit = cuda::interpolate(plane, z.W, rows.taps[i], cols.taps[j]);
      gradients[j - first] =
          gradient_of(logit, k, pixels.labels[p], static_cast<T>(scale * pixels.weights[p]), log_sum_exp[p]);
    }
    __syncthreads();
    double of_row = 0;
    for (std::int64_t j = mine.begin; j < mine.end; ++j)
      of_row += cols.taps[j].share(w) * gradients[j - first];
    sum += rows.taps[i].share(h) * of_row;
    __syncthreads();
  }
  if (w < z.W) dz[row * z.W + w] = static_cast<T>(sum);
}

// The most output pixels that the columns of one block of upsampled_backward_kernel read.
std::int64_t widest_run(const Taps& cols) {
  const auto inputs = static_cast<std::int64_t>(cols.first.size());
  std::int64_t most = 0;
  for (std::int64_t w = 0; w < inputs; w += kRowThreads)
    most = std::max(most, cols.last[static_cast<std::size_t>(std::min(inputs, w + kRowThreads) - 1)] -
                              cols.first[static_cast<std::size_t>(w)]);
  return most;
}

}  // namespace

template <class L, class T>
WeighedLabels weigh_labels(Cuda, Flat<const L> labels, const LabelRule<T>& rule,
                           const std::vector<double>& class_weights, std::int32_t* known, T* weights) {
  BlockSums sums(pieces_of(labels.n, kThreads)), bad(pieces_of(labels.n, kThreads));
  const cuda::Table<double> of_class(class_weights);
  cuda::launch<weigh_kernel<L, T>>(pieces_grid(labels.n), labels, rule, of_class.data(), known, weights,
                                   sums.data(), bad.data());
  double worst = 0;
  for (const double v : bad.values()) worst = std::max(worst, v);
  WeighedLabels result{.weight_sum = sums.sum()};
  if (worst == 0) return result;
  result.first_bad = labels.n - static_cast<std::int64_t>(worst);
  L label{};
  cuda_copy(&label, labels.data + result.first_bad, sizeof label, CudaCopy::kToHost);
  result.bad_label = label;
  return result;
}

template <class T>
double cross_entropy(Cuda, Nchw<const T> z, LabelledPixels<T> pixels, Flat<T> log_sum_exp) {
  const std::int64_t n = z.N * z.H * z.W;
  if (z.H * z.W == 1) {
    BlockSums sums(n);
    cuda::launch<row_loss_kernel<T>>({.blocks = static_cast<unsigned>(n), .threads = kRowThreads},
                                     Rows<const T>{z.data, z.N, z.C}, pixels, log_sum_exp.data, sums.data());
    return sums.sum();
  }
  BlockSums sums(pieces_of(n, kThreads));
  cuda::launch<loss_kernel<T>>(pieces_grid(n), z, pixels, log_sum_exp.data, sums.data());
  return sums.sum();
}

template <class T>
void cross_entropy_backward(Cuda, Nchw<const T> z, LabelledPixels<T> pixels, Flat<const T> log_sum_exp,
                            double scale, Nchw<T> dz) {
  const std::int64_t n = z.N * z.C * z.H * z.W;
  cuda::launch<loss_backward_kernel<T>>(cuda::one_each(n, kThreads), z, pixels, log_sum_exp.data, scale,
                                        dz.data);
}

template <class T>
double upsampled_cross_entropy(Cuda, Nchw<const T> z, const Taps& rows, const Taps& cols,
                               LabelledPixels<T> pixels, Flat<T> log_sum_exp) {
  const TapTables down(rows), across(cols);
  const std::int64_t n = z.N * rows.outputs() * cols.outputs();
  BlockSums sums(pieces_of(n, kThreads));
  cuda::launch<upsampled_loss_kernel<T>>(pieces_grid(n), z, down.view(), across.view(), rows.outputs(),
                                         cols.outputs(), pixels, log_sum_exp.data, sums.data());
  return sums.sum();
}

template <class T>
void upsampled_cross_entropy_backward(Cuda, Nchw<const T> z, const Taps& rows, const Taps& cols,
                                      LabelledPixels<T> pixels, Flat<const T> log_sum_exp, double scale,
                                      Nchw<T> dz) {
  const TapTables down(rows), across(cols);
  const std::int64_t tiles = (z.W + kRowThreads - 1) / kRowThreads;
  cuda::launch<upsampled_backward_kernel<T>>(
      {.blocks = static_cast<unsigned>(z.N * z.C * z.H * tiles),
       .threads = kRowThreads,
       .shared_bytes = static_cast<std::size_t>(widest_run(cols)) * sizeof(T)},
      z, down.view(), across.view(), rows.outputs(), cols.outputs(), pixels, log_sum_exp.data, scale,
      dz.data);
}

#define INSTANTIATE_LABELS(L, T)                                                                            \
  template WeighedLabels weigh_labels(Cuda, Flat<const L>, const LabelRule<T>&, const std::vector<double>&, \
                                      std::int32_t*, T*);
#define INSTANTIATE(T)                                                                                      \
  INSTANTIATE_LABELS(std::int32_t, T)                                                                       \
  INSTANTIATE_LABELS(std::int64_t, T)                                                                       \
  template double cross_entropy(Cuda, Nchw<const T>, LabelledPixels<T>, Flat<T>);                           \
  template void cross_entropy_backward(Cuda, Nchw<const T>, LabelledPixels<T>, Flat<const T>, double,       \
                                       Nchw<T>);                                                            \
  template double upsampled_cross_entropy(Cuda, Nchw<const T>, const Taps&, const Taps&, LabelledPixels<T>, \
                                          Flat<T>);                                                         \
  template void upsampled_cross_entropy_backward(Cuda, Nchw<const T>, const Taps&, const Taps&,             \
                                                 LabelledPixels<T>, Flat<const T>, double, Nchw<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE
#undef INSTANTIATE_LABELS

}  // namespace clearcut::kernels
