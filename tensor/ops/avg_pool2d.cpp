#include "tensor/ops/avg_pool2d.h"

#include <algorithm>

#include "tensor/ops/max_pool2d.h"
#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

using kernels::Bins;

// Fills first and last from begin and end.
Bins with_readers(Bins bins, std::int64_t inputs) {
  const std::int64_t outputs = static_cast<std::int64_t>(bins.begin.size());
  std::int64_t first = 0, last = 0;
  for (std::int64_t k = 0; k < inputs; ++k) {
    while (first < outputs && bins.end[static_cast<std::size_t>(first)] <= k) ++first;
    while (last < outputs && bins.begin[static_cast<std::size_t>(last)] <= k) ++last;
    bins.first.push_back(first);
    bins.last.push_back(std::max(first, last));
  }
  return bins;
}

struct Axis {
  std::int64_t size, kernel, stride, before, after;
};

Bins sliding(const Axis& a, const AvgPoolOptions& o) {
  const std::int64_t outputs =
      pooled_size("avg_pool2d", a.size, a.kernel, a.stride, a.before, a.after, 1, o.ceil_mode);
  Bins bins;
  for (std::int64_t i = 0; i < outputs; ++i) {
    const std::int64_t from = i * a.stride - a.before;
    const std::int64_t padded_end = std::min(from + a.kernel, a.size + a.after);
    const std::int64_t begin = std::max<std::int64_t>(from, 0), end = std::min(padded_end, a.size);
    bins.begin.push_back(begin);
    bins.end.push_back(end);
    bins.divisor.push_back(static_cast<double>(o.count_include_pad ? padded_end - from : end - begin));
  }
  return with_readers(std::move(bins), a.size);
}

Bins adaptive(std::int64_t inputs, std::int64_t outputs) {
  check(inputs >= 1 && outputs >= 1, "adaptive_avg_pool2d", "sizes must be >= 1; got ", inputs, " input and ",
        outputs, " output pixels along a side");
  Bins bins;
  for (std::int64_t i = 0; i < outputs; ++i) {
    bins.begin.push_back(i * inputs / outputs);
    bins.end.push_back(((i + 1) * inputs + outputs - 1) / outputs);
    bins.divisor.push_back(static_cast<double>(bins.end.back() - bins.begin.back()));
  }
  return with_readers(std::move(bins), inputs);
}

std::pair<Bins, Bins> sliding_bins(const Shape& x, const AvgPoolOptions& o) {
  const Size2 s{o.stride.h ? o.stride.h : o.kernel.h, o.stride.w ? o.stride.w : o.kernel.w};
  return {sliding({x[2], o.kernel.h, s.h, o.padding.top, o.padding.bottom}, o),
          sliding({x[3], o.kernel.w, s.w, o.padding.left, o.padding.right}, o)};
}

Tensor forward(const char* op, const Tensor& x, const Bins& rows, const Bins& cols) {
  Tensor y({x.dim(0), x.dim(1), static_cast<std::int64_t>(rows.begin.size()),
            static_cast<std::int64_t>(cols.begin.size())},
           x.dtype(), x.device());
  on<Floats>(op, x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::average_bins(tag, nchw<const T>(x), rows, cols, nchw<T>(y));
  });
  return y;
}

Tensor backward(const char* op, const Tensor& dy, const Shape& x_shape, const Bins& rows, const Bins& cols) {
  check(dy.rank() == 4 && dy.dim(2) == static_cast<std::int64_t>(rows.begin.size()) &&
            dy.dim(3) == static_cast<std::int64_t>(cols.begin.size()),
        op, "dy must be [", x_shape[0], ", ", x_shape[1], ", ", rows.begin.size(), ", ", cols.begin.size(),
        "]; got ", dy.shape());
  Tensor dx(x_shape, dy.dtype(), dy.device());
  on<Floats>(op, dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::average_bins_backward(tag, nchw<const T>(dy), rows, cols, nchw<T>(dx));
  });
  return dx;
}

}  // namespace

Tensor avg_pool2d(const Tensor& x, const AvgPoolOptions& o) {
  check_rank("avg_pool2d", "x", x, 4, "[N, C, H, W]");
  const auto [rows, cols] = sliding_bins(x.shape(), o);
  return forward("avg_pool2d", x, rows, cols);
}

Tensor avg_pool2d_backward(const Tensor& dy, const Shape& x_shape, const AvgPoolOptions& o) {
  const auto [rows, cols] = sliding_bins(x_shape, o);
  return backward("avg_pool2d_backward", dy, x_shape, rows, cols);
}

Tensor adaptive_avg_pool2d(const Tensor& x, Size2 size) {
  check_rank("adaptive_avg_pool2d", "x", x, 4, "[N, C, H, W]");
  return forward("adaptive_avg_pool2d", x, adaptive(x.dim(2), size.h), adaptive(x.dim(3), size.w));
}

Tensor adaptive_avg_pool2d_backward(const Tensor& dy, const Shape& x_shape) {
  check_rank("adaptive_avg_pool2d_backward", "dy", dy, 4, "[N, C, H, W]");
  return backward("adaptive_avg_pool2d_backward", dy, x_shape, adaptive(x_shape[2], dy.dim(2)),
                  adaptive(x_shape[3], dy.dim(3)));
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void average_bins(Reference, Nchw<const T> x, const Bins& rows, const Bins& cols, Nchw<T> y) {
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p)
      for (std::size_t i = 0; i < rows.begin.size(); ++i)
        for (std::size_t j = 0; j < cols.begin.size(); ++j) {
          double sum = 0;
          for (std::int64_t h = rows.begin[i]; h < rows.end[i]; ++h)
            for (std::int64_t w = cols.begin[j]; w < cols.end[j]; ++w) sum += x.data[(p * x.H + h) * x.W + w];
          y.data[(p * y.H + static_cast<std::int64_t>(i)) * y.W + static_cast<std::int64_t>(j)] =
              static_cast<T>(sum / (rows.divisor[i] * cols.divisor[j]));
        }
  });
}

template <class T>
void average_bins_backward(Reference, Nchw<const T> dy, const Bins& rows, const Bins& cols, Nchw<T> dx) {
  parallel_for(dx.N * dx.C * dx.H, 8, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t p = r / dx.H;
      const std::size_t h = static_cast<std::size_t>(r % dx.H);
      for (std::int64_t w = 0; w < dx.W; ++w) {
        double sum = 0;
        for (std::int64_t i = rows.first[h]; i < rows.last[h]; ++i)
          for (std::int64_t j = cols.first[static_cast<std::size_t>(w)];
               j < cols.last[static_cast<std::size_t>(w)]; ++j)
            sum += dy.data[(p * dy.H + i) * dy.W + j] /
                   (rows.divisor[static_cast<std::size_t>(i)] * cols.divisor[static_cast<std::size_t>(j)]);
        dx.data[r * dx.W + w] = static_cast<T>(sum);
      }
    }
  });
}

template void average_bins(Reference, Nchw<const float>, const Bins&, const Bins&, Nchw<float>);
template void average_bins(Reference, Nchw<const double>, const Bins&, const Bins&, Nchw<double>);
template void average_bins_backward(Reference, Nchw<const float>, const Bins&, const Bins&, Nchw<float>);
template void average_bins_backward(Reference, Nchw<const double>, const Bins&, const Bins&, Nchw<double>);

}  // namespace clearcut::kernels
