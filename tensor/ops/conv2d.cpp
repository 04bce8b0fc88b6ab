#include "tensor/ops/conv2d.h"

#include <algorithm>

#include "tensor/parallel.h"
#include "tensor/work.h"

namespace clearcut {
namespace ops {

namespace {

// Pixels of y along one axis; checks that the dilated kernel fits.
std::int64_t out_size(const char* axis, std::int64_t size, std::int64_t padding, std::int64_t kernel,
                      std::int64_t stride, std::int64_t dilation) {
  const std::int64_t reach = dilation * (kernel - 1) + 1;
  check(size > 0 && kernel > 0 && reach <= size + padding, "conv2d", "the kernel covers ", reach,
        " pixels of ", axis, " (", kernel, " taps, dilation ", dilation, ") and must fit the map of ", size,
        " + ", padding, " padding; pad more or use a larger picture");
  return (size + padding - reach) / stride + 1;
}

void check_options(const ConvOptions& o) {
  check(o.stride.h >= 1 && o.stride.w >= 1, "conv2d", "stride must be >= 1; got ", o.stride);
  check(o.dilation.h >= 1 && o.dilation.w >= 1, "conv2d", "dilation must be >= 1; got ", o.dilation);
  const Padding2& p = o.padding;
  check(std::min({p.top, p.left, p.bottom, p.right}) >= 0, "conv2d", "padding must be >= 0; got ", p);
  check(o.groups >= 1, "conv2d", "groups must be >= 1; got ", o.groups);
}

void check_dy(const char* op, const Tensor& dy, const Shape& x, const Shape& w, const ConvOptions& o) {
  const Shape y = conv2d_shape(x, w, o);
  check(dy.defined() && dy.shape() == y, op, "dy must be ", y, "; got ", dy.defined() ? dy.shape() : Shape());
}

// Of each direction: every element of y is a sum over the channels of its group and the taps.
std::int64_t multiply_adds(const Tensor& y, const Shape& w) { return y.numel() * w[1] * w[2] * w[3]; }

}  // namespace

Shape conv2d_shape(const Shape& x, const Shape& w, const ConvOptions& o) {
  check_options(o);
  check(x.rank() == 4, "conv2d", "x must be [N, C, H, W]; got ", x);
  check(w.rank() == 4, "conv2d", "w must be [K, C / groups, R, S]; got ", w);
  check(x[1] == w[1] * o.groups, "conv2d", "w expects ", w[1], " channels in each of ", o.groups,
        o.groups == 1 ? " group" : " groups", " = ", w[1] * o.groups, " channels; x has ", x[1], "; x ", x,
        ", w ", w);
  check(w[0] % o.groups == 0, "conv2d", "output channels must be a multiple of groups ", o.groups, "; w ", w);
  const Padding2& p = o.padding;
  return {x[0], w[0], out_size("height", x[2], p.top + p.bottom, w[2], o.stride.h, o.dilation.h),
          out_size("width", x[3], p.left + p.right, w[3], o.stride.w, o.dilation.w)};
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options,
              const ConvFinish& finish, PreparedWeights* prepared) {
  check_rank("conv2d", "x", x, 4, "[N, C, H, W]");
  check_rank("conv2d", "w", w, 4, "[K, C / groups, R, S]");
  check_same_kind("conv2d", x, w);
  Tensor y(conv2d_shape(x.shape(), w.shape(), options), x.dtype(), x.device());
  if (bias.defined()) {
    check_same_kind("conv2d", x, bias);
    check(bias.shape() == Shape{w.dim(0)}, "conv2d", "bias must be [", w.dim(0), "] for w ", w.shape(),
          "; got ", bias.shape());
  }
  if (finish.add.defined()) {
    check_same_kind("conv2d", x, finish.add);
    check(finish.add.shape() == y.shape(), "conv2d", "add must be ", y.shape(), " like y; got ",
          finish.add.shape());
  }
  count_multiply_adds(multiply_adds(y, w.shape()));
  if (DryRun::active()) return zeros_like(y);
  if (prepared) prepared->bind(w);
  on<Floats>("conv2d", x.device(), x.dtype(), [&]<class T>(auto tag) {
    const Finish<T> last{.bias = bias.defined() ? bias.data<const T>() : nullptr,
                         .add = finish.add.defined() ? finish.add.data<const T>() : nullptr,
                         .low = static_cast<T>(finish.low),
                         .high = static_cast<T>(finish.high)};
    kernels::conv2d(tag, nchw<const T>(x), nchw<const T>(w), last, options, prepared, nchw<T>(y));
  });
  return y;
}

Tensor conv2d_backward_input(const Tensor& dy, const Tensor& w, const Shape& x_shape,
                             const ConvOptions& options, PreparedWeights* prepared) {
  check_same_kind("conv2d_backward_input", dy, w);
  check_dy("conv2d_backward_input", dy, x_shape, w.shape(), options);
  count_multiply_adds(multiply_adds(dy, w.shape()));
  Tensor dx(x_shape, dy.dtype(), dy.device());
  if (prepared) prepared->bind(w);
  on<Floats>("conv2d_backward_input", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::conv2d_backward_input(tag, nchw<const T>(dy), nchw<const T>(w), options, prepared, nchw<T>(dx));
  });
  return dx;
}

Tensor conv2d_backward_weight(const Tensor& dy, const Tensor& x, const Shape& w_shape,
                              const ConvOptions& options) {
  check_same_kind("conv2d_backward_weight", dy, x);
  check_dy("conv2d_backward_weight", dy, x.shape(), w_shape, options);
  count_multiply_adds(multiply_adds(dy, w_shape));
  Tensor dw(w_shape, dy.dtype(), dy.device());
  on<Floats>("conv2d_backward_weight", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::conv2d_backward_weight(tag, nchw<const T>(dy), nchw<const T>(x), options, nchw<T>(dw));
  });
  return dw;
}

