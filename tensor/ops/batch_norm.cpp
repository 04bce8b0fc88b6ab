#include "tensor/ops/batch_norm.h"

#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

template <class T>
kernels::Channels<T> channels(const Tensor& x) {
  const std::int64_t n = x.dim(0), c = x.dim(1);
  return {x.data<T>(), n, c, n * c == 0 ? 0 : x.numel() / (n * c)};
}

void check_channels(const char* op, const Tensor& x) {
  check(x.defined() && x.rank() >= 2, op, "x must be [N, C, ...]; got ", x.defined() ? x.shape() : Shape{});
}

void check_per_channel(const char* op, const char* name, const Tensor& t, const Tensor& x) {
  check(t.defined() && t.rank() == 1 && t.dim(0) == x.dim(1), op, name, " must be [", x.dim(1),
        "], one value per channel of x ", x.shape(), "; got ", t.defined() ? t.shape() : Shape{});
  check_same_kind(op, x, t);
}

// 1 / sqrt(variance + eps)
Tensor inverse_deviation(const Tensor& variance, double eps) {
  Tensor result = empty_like(variance);
  on<Floats>("batch_norm", variance.device(), variance.dtype(), [&]<class T>(auto tag) {
    kernels::inverse_deviation(tag, flat<const T>(variance), eps, flat<T>(result));
  });
  return result;
}

template <class T>
kernels::BatchNormView<T> constants(const ChannelStatistics& s, const Tensor& weight, const Tensor& bias) {
  return {s.mean.data<const T>(), s.inverse_deviation.data<const T>(), weight.data<const T>(),
          bias.defined() ? bias.data<const T>() : nullptr};
}

template <class T>
kernels::TailView<T> view(const BatchNormTail& tail) {
  return {tail.residual.defined() ? tail.residual.data<const T>() : nullptr, static_cast<T>(tail.low),
          static_cast<T>(tail.high)};
}

void check_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const BatchNormTail& tail) {
  check_channels("batch_norm", x);
  check_per_channel("batch_norm", "weight", weight, x);
  check_per_channel("batch_norm", "bias", bias, x);
  if (!tail.residual.defined()) return;
  check_same_kind("batch_norm", x, tail.residual);
  check(tail.residual.shape() == x.shape(), "batch_norm", "the residual must have the shape of x ", x.shape(),
        "; got ", tail.residual.shape());
}

// Room for dx and dresidual: the first one wanted takes the storage of a dy that nobody else holds.
void make_room(const Tensor& dy, const BatchNormBackward& how, BatchNormGrads& g) {
  const bool take = dy.unique();
  if (how.need_residual) g.dresidual = take ? dy : empty_like(dy);
  if (how.need_dx) g.dx = take && !how.need_residual ? dy : empty_like(dy);
}

template <class T>
kernels::MaskedView<T> masked(const Tensor& dy, const BatchNormBackward& how, const BatchNormGrads& g) {
  return {.dy = dy.data<const T>(),
          .y = how.y.defined() ? how.y.data<const T>() : nullptr,
          .masked = g.dresidual.defined() ? g.dresidual.data<T>() : nullptr,
          .low = static_cast<T>(how.low),
          .high = static_cast<T>(how.high),
          .clamps = how.clamps()};
}

}  // namespace

BatchNormTrained batch_norm_training(const Tensor& x, double eps, const Tensor& weight, const Tensor& bias,
                                     const BatchNormTail& tail, bool in_place) {
  check_forward(x, weight, bias, tail);
  const std::int64_t values = x.dim(1) == 0 ? 0 : x.numel() / x.dim(1);
  check(values >= 2, "batch_norm", "training needs at least 2 values per channel to have a variance; x ",
        x.shape(), " has ", values,
        "; use a larger batch or picture, or freeze the batch norm (running statistics)");
  const Tensor y = in_place ? x : empty_like(x);
  const ChannelStatistics s{empty_like(weight), empty_like(weight), empty_like(weight)};
  on<Floats>("batch_norm", x.device(), x.dtype(), [&]<class T>(auto tag) {
    const kernels::MomentsView<T> moments{s.mean.data<T>(), s.variance.data<T>(),
                                          s.inverse_deviation.data<T>()};
    kernels::batch_norm_training(tag, channels<const T>(x), eps, moments, constants<T>(s, weight, bias),
                                 view<T>(tail), y.data<T>());
  });
  return {y, s};
}

