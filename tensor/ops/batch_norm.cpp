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
  on<Floats>("batch_norm", variance.device(), variance.dtype(), [&]<class T>(auto) {
    const T* v = variance.data<const T>();
    T* r = result.data<T>();
    for (std::int64_t c = 0; c < variance.numel(); ++c)
      r[c] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(v[c]) + eps));
  });
  return result;
}

template <class T>
kernels::BatchNormView<T> constants(const ChannelStatistics& s, const Tensor& weight, const Tensor* bias) {
  return {s.mean.data<const T>(), s.inverse_deviation.data<const T>(), weight.data<const T>(),
          bias ? bias->data<const T>() : nullptr};
}

}  // namespace

ChannelStatistics channel_statistics(const Tensor& x, double eps) {
  check_channels("batch_norm", x);
  const std::int64_t values = x.dim(1) == 0 ? 0 : x.numel() / x.dim(1);
  check(values >= 2, "batch_norm", "training needs at least 2 values per channel to have a variance; x ",
        x.shape(), " has ", values,
        "; use a larger batch or picture, or freeze the batch norm (running statistics)");
  ChannelStatistics s;
  s.mean = Tensor({x.dim(1)}, x.dtype(), x.device());
  s.variance = empty_like(s.mean);
  on<Floats>("batch_norm", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::channel_moments(tag, channels<const T>(x), flat<T>(s.mean), flat<T>(s.variance));
  });
  s.inverse_deviation = inverse_deviation(s.variance, eps);
  return s;
}

ChannelStatistics fixed_statistics(const Tensor& mean, const Tensor& variance, double eps) {
  check_same_kind("batch_norm", mean, variance);
  return {mean, variance, inverse_deviation(variance, eps)};
}

Tensor batch_norm(const Tensor& x, const ChannelStatistics& s, const Tensor& weight, const Tensor& bias) {
  check_channels("batch_norm", x);
  check_per_channel("batch_norm", "mean", s.mean, x);
  check_per_channel("batch_norm", "variance", s.variance, x);
  check_per_channel("batch_norm", "weight", weight, x);
  check_per_channel("batch_norm", "bias", bias, x);
  Tensor y = empty_like(x);
  on<Floats>("batch_norm", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::batch_norm(tag, channels<const T>(x), constants<T>(s, weight, &bias), channels<T>(y));
  });
  return y;
}

BatchNormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const ChannelStatistics& s,
                                   const Tensor& weight, bool batch_statistics, bool need_dx) {
  check_same_kind("batch_norm_backward", dy, x);
  check(dy.shape() == x.shape(), "batch_norm_backward", "dy must have the shape of x ", x.shape(), "; got ",
        dy.shape());
  BatchNormGrads g{.dx = {}, .dweight = empty_like(weight), .dbias = empty_like(weight)};
  if (need_dx) g.dx = empty_like(x);
  on<Floats>("batch_norm_backward", x.device(), x.dtype(), [&]<class T>(auto tag) {
    const auto p = constants<T>(s, weight, nullptr);
    kernels::batch_norm_sums(tag, channels<const T>(dy), channels<const T>(x), p, flat<T>(g.dweight),
                             flat<T>(g.dbias));
    if (!need_dx) return;
    kernels::batch_norm_dx(tag, channels<const T>(dy), channels<const T>(x), p,
                           batch_statistics ? g.dweight.data<const T>() : nullptr,
                           batch_statistics ? g.dbias.data<const T>() : nullptr, channels<T>(g.dx));
  });
  return g;
}

