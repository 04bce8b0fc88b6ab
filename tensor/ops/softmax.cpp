#include "tensor/ops/softmax.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

template <class T>
kernels::Lanes<T> lanes(const Tensor& x, int dim) {
  const int d = dim < 0 ? dim + x.rank() : dim;
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < d; ++i) outer *= x.dim(i);
  for (int i = d + 1; i < x.rank(); ++i) inner *= x.dim(i);
  return {x.data<T>(), outer, x.dim(d), inner};
}

void check_dim(const char* op, const Tensor& x, int dim) {
  check(x.defined() && x.rank() >= 1 && dim >= -x.rank() && dim < x.rank(), op,
        "dim must lie in [-rank, rank) of x ", x.shape(), "; got ", dim);
  check(x.dim(dim) > 0, op, "the size along dim ", dim, " must be > 0; x ", x.shape());
}

}  // namespace

Tensor softmax(const Tensor& x, int dim) {
  check_dim("softmax", x, dim);
  Tensor y = empty_like(x);
  on<Floats>("softmax", x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::softmax(tag, lanes<const T>(x, dim), lanes<T>(y, dim)); });
  return y;
}

Tensor softmax_backward(const Tensor& dy, const Tensor& y, int dim) {
  check_same_kind("softmax_backward", dy, y);
  Tensor dx = empty_like(y);
  on<Floats>("softmax_backward", y.device(), y.dtype(), [&]<class T>(auto tag) {
    kernels::softmax_backward(tag, lanes<const T>(dy, dim), lanes<const T>(y, dim), lanes<T>(dx, dim));
  });
  return dx;
}

Tensor log_softmax(const Tensor& x, int dim) {
  check_dim("log_softmax", x, dim);
  Tensor y = empty_like(x);
  on<Floats>("log_softmax", x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::log_softmax(tag, lanes<const T>(x, dim), lanes<T>(y, dim)); });
  return y;
}

Tensor log_softmax_backward(const Tensor& dy, const Tensor& y, int dim) {
  check_same_kind("log_softmax_backward", dy, y);
  Tensor dx = empty_like(y);
  on<Floats>("log_softmax_backward", y.device(), y.dtype(), [&]<class T>(auto tag) {
    kernels::log_softmax_backward(tag, lanes<const T>(dy, dim), lanes<const T>(y, dim), lanes<T>(dx, dim));
  });
  return dx;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

namespace {

// Calls body(first) with the offset of the first element of each lane.
template <class T, class Body>
void for_each_lane(Lanes<T> x, const Body& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / x.size);
  parallel_for(x.outer * x.inner, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane)
      body(lane / x.inner * x.size * x.inner + lane % x.inner);
  });
}

// log(sum over the lane of exp(x - max)), in double; max goes to `top`.
template <class T>
double log_sum(Lanes<const T> x, std::int64_t first, double& top) {
  top = x.data[first];
  for (std::int64_t c = 1; c < x.size; ++c)
    top = std::max(top, static_cast<double>(x.data[first + c * x.inner]));
  double sum = 0;
  for (std::int64_t c = 0; c < x.size; ++c)
    sum += std::exp(static_cast<double>(x.data[first + c * x.inner]) - top);
  return std::log(sum);
}

}  // namespace

template <class T>
void log_softmax(Reference, Lanes<const T> x, Lanes<T> y) {
  for_each_lane(x, [&](std::int64_t first) {
    double top = 0;
    const double log_of_sum = log_sum(x, first, top);
    for (std::int64_t c = 0; c < x.size; ++c)
      y.data[first + c * x.inner] = static_cast<T>(x.data[first + c * x.inner] - top - log_of_sum);
  });
}

template <class T>
void softmax(Reference, Lanes<const T> x, Lanes<T> y) {
  for_each_lane(x, [&](std::int64_t first) {
    double top = 0;
    const double log_of_sum = log_sum(x, first, top);
    for (std::int64_t c = 0; c < x.size; ++c)
      y.data[first + c * x.inner] = static_cast<T>(std::exp(x.data[first + c * x.inner] - top - log_of_sum));
  });
}

template <class T>
void softmax_backward(Reference, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  for_each_lane(y, [&](std::int64_t first) {
    double dot = 0;
    for (std::int64_t c = 0, at = first; c < y.size; ++c, at += y.inner)
      dot += static_cast<double>(dy.data[at]) * y.data[at];
    for (std::int64_t c = 0, at = first; c < y.size; ++c, at += y.inner)
      dx.data[at] = static_cast<T>(y.data[at] * (dy.data[at] - dot));
  });
}

template <class T>
void log_softmax_backward(Reference, Lanes<const T> dy, Lanes<const T> y, Lanes<T> dx) {
  for_each_lane(y, [&](std::int64_t first) {
    double sum = 0;
    for (std::int64_t c = 0, at = first; c < y.size; ++c, at += y.inner) sum += dy.data[at];
    for (std::int64_t c = 0, at = first; c < y.size; ++c, at += y.inner)
      dx.data[at] = static_cast<T>(dy.data[at] - std::exp(static_cast<double>(y.data[at])) * sum);
  });
}

template void softmax(Reference, Lanes<const float>, Lanes<float>);
template void softmax(Reference, Lanes<const double>, Lanes<double>);
template void softmax_backward(Reference, Lanes<const float>, Lanes<const float>, Lanes<float>);
template void softmax_backward(Reference, Lanes<const double>, Lanes<const double>, Lanes<double>);
template void log_softmax(Reference, Lanes<const float>, Lanes<float>);
template void log_softmax(Reference, Lanes<const double>, Lanes<double>);
template void log_softmax_backward(Reference, Lanes<const float>, Lanes<const float>, Lanes<float>);
template void log_softmax_backward(Reference, Lanes<const double>, Lanes<const double>, Lanes<double>);

}  // namespace clearcut::kernels