Tensor conv2d_backward_bias(const Tensor& dy) {
  check_rank("conv2d_backward_bias", "dy", dy, 4, "[N, K, P, Q]");
  Tensor dbias(Shape{dy.dim(1)}, dy.dtype(), dy.device());
  on<Floats>("conv2d_backward_bias", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::conv2d_backward_bias(tag, nchw<const T>(dy), flat<T>(dbias));
  });
  return dbias;
}

}  // namespace ops

namespace kernels {

namespace {

// Calls body(n, k) for each pair, in parallel.
template <class Body>
void for_each_plane(std::int64_t N, std::int64_t K, const Body& body) {
  parallel_for(N * K, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i / K, i % K);
  });
}

// The output pixel whose tap `r` reads input pixel h along one axis, or -1: p stride + r dilation - padding =
// h.
std::int64_t reader_of(std::int64_t h, std::int64_t r, std::int64_t stride, std::int64_t dilation,
                       std::int64_t padding, std::int64_t P) {
  const std::int64_t at = h + padding - r * dilation;
  return at >= 0 && at % stride == 0 && at / stride < P ? at / stride : -1;
}

}  // namespace

template <class T>
void conv2d(Reference, Nchw<const T> x, Nchw<const T> w, const Finish<T>& finish, const ConvOptions& o,
            PreparedWeights*, Nchw<T> y) {
  const std::int64_t K_group = y.C / o.groups;
  for_each_plane(y.N, y.C, [&](std::int64_t n, std::int64_t k) {
    const std::int64_t first_c = k / K_group * w.C;
    for (std::int64_t p = 0; p < y.H; ++p)
      for (std::int64_t q = 0; q < y.W; ++q) {
        double sum = finish.bias ? static_cast<double>(finish.bias[k]) : 0.0;
        for (std::int64_t c = 0; c < w.C; ++c)
          for (std::int64_t r = 0; r < w.H; ++r)
            for (std::int64_t s = 0; s < w.W; ++s) {
              const std::int64_t h = p * o.stride.h + r * o.dilation.h - o.padding.top;
              const std::int64_t v = q * o.stride.w + s * o.dilation.w - o.padding.left;
              if (h >= 0 && h < x.H && v >= 0 && v < x.W)
                sum += static_cast<double>(w(k, c, r, s)) * x(n, first_c + c, h, v);
            }
        if (finish.add) sum += static_cast<double>(finish.add[&y(n, k, p, q) - y.data]);
        const T value = static_cast<T>(sum);
        y(n, k, p, q) = value < finish.low ? finish.low : value > finish.high ? finish.high : value;
      }
  });
}

