// Maximum over sliding windows.
#pragma once

#include "tensor/views.h"
#include "tensor/window.h"

namespace clearcut::ops {

struct MaxPoolOptions {
  Size2 kernel = 2;
  Size2 stride = 0;  // 0: the kernel size
  Padding2 padding = 0;
  Size2 dilation = 1;
  bool ceil_mode = false;  // round the output size up; a window that starts in the bottom or right padding
                           // is left out, as PyTorch and Paddle do
};

/// The maximum and where it stands: index = h * W + w of the first largest value in its plane.
struct MaxPooled {
  Tensor y;      // [N, C, Ho, Wo]
  Tensor index;  // int32, same shape; -1 where a window met padding only (y is -inf there)
};

/// y[n, c, i, j] = max over u, v of x[n, c, i*stride + u*dilation - top, j*stride + v*dilation - left].
///
/// x        [N, C, H, W], float32 or float64; padding counts as -infinity, NaN wins over every number
/// returns  Ho = round((H + top + bottom - dilation*(kernel-1) - 1) / stride) + 1, down or up (ceil_mode)
///
/// Throws Error if x is not of rank 4, an output side would be < 1, or a padding reaches the window size.
MaxPooled max_pool2d(const Tensor& x, const MaxPoolOptions& options);
/// dx[index] = sum of the dy whose maximum stood there. `options` are those of the forward pass: a pixel is
/// looked for in the windows that hold it only. Throws Error if dy or index are not of y's shape.
Tensor max_pool2d_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape,
                           const MaxPoolOptions& options);

/// Output size of one side of a pooling window; shared with average pooling. Throws Error if it is < 1.
std::int64_t pooled_size(const char* op, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                         std::int64_t before, std::int64_t after, std::int64_t dilation, bool ceil_mode);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// Where windows lie: geometry of max pooling with the stride filled in.
struct MaxWindows {
  Size2 kernel, stride, dilation;
  std::int64_t top, left;
};

template <class T>
void max_pool2d(Reference, Nchw<const T> x, MaxWindows win, Nchw<T> y, Nchw<std::int32_t> index);
void max_pool2d(Cpu, Nchw<const float> x, MaxWindows win, Nchw<float> y, Nchw<std::int32_t> index);
template <class T>
void max_pool2d(Cuda, Nchw<const T> x, MaxWindows win, Nchw<T> y, Nchw<std::int32_t> index);

/// Reference goes through the outputs and needs no windows; Cuda goes through the pixels.
template <class T>
void max_pool2d_backward(Reference, Nchw<const T> dy, Nchw<const std::int32_t> index, MaxWindows win,
                         Nchw<T> dx);
template <class T>
void max_pool2d_backward(Cuda, Nchw<const T> dy, Nchw<const std::int32_t> index, MaxWindows win, Nchw<T> dx);

}  // namespace clearcut::kernels
