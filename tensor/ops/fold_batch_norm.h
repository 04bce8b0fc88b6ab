// A convolution and the batch norm behind it as one convolution.
#pragma once

#include "tensor/ops/batch_norm.h"

namespace clearcut::ops {

struct FoldedWeights {
  Tensor weight, bias;
};

/// Weights of the one convolution that does batch_norm(conv(x)) with fixed statistics: with
/// scale[k] = inverse_deviation[k] * weight[k], w[k, ...] * scale[k] and (b[k] - mean[k]) * scale[k] +
/// bias[k].
///
/// w  [K, ...];  b [K], or undefined for none
FoldedWeights fold_batch_norm(const Tensor& w, const Tensor& b, const ChannelStatistics& s,
                              const Tensor& weight, const Tensor& bias);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// FoldedWeights for w [K, values of each]; b is null for none.
template <class T>
void fold_batch_norm(Reference, Rows<const T> w, const T* b, BatchNormView<T> p, Rows<T> weight, T* bias);
template <class T>
void fold_batch_norm(Cuda, Rows<const T> w, const T* b, BatchNormView<T> p, Rows<T> weight, T* bias);

}  // namespace clearcut::kernels