template <class T>
void conv2d_backward_input(Reference, Nchw<const T> dy, Nchw<const T> w, const ConvOptions& o,
                           PreparedWeights*, Nchw<T> dx) {
  const std::int64_t K_group = dy.C / o.groups;
  for_each_plane(dx.N, dx.C, [&](std::int64_t n, std::int64_t channel) {
    const std::int64_t first_k = channel / w.C * K_group, c = channel % w.C;
    for (std::int64_t h = 0; h < dx.H; ++h)
      for (std::int64_t v = 0; v < dx.W; ++v) {
        double sum = 0;
        for (std::int64_t r = 0; r < w.H; ++r)
          for (std::int64_t s = 0; s < w.W; ++s) {
            const std::int64_t p = reader_of(h, r, o.stride.h, o.dilation.h, o.padding.top, dy.H);
            const std::int64_t q = reader_of(v, s, o.stride.w, o.dilation.w, o.padding.left, dy.W);
            if (p < 0 || q < 0) continue;
            for (std::int64_t k = first_k; k < first_k + K_group; ++k)
              sum += static_cast<double>(dy(n, k, p, q)) * w(k, c, r, s);
          }
        dx(n, channel, h, v) = static_cast<T>(sum);
      }
  });
}

template <class T>
void conv2d_backward_weight(Reference, Nchw<const T> dy, Nchw<const T> x, const ConvOptions& o, Nchw<T> dw) {
  const std::int64_t K_group = dy.C / o.groups;
  for_each_plane(dw.N, dw.C, [&](std::int64_t k, std::int64_t c) {
    const std::int64_t channel = k / K_group * dw.C + c;
    for (std::int64_t r = 0; r < dw.H; ++r)
      for (std::int64_t s = 0; s < dw.W; ++s) {
        double sum = 0;
        for (std::int64_t n = 0; n < x.N; ++n)
          for (std::int64_t p = 0; p < dy.H; ++p)
            for (std::int64_t q = 0; q < dy.W; ++q) {
              const std::int64_t h = p * o.stride.h + r * o.dilation.h - o.padding.top;
              const std::int64_t v = q * o.stride.w + s * o.dilation.w - o.padding.left;
              if (h >= 0 && h < x.H && v >= 0 && v < x.W)
                sum += static_cast<double>(dy(n, k, p, q)) * x(n, channel, h, v);
            }
        dw(k, c, r, s) = static_cast<T>(sum);
      }
  });
}

template <class T>
void conv2d_backward_bias(Reference, Nchw<const T> dy, Flat<T> dbias) {
  parallel_for(dy.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) {
      double sum = 0;
      for (std::int64_t n = 0; n < dy.N; ++n)
        for (std::int64_t i = 0; i < dy.H * dy.W; ++i) sum += dy.plane(n, k)[i];
      dbias[k] = static_cast<T>(sum);
    }
  });
}

template void conv2d(Reference, Nchw<const float>, Nchw<const float>, const Finish<float>&,
                     const ConvOptions&, PreparedWeights*, Nchw<float>);
template void conv2d_backward_input(Reference, Nchw<const float>, Nchw<const float>, const ConvOptions&,
                                    PreparedWeights*, Nchw<float>);
template void conv2d_backward_weight(Reference, Nchw<const float>, Nchw<const float>, const ConvOptions&,
                                     Nchw<float>);
template void conv2d_backward_bias(Reference, Nchw<const float>, Flat<float>);
template void conv2d(Reference, Nchw<const double>, Nchw<const double>, const Finish<double>&,
                     const ConvOptions&, PreparedWeights*, Nchw<double>);
template void conv2d_backward_input(Reference, Nchw<const double>, Nchw<const double>, const ConvOptions&,
                                    PreparedWeights*, Nchw<double>);
template void conv2d_backward_weight(Reference, Nchw<const double>, Nchw<const double>, const ConvOptions&,
                                     Nchw<double>);
template void conv2d_backward_bias(Reference, Nchw<const double>, Flat<double>);

}  // namespace kernels
}  // namespace clearcut