ChannelStatistics fixed_statistics(const Tensor& mean, const Tensor& variance, double eps) {
  check_same_kind("batch_norm", mean, variance);
  return {mean, variance, inverse_deviation(variance, eps)};
}

Tensor batch_norm(const Tensor& x, const ChannelStatistics& s, const Tensor& weight, const Tensor& bias,
                  const BatchNormTail& tail, bool in_place) {
  check_channels("batch_norm", x);
  check_per_channel("batch_norm", "mean", s.mean, x);
  check_per_channel("batch_norm", "variance", s.variance, x);
  check_forward(x, weight, bias, tail);
  const Tensor y = in_place ? x : empty_like(x);
  on<Floats>("batch_norm", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::batch_norm(tag, channels<const T>(x), constants<T>(s, weight, bias), view<T>(tail), y.data<T>());
  });
  return y;
}

BatchNormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const ChannelStatistics& s,
                                   const Tensor& weight, const BatchNormBackward& how) {
  check_same_kind("batch_norm_backward", dy, x);
  check(dy.shape() == x.shape(), "batch_norm_backward", "dy must have the shape of x ", x.shape(), "; got ",
        dy.shape());
  check(!how.clamps() || how.y.defined() || how.bias.defined(), "batch_norm_backward",
        "where y was clamped can be told from y or from x and the bias; neither y nor the bias was given");
  BatchNormGrads g{.dx = {}, .dweight = empty_like(weight), .dbias = empty_like(weight), .dresidual = {}};
  make_room(dy, how, g);
  on<Floats>("batch_norm_backward", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::batch_norm_backward(tag, masked<T>(dy, how, g), channels<const T>(x),
                                 constants<T>(s, weight, how.bias), how.batch_statistics, flat<T>(g.dweight),
                                 flat<T>(g.dbias), how.need_dx ? g.dx.data<T>() : nullptr);
  });
  return g;
}

Tensor batch_norm_sums(const Tensor& x) {
  check_channels("batch_norm", x);
  const Tensor sums({2, x.dim(1)}, DType::kFloat64, x.device());
  on<Floats>("batch_norm", x.device(), x.dtype(), [&]<class T>(auto tag) {
    double* const to = sums.data<double>();
    kernels::batch_norm_sums(tag, channels<const T>(x), to, to + x.dim(1));
  });
  return sums;
}

ChannelStatistics statistics_of(const Tensor& sums, std::int64_t values, double eps, DType dtype) {
  const std::int64_t C = sums.dim(1);
  const auto one = [&] { return Tensor({C}, dtype, sums.device()); };
  const ChannelStatistics s{one(), one(), one()};
  on<Floats>("batch_norm", sums.device(), dtype, [&]<class T>(auto tag) {
    kernels::statistics_of(
        tag, Rows<const double>{sums.data<const double>(), 2, C}, static_cast<double>(values), eps,
        kernels::MomentsView<T>{s.mean.data<T>(), s.variance.data<T>(), s.inverse_deviation.data<T>()});
  });
  return s;
}

Tensor batch_norm_dx(const Tensor& dy, const Tensor& x, const ChannelStatistics& s, const Tensor& weight,
                     const BatchNormBackward& how, const BatchNormGrads& sums, std::int64_t values) {
  check_same_kind("batch_norm_backward", dy, x);
  BatchNormGrads g;
  make_room(dy, {.need_dx = true, .need_residual = false}, g);
  on<Floats>("batch_norm_backward", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::batch_norm_dx(tag, masked<T>(dy, how, g), channels<const T>(x),
                           constants<T>(s, weight, how.bias), static_cast<double>(values),
                           flat<const T>(sums.dweight), flat<const T>(sums.dbias), g.dx.data<T>());
  });
  return g.dx;
}

BatchNormGrads batch_norm_frozen_backward(const Tensor& dy, const ChannelStatistics& s, const Tensor& weight,
                                          const BatchNormBackward& how) {
  check(!how.clamps() || how.y.defined(), "batch_norm_backward",
        "where y was clamped is told by y: undefined");
  BatchNormGrads g;
  make_room(dy, how, g);
  on<Floats>("batch_norm_backward", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::batch_norm_frozen_backward(tag, masked<T>(dy, how, g), channels<const T>(dy),
                                        constants<T>(s, weight, {}), how.need_dx ? g.dx.data<T>() : nullptr);
  });
  return g;
}

