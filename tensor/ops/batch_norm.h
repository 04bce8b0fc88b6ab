// Batch normalisation over all dimensions but the channel, with the residual and ReLU that may follow it.
// Source: Ioffe and Szegedy, "Batch normalization", arXiv:1502.03167.
#pragma once

#include <limits>

#include "tensor/views.h"

namespace clearcut {

/// What follows a normalised value v in the same sweep over memory: y = min(max(v + residual, low), high).
/// ReLU has low = 0, ReLU6 also high = 6. NaN stays NaN.
struct BatchNormTail {
  static constexpr double kNone = std::numeric_limits<double>::infinity();
  Tensor residual = {};  // the shape of x, or undefined for none
  double low = -kNone, high = kNone;
};

}  // namespace clearcut

namespace clearcut::ops {

/// Mean, biased variance and 1 / sqrt(variance + eps) of each channel, all [C].
struct ChannelStatistics {
  Tensor mean, variance, inverse_deviation;
};

/// The triple from running statistics [C] that were gathered in training.
ChannelStatistics fixed_statistics(const Tensor& mean, const Tensor& variance, double eps);

/// y[n, c, ...] = tail((x[n, c, ...] - mean[c]) * inverse_deviation[c] * weight[c] + bias[c]).
///
/// x     [N, C] or [N, C, ...], float32 or float64
/// y     of x's shape; with `in_place` in x's storage
///
/// weight and bias [C], dtype and device of x. Throws Error on other shapes.
Tensor batch_norm(const Tensor& x, const ChannelStatistics& s, const Tensor& weight, const Tensor& bias,
                  const BatchNormTail& tail = {}, bool in_place = false);

struct BatchNormTrained {
  Tensor y;
  ChannelStatistics statistics;
};

/// batch_norm with the statistics of x itself, over M = N * (product of the sizes behind C) values a channel:
///   mean[c] = (1/M) sum of x[:, c],   variance[c] = (1/M) sum of (x[:, c] - mean[c])^2
///
/// Throws Error if rank < 2 or M < 2: one value per channel has no variance to divide by.
/// Cost: x is read from memory once, and a channel again from the cache; sums run in double.
BatchNormTrained batch_norm_training(const Tensor& x, double eps, const Tensor& weight, const Tensor& bias,
                                     const BatchNormTail& tail = {}, bool in_place = false);

/// What batch_norm_backward is asked for, and where the tail let gradients through.
struct BatchNormBackward {
  bool batch_statistics = true;  // of batch_norm_training; else the statistics were constants
  bool need_dx = true, need_residual = false;
  double low = -BatchNormTail::kNone, high = BatchNormTail::kNone;
  Tensor y = {};     // what the forward pass returned; may be left out if there was no residual, ...
  Tensor bias = {};  // ... but then the bias is needed, to work it out again
  bool clamps() const { return low > -BatchNormTail::kNone || high < BatchNormTail::kNone; }
};

/// Sums over the values of each channel of x, from which parts of a batch get their common statistics:
///   [0, c] = sum of x[:, c],   [1, c] = sum of x[:, c]^2        float64 [2, C]
/// In double the difference of squares loses nothing that float could hold unless the mean is 10^4 times the
/// deviation.
Tensor batch_norm_sums(const Tensor& x);
/// The statistics [C] of `values` values per channel that have these sums.
ChannelStatistics statistics_of(const Tensor& sums, std::int64_t values, double eps, DType dtype);

struct BatchNormGrads {
  Tensor dx, dweight, dbias, dresidual;
};

/// With g = dy where low < y < high and 0 elsewhere, xhat = (x - mean) * inverse_deviation, and sums over the
/// M values of a channel:
///   dresidual = g,   dbias = sum of g,   dweight = sum of g * xhat
///   batch statistics:  dx = weight * inverse_deviation * (g - dbias / M - xhat * dweight / M)
///   fixed statistics:  dx = weight * inverse_deviation * g
/// dx and dresidual are undefined unless needed. One of them takes the storage of dy if nobody else holds it.
BatchNormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const ChannelStatistics& s,
                                   const Tensor& weight, const BatchNormBackward& how);
/// The dx of batch_norm_backward for an x that is a part of a batch of `values` values per channel, where
/// dweight and dbias are sums over the whole of it. Of `how` it reads low, high, y and bias.
Tensor batch_norm_dx(const Tensor& dy, const Tensor& x, const ChannelStatistics& s, const Tensor& weight,
                     const BatchNormBackward& how, const BatchNormGrads& sums, std::int64_t values);
/// dx and dresidual for fixed statistics and a weight and bias that are not trained: x is not needed.
BatchNormGrads batch_norm_frozen_backward(const Tensor& dy, const ChannelStatistics& s, const Tensor& weight,
                                          const BatchNormBackward& how);

/// running = (1 - momentum) * running + momentum * batch, written into the running tensors. With
/// `unbiased` the batch variance counts M / (M - 1) times, as in PyTorch; Paddle's documents have M / M.
void update_running(const Tensor& running_mean, const Tensor& running_variance, const ChannelStatistics& s,
                    std::int64_t values_per_channel, double momentum, bool unbiased);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// A batch of channels: N * C rows of S contiguous values; row n * C + c belongs to channel c.
