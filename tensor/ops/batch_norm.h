// Batch normalisation over all dimensions but the channel.
// Source: Ioffe and Szegedy, "Batch normalization", arXiv:1502.03167.
#pragma once

#include "tensor/views.h"

namespace clearcut::ops {

/// Mean, biased variance and 1 / sqrt(variance + eps) of each channel, all [C].
struct ChannelStatistics {
  Tensor mean, variance, inverse_deviation;
};

/// Over M = N * (product of the sizes behind C) values per channel c:
///   mean[c] = (1/M) sum of x[:, c],   variance[c] = (1/M) sum of (x[:, c] - mean[c])^2
///
/// x  [N, C] or [N, C, ...], float32 or float64
///
/// Throws Error if rank < 2 or M < 2: one value per channel has no variance to divide by.
/// Cost: two passes over x; sums run in double.
ChannelStatistics channel_statistics(const Tensor& x, double eps);

/// The same triple from running statistics [C] that were gathered in training.
ChannelStatistics fixed_statistics(const Tensor& mean, const Tensor& variance, double eps);

/// y[n, c, ...] = (x[n, c, ...] - mean[c]) * inverse_deviation[c] * weight[c] + bias[c].
/// weight and bias [C], dtype and device of x. Throws Error on other shapes.
Tensor batch_norm(const Tensor& x, const ChannelStatistics& s, const Tensor& weight, const Tensor& bias);

struct BatchNormGrads {
  Tensor dx, dweight, dbias;
};

/// With xhat = (x - mean) * inverse_deviation and sums over the M values of a channel:
///   dbias = sum of dy,   dweight = sum of dy * xhat
///   batch statistics:  dx = weight * inverse_deviation * (dy - dbias / M - xhat * dweight / M)
///   fixed statistics:  dx = weight * inverse_deviation * dy
/// dx is undefined unless need_dx.
BatchNormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const ChannelStatistics& s,
                                   const Tensor& weight, bool batch_statistics, bool need_dx = true);

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
  T* row(std::int64_t n, std::int64_t c) const { return data + (n * C + c) * S; }
};

/// Per-channel constants, each [C].
template <class T>
struct BatchNormView {
  const T *mean, *inverse_deviation, *weight, *bias;  // bias is null in backward
};

template <class T>
void channel_moments(Reference, Channels<const T> x, Flat<T> mean, Flat<T> variance);
void channel_moments(Cpu, Channels<const float> x, Flat<float> mean, Flat<float> variance);

template <class T>
void batch_norm(Reference, Channels<const T> x, BatchNormView<T> p, Channels<T> y);
void batch_norm(Cpu, Channels<const float> x, BatchNormView<float> p, Channels<float> y);

template <class T>
void batch_norm_sums(Reference, Channels<const T> dy, Channels<const T> x, BatchNormView<T> p,
                     Flat<T> dweight, Flat<T> dbias);
void batch_norm_sums(Cpu, Channels<const float> dy, Channels<const float> x, BatchNormView<float> p,
                     Flat<float> dweight, Flat<float> dbias);

/// dweight and dbias are null for fixed statistics.
template <class T>
void batch_norm_dx(Reference, Channels<const T> dy, Channels<const T> x, BatchNormView<T> p, const T* dweight,
                   const T* dbias, Channels<T> dx);
void batch_norm_dx(Cpu, Channels<const float> dy, Channels<const float> x, BatchNormView<float> p,
                   const float* dweight, const float* dbias, Channels<float> dx);

}  // namespace clearcut::kernels