void update_running(const Tensor& running_mean, const Tensor& running_variance, const ChannelStatistics& s,
                    std::int64_t values_per_channel, double momentum, bool unbiased) {
  check_same_kind("batch_norm", running_mean, s.mean);
  check_same_kind("batch_norm", running_variance, s.variance);
  const double m = static_cast<double>(values_per_channel);
  const double correction = unbiased ? m / (m - 1) : 1.0;
  on<Floats>("batch_norm", s.mean.device(), s.mean.dtype(), [&]<class T>(auto tag) {
    kernels::update_running(tag, flat<const T>(s.mean), momentum, 1, flat<T>(running_mean));
    kernels::update_running(tag, flat<const T>(s.variance), momentum, correction, flat<T>(running_variance));
  });
  running_mean.written_by("batch_norm");
  running_variance.written_by("batch_norm");
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

namespace {

template <class T>
T clamp(T v, T low, T high) {
  return v < low ? low : v > high ? high : v;
}

template <class T>
void channel_moments(Channels<const T> x, double eps, MomentsView<T> m) {
  const double values = static_cast<double>(x.N * x.S);
  parallel_for(x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      double sum = 0, squares = 0;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = 0; i < x.S; ++i) sum += x.row(n, c)[i];
      const double mean = sum / values;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = 0; i < x.S; ++i) squares += (x.row(n, c)[i] - mean) * (x.row(n, c)[i] - mean);
      m.mean[c] = static_cast<T>(mean);
      m.variance[c] = static_cast<T>(squares / values);
      m.inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(m.variance[c]) + eps));
    }
  });
}

// Writes g = dy where low < y < high, else 0.
template <class T>
void mask(MaskedView<T> g, Channels<const T> x, BatchNormView<T> p, T* to) {
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      for (std::int64_t i = r * x.S; i < (r + 1) * x.S; ++i) {
        T y = 0;
        if (g.clamps)
          y = g.y ? g.y[i] : (x.data[i] - p.mean[c]) * p.inverse_deviation[c] * p.weight[c] + p.bias[c];
        to[i] = g.clamps && (y <= g.low || y >= g.high) ? T(0) : g.dy[i];
      }
    }
  });
}

template <class T>
void channel_sums(const T* g, Channels<const T> x, BatchNormView<T> p, Flat<T> dweight, Flat<T> dbias) {
  parallel_for(x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      double sum = 0, product = 0;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = (n * x.C + c) * x.S; i < (n * x.C + c + 1) * x.S; ++i) {
          const double xhat = (static_cast<double>(x.data[i]) - p.mean[c]) * p.inverse_deviation[c];
          sum += g[i];
          product += g[i] * xhat;
        }
      dbias[c] = static_cast<T>(sum);
      dweight[c] = static_cast<T>(product);
    }
  });
}

// dx = scale * (g - mean of g - xhat * mean of g xhat) over M values; without batch statistics scale * g.
template <class T>
void input_gradient(const T* g, Channels<const T> x, BatchNormView<T> p, bool batch_statistics, double M,
                    Flat<const T> dweight, Flat<const T> dbias, T* dx) {
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      const double mean_g = batch_statistics ? dbias[c] / M : 0;
      const double mean_product = batch_statistics ? dweight[c] / M : 0;
      const double scale = static_cast<double>(p.weight[c]) * p.inverse_deviation[c];
      for (std::int64_t i = r * x.S; i < (r + 1) * x.S; ++i) {
        const double xhat = (static_cast<double>(x.data[i]) - p.mean[c]) * p.inverse_deviation[c];
        dx[i] = static_cast<T>(scale * (g[i] - mean_g - xhat * mean_product));
      }
    }
  });
}

}  // namespace

template <class T>
void batch_norm(Reference, Channels<const T> x, BatchNormView<T> p, TailView<T> tail, T* y) {
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      for (std::int64_t i = r * x.S; i < (r + 1) * x.S; ++i) {
        const T v = (x.data[i] - p.mean[c]) * p.inverse_deviation[c] * p.weight[c] + p.bias[c];
        y[i] = clamp(tail.residual ? v + tail.residual[i] : v, tail.low, tail.high);
      }
    }
  });
}