template <class T>
struct Channels {
  T* data;
  std::int64_t N, C, S;
  constexpr T* row(std::int64_t n, std::int64_t c) const { return data + (n * C + c) * S; }
};

/// Per-channel constants, each [C]; bias is null where it does not matter.
template <class T>
struct BatchNormView {
  const T *mean, *inverse_deviation, *weight, *bias;
};

/// BatchNormTail for kernels; residual is null for none, and laid out as x.
template <class T>
struct TailView {
  const T* residual;
  T low, high;
};

/// g = dy where low < y < high, else 0; without clamping y is not read. y is worked out from x where it is
/// null. g is written to `masked` (may be dy) unless that is null. All are laid out as x.
template <class T>
struct MaskedView {
  const T *dy, *y;
  T* masked;
  T low, high;
  bool clamps;
};

/// Fills mean, variance and inverse [C] and then y.
template <class T>
struct MomentsView {
  T *mean, *variance, *inverse_deviation;
};

template <class T>
void batch_norm(Reference, Channels<const T> x, BatchNormView<T> p, TailView<T> tail, T* y);
void batch_norm(Cpu, Channels<const float> x, BatchNormView<float> p, TailView<float> tail, float* y);
template <class T>
void batch_norm(Cuda, Channels<const T> x, BatchNormView<T> p, TailView<T> tail, T* y);

template <class T>
void batch_norm_training(Reference, Channels<const T> x, double eps, MomentsView<T> m, BatchNormView<T> p,
                         TailView<T> tail, T* y);
void batch_norm_training(Cpu, Channels<const float> x, double eps, MomentsView<float> m,
                         BatchNormView<float> p, TailView<float> tail, float* y);
template <class T>
void batch_norm_training(Cuda, Channels<const T> x, double eps, MomentsView<T> m, BatchNormView<T> p,
                         TailView<T> tail, T* y);

/// Sums of x and of x^2, each [C].
template <class T>
void batch_norm_sums(Reference, Channels<const T> x, double* sums, double* squares);
void batch_norm_sums(Cpu, Channels<const float> x, double* sums, double* squares);
template <class T>
void batch_norm_sums(Cuda, Channels<const T> x, double* sums, double* squares);
/// Mean, biased variance and 1 / sqrt(variance + eps) of M values with these sums.
template <class T>
void statistics_of(Reference, Rows<const double> sums, double M, double eps, MomentsView<T> m);
template <class T>
void statistics_of(Cuda, Rows<const double> sums, double M, double eps, MomentsView<T> m);

/// dx = weight * inverse_deviation * (g - dbias / M - xhat * dweight / M); dx may be g.dy. g.masked is null.
template <class T>
void batch_norm_dx(Reference, MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, double M,
                   Flat<const T> dweight, Flat<const T> dbias, T* dx);
void batch_norm_dx(Cpu, MaskedView<float> g, Channels<const float> x, BatchNormView<float> p, double M,
                   Flat<const float> dweight, Flat<const float> dbias, float* dx);
template <class T>
void batch_norm_dx(Cuda, MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, double M,
                   Flat<const T> dweight, Flat<const T> dbias, T* dx);

/// dx is null if it is not wanted, and may be g.dy.
template <class T>
void batch_norm_backward(Reference, MaskedView<T> g, Channels<const T> x, BatchNormView<T> p,
                         bool batch_statistics, Flat<T> dweight, Flat<T> dbias, T* dx);
void batch_norm_backward(Cpu, MaskedView<float> g, Channels<const float> x, BatchNormView<float> p,
                         bool batch_statistics, Flat<float> dweight, Flat<float> dbias, float* dx);
template <class T>
void batch_norm_backward(Cuda, MaskedView<T> g, Channels<const T> x, BatchNormView<T> p,
                         bool batch_statistics, Flat<T> dweight, Flat<T> dbias, T* dx);

/// dx = weight * inverse_deviation * g; `shape` carries sizes only.
template <class T>
void batch_norm_frozen_backward(Reference, MaskedView<T> g, Channels<const T> shape, BatchNormView<T> p,
                                T* dx);
void batch_norm_frozen_backward(Cpu, MaskedView<float> g, Channels<const float> shape, BatchNormView<float> p,
                                float* dx);
template <class T>
void batch_norm_frozen_backward(Cuda, MaskedView<T> g, Channels<const T> shape, BatchNormView<T> p, T* dx);

/// y = 1 / sqrt(variance + eps).
template <class T>
void inverse_deviation(Reference, Flat<const T> variance, double eps, Flat<T> y);
template <class T>
void inverse_deviation(Cuda, Flat<const T> variance, double eps, Flat<T> y);
/// running = (1 - momentum) running + momentum factor batch.
template <class T>
void update_running(Reference, Flat<const T> batch, double momentum, double factor, Flat<T> running);
template <class T>
void update_running(Cuda, Flat<const T> batch, double momentum, double factor, Flat<T> running);

}  // namespace clearcut::kernels
