#include "tensor/ops/resize.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Fills first and last: both low and high grow with i.
void find_readers(Taps& taps, std::int64_t inputs) {
  std::int64_t first = 0, last = 0;
  for (std::int64_t k = 0; k < inputs; ++k) {
    while (first < taps.outputs() && taps.high[at(first)] < k) ++first;
    while (last < taps.outputs() && taps.low[at(last)] <= k) ++last;
    taps.first.push_back(first);
    taps.last.push_back(std::max(first, last));
  }
}

}  // namespace

Taps bilinear_taps(std::int64_t inputs, std::int64_t outputs, bool align_corners) {
  const double n = static_cast<double>(inputs), m = static_cast<double>(outputs);
  Taps taps;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const double k = static_cast<double>(i);
    const double corner = outputs > 1 ? k * (n - 1) / (m - 1) : 0;
    const double position = align_corners ? corner : std::max(0.0, (k + 0.5) * n / m - 0.5);
    const std::int64_t low = std::min(static_cast<std::int64_t>(position), inputs - 1);
    const std::int64_t high = std::min(low + 1, inputs - 1);
    taps.low.push_back(low);
    taps.high.push_back(high);
    taps.weight.push_back(high == low ? 0 : position - static_cast<double>(low));
  }
  find_readers(taps, inputs);
  return taps;
}

Taps nearest_taps(std::int64_t inputs, std::int64_t outputs, bool align_corners) {
  Taps taps;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const std::int64_t aligned = outputs > 1 ? (2 * i * (inputs - 1) + outputs - 1) / (2 * (outputs - 1)) : 0;
    taps.low.push_back(align_corners ? aligned : i * inputs / outputs);
  }
  taps.high = taps.low;
  taps.weight.assign(taps.low.size(), 0);
  find_readers(taps, inputs);
  return taps;
}

}  // namespace clearcut::kernels

namespace clearcut::ops {

namespace {

using kernels::Taps;

void check_sides(const char* op, const Shape& x, Size2 size) {
  check(x[2] >= 1 && x[3] >= 1 && size.h >= 1 && size.w >= 1, op, "sides must be >= 1; x ", x, " to ", size);
}

Tensor backward(const char* op, const Tensor& dy, const Shape& x_shape, const Taps& rows, const Taps& cols) {
  Tensor dx(x_shape, dy.dtype(), dy.device());
  on<Floats>(op, dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::resize_backward(tag, nchw<const T>(dy), rows, cols, nchw<T>(dx));
  });
  return dx;
}

void check_backward(const char* op, const Tensor& dy, const Shape& x) {
  check_rank(op, "dy", dy, 4, "[N, C, H, W]");
  check(x.rank() == 4 && dy.dim(0) == x[0] && dy.dim(1) == x[1], op, "dy ", dy.shape(),
        " does not belong to x ", x);
  check_sides(op, x, {dy.dim(2), dy.dim(3)});
}

}  // namespace

Tensor resize_bilinear(const Tensor& x, Size2 size, bool align_corners) {
  check_rank("resize_bilinear", "x", x, 4, "[N, C, H, W]");
  check_sides("resize_bilinear", x.shape(), size);
  Tensor y({x.dim(0), x.dim(1), size.h, size.w}, x.dtype(), x.device());
  on<Floats>("resize_bilinear", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::resize_bilinear(tag, nchw<const T>(x), kernels::bilinear_taps(x.dim(2), size.h, align_corners),
                             kernels::bilinear_taps(x.dim(3), size.w, align_corners), nchw<T>(y));
  });
  return y;
}

Tensor resize_bilinear_backward(const Tensor& dy, const Shape& x, bool align_corners) {
  check_backward("resize_bilinear_backward", dy, x);
  return backward("resize_bilinear_backward", dy, x, kernels::bilinear_taps(x[2], dy.dim(2), align_corners),
                  kernels::bilinear_taps(x[3], dy.dim(3), align_corners));
}

Tensor resize_nearest(const Tensor& x, Size2 size, bool align_corners) {
  check_rank("resize_nearest", "x", x, 4, "[N, C, H, W]");
  check_sides("resize_nearest", x.shape(), size);
  Tensor y({x.dim(0), x.dim(1), size.h, size.w}, x.dtype(), x.device());
  on<Floats>("resize_nearest", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::resize_nearest(tag, nchw<const T>(x), kernels::nearest_taps(x.dim(2), size.h, align_corners),
                            kernels::nearest_taps(x.dim(3), size.w, align_corners), nchw<T>(y));
  });
  return y;
}

Tensor resize_nearest_backward(const Tensor& dy, const Shape& x, bool align_corners) {
  check_backward("resize_nearest_backward", dy, x);
  return backward("resize_nearest_backward", dy, x, kernels::nearest_taps(x[2], dy.dim(2), align_corners),
                  kernels::nearest_taps(x[3], dy.dim(3), align_corners));
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void resize_bilinear(Reference, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y) {
  parallel_for(y.N * y.C * y.H, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* plane = x.data + r / y.H * x.H * x.W;
      const T *upper = plane + rows.low[at(r % y.H)] * x.W, *lower = plane + rows.high[at(r % y.H)] * x.W;
      const double down = rows.weight[at(r % y.H)];
      for (std::int64_t j = 0; j < y.W; ++j) {
        const std::int64_t a = cols.low[at(j)], b = cols.high[at(j)];
        const double right = cols.weight[at(j)];
        const double top = (1 - right) * upper[a] + right * upper[b];
        const double bottom = (1 - right) * lower[a] + right * lower[b];
        y.data[r * y.W + j] = static_cast<T>((1 - down) * top + down * bottom);
      }
    }
  });
}

template <class T>
void resize_nearest(Reference, Nchw<const T> x, const Taps& rows, const Taps& cols, Nchw<T> y) {
  parallel_for(y.N * y.C * y.H, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* row = x.data + (r / y.H * x.H + rows.low[at(r % y.H)]) * x.W;
      for (std::int64_t j = 0; j < y.W; ++j) y.data[r * y.W + j] = row[cols.low[at(j)]];
    }
  });
}

template <class T>
void resize_backward(Reference, Nchw<const T> dy, const Taps& rows, const Taps& cols, Nchw<T> dx) {
  parallel_for(dx.N * dx.C * dx.H, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t h = r % dx.H;
      const T* plane = dy.data + r / dx.H * dy.H * dy.W;
      for (std::int64_t w = 0; w < dx.W; ++w) {
        double sum = 0;
        for (std::int64_t i = rows.first[at(h)]; i < rows.last[at(h)]; ++i)
          for (std::int64_t j = cols.first[at(w)]; j < cols.last[at(w)]; ++j)
            sum += rows.share(i, h) * cols.share(j, w) * plane[i * dy.W + j];
        dx.data[r * dx.W + w] = static_cast<T>(sum);
      }
    }
  });
}

template void resize_bilinear(Reference, Nchw<const float>, const Taps&, const Taps&, Nchw<float>);
template void resize_bilinear(Reference, Nchw<const double>, const Taps&, const Taps&, Nchw<double>);
template void resize_nearest(Reference, Nchw<const float>, const Taps&, const Taps&, Nchw<float>);
template void resize_nearest(Reference, Nchw<const double>, const Taps&, const Taps&, Nchw<double>);
template void resize_backward(Reference, Nchw<const float>, const Taps&, const Taps&, Nchw<float>);
template void resize_backward(Reference, Nchw<const double>, const Taps&, const Taps&, Nchw<double>);

}  // namespace clearcut::kernels