template <class T>
void batch_norm_training(Reference on, Channels<const T> x, double eps, MomentsView<T> m, BatchNormView<T> p,
                         TailView<T> tail, T* y) {
  channel_moments(x, eps, m);
  batch_norm(on, x, p, tail, y);
}

template <class T>
void batch_norm_backward(Reference, MaskedView<T> dy, Channels<const T> x, BatchNormView<T> p,
                         bool batch_statistics, Flat<T> dweight, Flat<T> dbias, T* dx) {
  const std::int64_t count = x.N * x.C * x.S;
  const Scratch<T> scratch(dy.masked ? 0 : count);
  T* g = dy.masked ? dy.masked : scratch.data();
  mask(dy, x, p, g);
  channel_sums(g, x, p, dweight, dbias);
  if (dx != nullptr)
    input_gradient<T>(g, x, p, batch_statistics, static_cast<double>(x.N * x.S), {dweight.data, dweight.n},
                      {dbias.data, dbias.n}, dx);
}

template <class T>
void batch_norm_sums(Reference, Channels<const T> x, double* sums, double* squares) {
  parallel_for(x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      sums[c] = squares[c] = 0;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = 0; i < x.S; ++i) {
          const double v = x.row(n, c)[i];
          sums[c] += v;
          squares[c] += v * v;
        }
    }
  });
}

template <class T>
void statistics_of(Reference, Rows<const double> sums, double M, double eps, MomentsView<T> m) {
  for (std::int64_t c = 0; c < sums.cols; ++c) {
    const double mean = sums[0][c] / M;
    m.mean[c] = static_cast<T>(mean);
    m.variance[c] = static_cast<T>(std::max(0.0, sums[1][c] / M - mean * mean));
    m.inverse_deviation[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(m.variance[c]) + eps));
  }
}

template <class T>
void batch_norm_dx(Reference, MaskedView<T> dy, Channels<const T> x, BatchNormView<T> p, double M,
                   Flat<const T> dweight, Flat<const T> dbias, T* dx) {
  mask(dy, x, p, dx);
  input_gradient<T>(dx, x, p, true, M, dweight, dbias, dx);
}

template <class T>
void batch_norm_frozen_backward(Reference, MaskedView<T> dy, Channels<const T> shape, BatchNormView<T> p,
                                T* dx) {
  T* g = dy.masked ? dy.masked : dx;
  if (g == nullptr) return;
  mask(dy, shape, p, g);
  if (dx == nullptr) return;
  parallel_for(shape.N * shape.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T scale = p.weight[r % shape.C] * p.inverse_deviation[r % shape.C];
      for (std::int64_t i = r * shape.S; i < (r + 1) * shape.S; ++i) dx[i] = scale * g[i];
    }
  });
}

template <class T>
void inverse_deviation(Reference, Flat<const T> variance, double eps, Flat<T> y) {
  for (std::int64_t c = 0; c < y.n; ++c)
    y[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[c]) + eps));
}

template <class T>
void update_running(Reference, Flat<const T> batch, double momentum, double factor, Flat<T> running) {
  for (std::int64_t c = 0; c < running.n; ++c)
    running[c] = static_cast<T>((1 - momentum) * running[c] + momentum * factor * batch[c]);
}

#define INSTANTIATE(T)                                                                                      \
  template void batch_norm(Reference, Channels<const T>, BatchNormView<T>, TailView<T>, T*);                \
  template void batch_norm_training(Reference, Channels<const T>, double, MomentsView<T>, BatchNormView<T>, \
                                    TailView<T>, T*);                                                       \
  template void batch_norm_backward(Reference, MaskedView<T>, Channels<const T>, BatchNormView<T>, bool,    \
                                    Flat<T>, Flat<T>, T*);                                                  \
  template void batch_norm_sums(Reference, Channels<const T>, double*, double*);                            \
  template void statistics_of(Reference, Rows<const double>, double, double, MomentsView<T>);               \
  template void batch_norm_dx(Reference, MaskedView<T>, Channels<const T>, BatchNormView<T>, double,        \
                              Flat<const T>, Flat<const T>, T*);                                            \
  template void batch_norm_frozen_backward(Reference, MaskedView<T>, Channels<const T>, BatchNormView<T>,   \
                                           T*);                                                             \
  template void inverse_deviation(Reference, Flat<const T>, double, Flat<T>);                               \
  template void update_running(Reference, Flat<const T>, double, double, Flat<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
