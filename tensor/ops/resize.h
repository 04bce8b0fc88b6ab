// Resizing of feature maps and logits.
#pragma once

#include <vector>

#include "tensor/views.h"
#include "tensor/window.h"

namespace clearcut::ops {

/// Bilinear: y[n, c, i, j] interpolates x at (row(i), column(j)), first between columns, then between rows.
///   align_corners = false:  row(i) = max(0, (i + 0.5) * H / size.h - 0.5)        half-pixel centres
///   align_corners = true:   row(i) = i * (H - 1) / (size.h - 1), 0 if size.h = 1  corners meet corners
/// Rows beyond the last one count as the last one.
///
/// x        [N, C, H, W], float32 or float64; sides >= 1
/// returns  [N, C, size.h, size.w]
///
/// It does not antialias: for shrinking pictures use data/resize.h.
Tensor resize_bilinear(const Tensor& x, Size2 size, bool align_corners);
Tensor resize_bilinear_backward(const Tensor& dy, const Shape& x_shape, bool align_corners);

/// Nearest: y[n, c, i, j] = x[n, c, row(i), column(j)].
///   align_corners = false:  row(i) = floor(i * H / size.h)                        PyTorch "nearest", Paddle
///   align_corners = true:   row(i) = floor(i * (H - 1) / (size.h - 1) + 0.5)      Paddle
/// Both in whole numbers, without rounding errors.
Tensor resize_nearest(const Tensor& x, Size2 size, bool align_corners);
Tensor resize_nearest_backward(const Tensor& dy, const Shape& x_shape, bool align_corners);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// Output i of one axis is (1 - weight[i]) * x[low[i]] + weight[i] * x[high[i]]; low grows with i. Input k is
/// read by outputs of the run [first[k], last[k]) only.
struct Taps {
  std::vector<std::int64_t> low, high, first, last;
  std::vector<double> weight;

  std::int64_t outputs() const { return static_cast<std::int64_t>(low.size()); }
  /// The share of input k in output i.
  double share(std::int64_t i, std::int64_t k) const {
    const auto at = static_cast<std::size_t>(i);
    return (low[at] == k ? 1 - weight[at] : 0) + (high[at] == k ? weight[at] : 0);
  }
};
Taps bilinear_taps(std::int64_t inputs, std::int64_t outputs, bool align_corners);
Taps nearest_taps(std::int64_t inputs, std::int64_t outputs, bool align_corners);

template <class T>
void resize_bilinear(Reference, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y);
void resize_bilinear(Cpu, Nchw<const float> x, const Taps& rows, const Taps& cols, Nchw<float> y);
template <class T>
void resize_bilinear(Cuda, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y);

template <class T>
void resize_nearest(Reference, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y);
template <class T>
void resize_nearest(Cuda, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y);

/// dx[h, w] = sum over outputs (i, j) of share(i, h) * share(j, w) * dy[i, j]; serves both kinds.
template <class T>
void resize_backward(Reference, Nchw<const T> dy, const Taps& rows, const Taps& cols, Nchw<T> dx);
void resize_backward(Cpu, Nchw<const float> dy, const Taps& rows, const Taps& cols, Nchw<float> dx);
template <class T>
void resize_backward(Cuda, Nchw<const T> dy, const Taps& rows, const Taps& cols, Nchw<T> dx);

}  // namespace clearcut::kernels