void update_running(const Tensor& running_mean, const Tensor& running_variance, const ChannelStatistics& s,
                    std::int64_t values_per_channel, double momentum, bool unbiased) {
  check_same_kind("batch_norm", running_mean, s.mean);
  check_same_kind("batch_norm", running_variance, s.variance);
  const double m = static_cast<double>(values_per_channel);
  const double correction = unbiased ? m / (m - 1) : 1.0;
  on<Floats>("batch_norm", s.mean.device(), s.mean.dtype(), [&]<class T>(auto) {
    const T *mean = s.mean.data<const T>(), *variance = s.variance.data<const T>();
    T *rm = running_mean.data<T>(), *rv = running_variance.data<T>();
    for (std::int64_t c = 0; c < s.mean.numel(); ++c) {
      rm[c] = static_cast<T>((1 - momentum) * rm[c] + momentum * mean[c]);
      rv[c] = static_cast<T>((1 - momentum) * rv[c] + momentum * correction * variance[c]);
    }
  });
  running_mean.written_by("batch_norm");
  running_variance.written_by("batch_norm");
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void channel_moments(Reference, Channels<const T> x, Flat<T> mean, Flat<T> variance) {
  const double values = static_cast<double>(x.N * x.S);
  parallel_for(x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      double sum = 0, squares = 0;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = 0; i < x.S; ++i) sum += x.row(n, c)[i];
      const double m = sum / values;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = 0; i < x.S; ++i) squares += (x.row(n, c)[i] - m) * (x.row(n, c)[i] - m);
      mean[c] = static_cast<T>(m);
      variance[c] = static_cast<T>(squares / values);
    }
  });
}

template <class T>
void batch_norm(Reference, Channels<const T> x, BatchNormView<T> p, Channels<T> y) {
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      const T* from = x.data + r * x.S;
      for (std::int64_t i = 0; i < x.S; ++i)
        y.data[r * x.S + i] = (from[i] - p.mean[c]) * p.inverse_deviation[c] * p.weight[c] + p.bias[c];
    }
  });
}

template <class T>
void batch_norm_sums(Reference, Channels<const T> dy, Channels<const T> x, BatchNormView<T> p,
                     Flat<T> dweight, Flat<T> dbias) {
  parallel_for(x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      double sum = 0, product = 0;
      for (std::int64_t n = 0; n < x.N; ++n)
        for (std::int64_t i = 0; i < x.S; ++i) {
          const double xhat = (static_cast<double>(x.row(n, c)[i]) - p.mean[c]) * p.inverse_deviation[c];
          sum += dy.row(n, c)[i];
          product += dy.row(n, c)[i] * xhat;
        }
      dbias[c] = static_cast<T>(sum);
      dweight[c] = static_cast<T>(product);
    }
  });
}

template <class T>
void batch_norm_dx(Reference, Channels<const T> dy, Channels<const T> x, BatchNormView<T> p, const T* dweight,
                   const T* dbias, Channels<T> dx) {
  const double values = static_cast<double>(x.N * x.S);
  parallel_for(x.N * x.C, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t c = r % x.C;
      const double mean_dy = dbias ? dbias[c] / values : 0, mean_product = dweight ? dweight[c] / values : 0;
      const double scale = static_cast<double>(p.weight[c]) * p.inverse_deviation[c];
      for (std::int64_t i = r * x.S; i < (r + 1) * x.S; ++i) {
        const double xhat = (static_cast<double>(x.data[i]) - p.mean[c]) * p.inverse_deviation[c];
        dx.data[i] = static_cast<T>(scale * (dy.data[i] - mean_dy - xhat * mean_product));
      }
    }
  });
}

template <class T>
using In = Channels<const T>;
template void channel_moments(Reference, In<float>, Flat<float>, Flat<float>);
template void channel_moments(Reference, In<double>, Flat<double>, Flat<double>);
template void batch_norm(Reference, In<float>, BatchNormView<float>, Channels<float>);
template void batch_norm(Reference, In<double>, BatchNormView<double>, Channels<double>);
template void batch_norm_sums(Reference, In<float>, In<float>, BatchNormView<float>, Flat<float>,
                              Flat<float>);
template void batch_norm_sums(Reference, In<double>, In<double>, BatchNormView<double>, Flat<double>,
                              Flat<double>);
template void batch_norm_dx(Reference, In<float>, In<float>, BatchNormView<float>, const float*, const float*,
                            Channels<float>);
template void batch_norm_dx(Reference, In<double>, In<double>, BatchNormView<double>, const double*,
                            const double*, Channels<double>);

}  // namespace clearcut::kernels
