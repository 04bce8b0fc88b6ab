#include "tensor/ops/max_pool2d.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/parallel.h"

namespace clearcut::ops {

std::int64_t pooled_size(const char* op, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                         std::int64_t before, std::int64_t after, std::int64_t dilation, bool ceil_mode) {
  check(kernel >= 1 && stride >= 1 && dilation >= 1, op, "kernel, stride and dilation must be >= 1; got ",
        kernel, ", ", stride, ", ", dilation);
  const std::int64_t extent = dilation * (kernel - 1) + 1;
  check(before >= 0 && after >= 0 && before < extent && after < extent, op,
        "padding must lie in [0, window size ", extent, "); got ", before, " and ", after);
  const std::int64_t room = size + before + after - extent;
  check(size >= 1 && room >= 0, op, "a window of ", extent, " pixels does not fit in ", size, " + ", before,
        " + ", after, " padded pixels");
  std::int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (out - 1) * stride >= size + before) --out;
  return out;
}

namespace {

kernels::MaxWindows windows(const MaxPoolOptions& o) {
  const Size2 stride{o.stride.h ? o.stride.h : o.kernel.h, o.stride.w ? o.stride.w : o.kernel.w};
  return {o.kernel, stride, o.dilation, o.padding.top, o.padding.left};
}

Shape pooled_shape(const Shape& x, const MaxPoolOptions& o) {
  const Size2 stride = windows(o).stride;
  const Padding2& p = o.padding;
  return {x[0], x[1],
          pooled_size("max_pool2d", x[2], o.kernel.h, stride.h, p.top, p.bottom, o.dilation.h, o.ceil_mode),
          pooled_size("max_pool2d", x[3], o.kernel.w, stride.w, p.left, p.right, o.dilation.w, o.ceil_mode)};
}

}  // namespace

MaxPooled max_pool2d(const Tensor& x, const MaxPoolOptions& o) {
  check_rank("max_pool2d", "x", x, 4, "[N, C, H, W]");
  const Shape shape = pooled_shape(x.shape(), o);
  check(x.dim(2) * x.dim(3) <= std::numeric_limits<std::int32_t>::max(), "max_pool2d",
        "a plane may have 2^31 - 1 pixels; x ", x.shape());
  const MaxPooled r{.y = Tensor(shape, x.dtype(), x.device()),
                    .index = Tensor(shape, DType::kInt32, x.device())};
  on<Floats>("max_pool2d", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::max_pool2d(tag, nchw<const T>(x), windows(o), nchw<T>(r.y), nchw<std::int32_t>(r.index));
  });
  return r;
}

Tensor max_pool2d_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape,
                           const MaxPoolOptions& o) {
  const Shape shape = pooled_shape(x_shape, o);
  check(dy.shape() == shape && index.shape() == shape, "max_pool2d_backward", "dy and index must be ", shape,
        "; got ", dy.shape(), " and ", index.shape());
  Tensor dx(x_shape, dy.dtype(), dy.device());
  on<Floats>("max_pool2d_backward", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::max_pool2d_backward(tag, nchw<const T>(dy), nchw<const std::int32_t>(index), windows(o),
                                 nchw<T>(dx));
  });
  return dx;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

namespace {

// Index of the largest value of one window, -1 if all of it is padding.
template <class T>
std::int32_t largest(const T* plane, std::int64_t H, std::int64_t W, const MaxWindows& win, std::int64_t i,
                     std::int64_t j) {
  std::int64_t best = -1;
  for (std::int64_t u = 0; u < win.kernel.h; ++u)
    for (std::int64_t v = 0; v < win.kernel.w; ++v) {
      const std::int64_t h = i * win.stride.h + u * win.dilation.h - win.top;
      const std::int64_t w = j * win.stride.w + v * win.dilation.w - win.left;
      if (h < 0 || h >= H || w < 0 || w >= W) continue;
      const T value = plane[h * W + w];
      if (best < 0 || value > plane[best] || (std::isnan(value) && !std::isnan(plane[best])))
        best = h * W + w;
    }
  return static_cast<std::int32_t>(best);
}

}  // namespace

template <class T>
void max_pool2d(Reference, Nchw<const T> x, MaxWindows win, Nchw<T> y, Nchw<std::int32_t> index) {
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const T* plane = x.data + p * x.H * x.W;
      std::int64_t at = p * y.H * y.W;
      for (std::int64_t i = 0; i < y.H; ++i)
        for (std::int64_t j = 0; j < y.W; ++j, ++at) {
          index.data[at] = largest(plane, x.H, x.W, win, i, j);
          y.data[at] = index.data[at] < 0 ? -std::numeric_limits<T>::infinity() : plane[index.data[at]];
        }
    }
  });
}

template <class T>
void max_pool2d_backward(Reference, Nchw<const T> dy, Nchw<const std::int32_t> index, MaxWindows,
                         Nchw<T> dx) {
  const std::int64_t outputs = dy.H * dy.W, inputs = dx.H * dx.W;
  parallel_for(dx.N * dx.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      std::fill(dx.data + p * inputs, dx.data + (p + 1) * inputs, T(0));
      for (std::int64_t at = p * outputs; at < (p + 1) * outputs; ++at)
        if (index.data[at] >= 0) dx.data[p * inputs + index.data[at]] += dy.data[at];
    }
  });
}

template void max_pool2d(Reference, Nchw<const float>, MaxWindows, Nchw<float>, Nchw<std::int32_t>);
template void max_pool2d(Reference, Nchw<const double>, MaxWindows, Nchw<double>, Nchw<std::int32_t>);
template void max_pool2d_backward(Reference, Nchw<const float>, Nchw<const std::int32_t>, MaxWindows,
                                  Nchw<float>);
template void max_pool2d_backward(Reference, Nchw<const double>, Nchw<const std::int32_t>, MaxWindows,
                                  Nchw<double>);

}  // namespace clearcut::kernels
