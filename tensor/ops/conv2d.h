// Two-dimensional convolution (cross-correlation, as in every deep-learning library) and its gradients.
#pragma once

#include <limits>

#include "tensor/ops/prepared.h"
#include "tensor/views.h"
#include "tensor/window.h"

namespace clearcut {

struct ConvOptions {
  Size2 stride = 1;
  Padding2 padding = 0;     // zeros around x, in pixels; the sides may differ (SAME padding)
  Size2 dilation = 1;       // distance of the taps; 1 is a plain convolution
  std::int64_t groups = 1;  // C for a depthwise convolution
};

/// What becomes of each sum before it is written: y = min(max(sum + bias + add, low), high); NaN stays NaN.
/// relu is .low = 0, relu6 .low = 0, .high = 6.
struct ConvFinish {
  Tensor add = {};  // of y's shape, or undefined for none
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

namespace ops {

/// y[n, k, p, q] = bias[k] + sum over c, r, s of w[k, c, r, s]
///                 * x[n, g C/groups + c, p stride.h + r dilation.h - top, q stride.w + s dilation.w - left]
/// with g = k / (K / groups), the group of output channel k; x is 0 outside its map.
///
/// x        [N, C, H, W], float32 or float64
/// w        [K, C / groups, R, S], as torch stores it
/// bias     [K], or an undefined tensor for none
/// finish   is done on each value before it is written: y = min(max(y + add, low), high)
/// prepared keeps what kernels make of w, for callers whose weights come again; null: nothing is kept
/// returns  [N, K, P, Q], P = (H + top + bottom - dilation.h (R - 1) - 1) / stride.h + 1, rounded down; Q
/// alike
///
/// Throws Error if channels, groups, bias or add do not fit, on a stride or dilation < 1, a negative padding,
/// or when the dilated kernel is larger than the padded map. Cost: 2 N K P Q (C / groups) R S operations.
/// Reference sums in double. Cpu (float32) picks one of the kernels in tensor/cpu/conv/candidates for the
/// shape of one picture; see tensor/cpu/conv/kernel.h. Cuda sums in the dtype, 1024 floats at a
/// time; the weight gradient's pieces are added in double.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias = {}, const ConvOptions& options = {},
              const ConvFinish& finish = {}, PreparedWeights* prepared = nullptr);
/// dx of shape x_shape, from dy [N, K, P, Q] and w: each dy is sent back through the taps that read it.
Tensor conv2d_backward_input(const Tensor& dy, const Tensor& w, const Shape& x_shape,
                             const ConvOptions& options = {}, PreparedWeights* prepared = nullptr);
/// dw of shape w_shape: dw[k, c, r, s] = sum over n, p, q of dy[n, k, p, q] * (the x that tap read).
Tensor conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Shape& w_shape,
                              const ConvOptions& options = {});
/// dbias[k] = sum over n, p, q of dy[n, k, p, q].
Tensor conv2d_backward_bias(const Tensor& dy);

/// The shape of y; the errors of conv2d.
Shape conv2d_shape(const Shape& x, const Shape& w, const ConvOptions& options);

}  // namespace ops

/// ConvFinish and the bias [K] for kernels; null pointers for none. add is laid out like y.
template <class T>
struct Finish {
  const T* bias = nullptr;
  const T* add = nullptr;
  T low = -std::numeric_limits<T>::infinity(), high = std::numeric_limits<T>::infinity();
};

namespace kernels {

/// w is viewed as N = K, C = C / groups, H = R, W = S. prepared is bound to w, or null.
template <class T>
void conv2d(Reference, Nchw<const T> x, Nchw<const T> w, const Finish<T>& finish, const ConvOptions& o,
            PreparedWeights* prepared, Nchw<T> y);
template <class T>
void conv2d_backward_input(Reference, Nchw<const T> dy, Nchw<const T> w, const ConvOptions& o,
                           PreparedWeights* prepared, Nchw<T> dx);
template <class T>
void conv2d_backward_weight(Reference, Nchw<const T> dy, Nchw<const T> x, const ConvOptions& o, Nchw<T> dw);
void conv2d(Cpu, Nchw<const float> x, Nchw<const float> w, const Finish<float>& finish, const ConvOptions& o,
            PreparedWeights* prepared, Nchw<float> y);
void conv2d_backward_input(Cpu, Nchw<const float> dy, Nchw<const float> w, const ConvOptions& o,
                           PreparedWeights* prepared, Nchw<float> dx);
void conv2d_backward_weight(Cpu, Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                            Nchw<float> dw);
template <class T>
void conv2d(Cuda, Nchw<const T> x, Nchw<const T> w, const Finish<T>& finish, const ConvOptions& o,
            PreparedWeights* prepared, Nchw<T> y);
template <class T>
void conv2d_backward_input(Cuda, Nchw<const T> dy, Nchw<const T> w, const ConvOptions& o,
                           PreparedWeights* prepared, Nchw<T> dx);
template <class T>
void conv2d_backward_weight(Cuda, Nchw<const T> dy, Nchw<const T> x, const ConvOptions& o, Nchw<T> dw);
template <class T>
void conv2d_backward_bias(Reference, Nchw<const T> dy, Flat<T> dbias);
template <class T>
void conv2d_backward_bias(Cuda, Nchw<const T> dy, Flat<T> dbias);

}  // namespace kernels
}  // namespace clearcut
