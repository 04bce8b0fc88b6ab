#include "tensor/ops/sum_to.h"

#include <vector>

#include "tensor/parallel.h"

namespace clearcut::ops {

Tensor add_same(const Tensor& a, const Tensor& b) {
  check_same_kind("add", a, b);
  check(a.shape() == b.shape(), "add", "shapes must be equal here, got ", a.shape(), " and ", b.shape());
  Tensor y = empty_like(a);
  on<Floats>("add", a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::add_same(tag, flat<const T>(a), flat<const T>(b), flat<T>(y));
  });
  return y;
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  check(broadcast("sum_to", x.shape(), shape) == x.shape(), "sum_to", "shape ", shape,
        " does not broadcast to ", x.shape());
  std::vector<std::int64_t> strides(static_cast<std::size_t>(x.rank()), 0);
  std::int64_t stride = 1;
  for (int i = 1; i <= shape.rank(); ++i) {
    strides[static_cast<std::size_t>(x.rank() - i)] = shape[-i] == 1 ? 0 : stride;
    stride *= shape[-i];
  }
  Tensor y(shape, x.dtype(), x.device());
  on<Floats>("sum_to", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::sum_to(tag, flat<const T>(x), x.shape(), Shape(strides), flat<T>(y));
  });
  return y;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

template <class T>
void add_same(Reference, Flat<const T> a, Flat<const T> b, Flat<T> y) {
  parallel_for(y.n, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
  });
}

template <class T>
void sum_to(Reference, Flat<const T> x, const Shape& x_shape, const Shape& y_strides, Flat<T> y) {
  std::vector<double> total(static_cast<std::size_t>(y.n), 0.0);
  const std::vector<std::int64_t> sizes = x_shape.sizes(), strides = y_strides.sizes();
  std::vector<std::int64_t> index(sizes.size(), 0);
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < x.n; ++i) {
    total[static_cast<std::size_t>(at)] += x[i];
    for (std::size_t d = sizes.size(); d-- > 0;) {
      at += strides[d];
      if (++index[d] < sizes[d]) break;
      at -= strides[d] * sizes[d];
      index[d] = 0;
    }
  }
  for (std::int64_t i = 0; i < y.n; ++i) y[i] = static_cast<T>(total[static_cast<std::size_t>(i)]);
}

template void add_same(Reference, Flat<const float>, Flat<const float>, Flat<float>);
template void add_same(Reference, Flat<const double>, Flat<const double>, Flat<double>);
template void sum_to(Reference, Flat<const float>, const Shape&, const Shape&, Flat<float>);
template void sum_to(Reference, Flat<const double>, const Shape&, const Shape&, Flat<double>);

}  // namespace clearcut::kernels
