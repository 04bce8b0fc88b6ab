// Averages over windows: sliding, adaptive, global.
#pragma once

#include <vector>

#include "tensor/views.h"
#include "tensor/window.h"

namespace clearcut::ops {

struct AvgPoolOptions {
  Size2 kernel = 2;
  Size2 stride = 0;  // 0: the kernel size
  Padding2 padding = 0;
  bool ceil_mode = false;  // as in max_pool2d
  /// Divisor of a window that reaches over the border: true counts the padded zeros (PyTorch's default;
  /// pixels beyond the padding, which ceil_mode can meet, never count), false the pixels of x only (Paddle,
  /// ONNX).
  bool count_include_pad = true;
};

/// y[n, c, i, j] = (sum of x over the window at (i*stride - top, j*stride - left)) / divisor.
///
/// x  [N, C, H, W], float32 or float64; sizes and errors as in max_pool2d
Tensor avg_pool2d(const Tensor& x, const AvgPoolOptions& options);
Tensor avg_pool2d_backward(const Tensor& dy, const Shape& x_shape, const AvgPoolOptions& options);

/// Bin i of `size` covers rows [floor(i * H / size), ceil((i+1) * H / size)), columns alike; y is its mean.
/// Bins may overlap, and a size above H repeats rows. Throws Error if a side of x or `size` is < 1.
Tensor adaptive_avg_pool2d(const Tensor& x, Size2 size);
Tensor adaptive_avg_pool2d_backward(const Tensor& dy, const Shape& x_shape);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// Output i of one axis averages inputs [begin[i], end[i]) with divisor[i]. begin and end grow with i, so
/// the outputs that read input k are the run [first[k], last[k]).
struct Bins {
  std::vector<std::int64_t> begin, end, first, last;
  std::vector<double> divisor;
};

/// y[i, j] = sum over rows.begin[i] <= h < rows.end[i], cols alike, of x[h, w], over both divisors.
template <class T>
void average_bins(Reference, Nchw<const T> x, const Bins& rows, const Bins& cols, Nchw<T> y);
void average_bins(Cpu, Nchw<const float> x, const Bins& rows, const Bins& cols, Nchw<float> y);
template <class T>
void average_bins(Cuda, Nchw<const T> x, const Bins& rows, const Bins& cols, Nchw<T> y);

/// dx[h, w] = sum over the outputs (i, j) that read (h, w) of dy[i, j] over both divisors.
template <class T>
void average_bins_backward(Reference, Nchw<const T> dy, const Bins& rows, const Bins& cols, Nchw<T> dx);
void average_bins_backward(Cpu, Nchw<const float> dy, const Bins& rows, const Bins& cols, Nchw<float> dx);
template <class T>
void average_bins_backward(Cuda, Nchw<const T> dy, const Bins& rows, const Bins& cols, Nchw<T> dx);

}  // namespace clearcut::kernels
