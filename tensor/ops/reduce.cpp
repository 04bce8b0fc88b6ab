#include "tensor/ops/reduce.h"

#include <algorithm>
#include <cmath>

#include "tensor/ops/sum_to.h"
#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

void check_dim(const char* op, const Tensor& x, int dim) {
  check(x.defined() && dim >= -x.rank() && dim < x.rank(), op, "dim must lie in [-rank, rank) of x ",
        x.defined() ? x.shape() : Shape{}, "; got ", dim);
  check(x.dim(dim) > 0, op, "the size along dim ", dim, " must be > 0; x ", x.shape());
}

template <class T>
kernels::Lanes<T> lanes(const Tensor& x, int dim) {
  const int d = dim < 0 ? dim + x.rank() : dim;
  std::int64_t outer = 1, inner = 1;
  for (int i = 0; i < d; ++i) outer *= x.dim(i);
  for (int i = d + 1; i < x.rank(); ++i) inner *= x.dim(i);
  return {x.data<T>(), outer, x.dim(d), inner};
}

// x's shape without dimension dim, or with size 1 there.
Shape reduced(const Shape& x, int dim, bool keep) {
  std::vector<std::int64_t> sizes = x.sizes();
  const auto at = sizes.begin() + (dim < 0 ? dim + x.rank() : dim);
  if (keep)
    *at = 1;
  else
    sizes.erase(at);
  return Shape(sizes);
}

void check_columns(const Tensor& x, const kernels::Columns& columns) {
  check_rank("log_sum_exp", "x", x, 2, "[N, C]");
  check(static_cast<std::int64_t>(columns.size()) == x.dim(0), "log_sum_exp",
        "one list of columns per row is needed; got ", columns.size(), " lists for x ", x.shape());
  for (const auto& row : columns) {
    check(!row.empty(), "log_sum_exp", "a list of columns is empty; x ", x.shape());
    for (const std::int64_t c : row)
      check(c >= 0 && c < x.dim(1), "log_sum_exp", "columns must lie in [0, ", x.dim(1), "), got ", c);
  }
}

}  // namespace

Shape kept_shape(const char* op, const Shape& x, const std::vector<int>& dims) {
  std::vector<std::int64_t> sizes = x.sizes();
  std::vector<bool> seen(sizes.size(), false);
  for (const int dim : dims) {
    check(dim >= -x.rank() && dim < x.rank(), op, "dims must lie in [-rank, rank) of x ", x, "; got ", dim);
    const auto d = static_cast<std::size_t>(dim < 0 ? dim + x.rank() : dim);
    check(!seen[d], op, "dim ", dim, " comes twice; x ", x);
    seen[d] = true;
    sizes[d] = 1;
  }
  return Shape(sizes);
}

Tensor sum(const Tensor& x, const std::vector<int>& dims, bool keep) {
  check(x.defined(), "sum", "x is undefined");
  const Shape kept = kept_shape("sum", x.shape(), dims);
  const Tensor y = sum_to(x, kept);
  if (keep) return y;
  std::vector<bool> gone(static_cast<std::size_t>(x.rank()), false);
  for (const int dim : dims) gone[static_cast<std::size_t>(dim < 0 ? dim + x.rank() : dim)] = true;
  std::vector<std::int64_t> sizes;
  for (int d = 0; d < x.rank(); ++d)
    if (!gone[static_cast<std::size_t>(d)]) sizes.push_back(x.dim(d));
  return y.reshape(sizes);
}

MaxResult max(const Tensor& x, int dim, bool keep) {
  check_dim("max", x, dim);
  const Shape shape = reduced(x.shape(), dim, keep);
  MaxResult y{Tensor(shape, x.dtype(), x.device()), Tensor(shape, DType::kInt64, x.device())};
  on<Floats>("max", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::max(tag, lanes<const T>(x, dim), flat<T>(y.values), flat<std::int64_t>(y.indices));
  });
  return y;
}

Tensor max_backward(const Tensor& dy, const Tensor& indices, const Shape& shape, int dim) {
  Tensor dx = Tensor::zeros(shape, dy.dtype(), dy.device());
  on<Floats>("max_backward", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::max_backward(tag, flat<const T>(dy), flat<const std::int64_t>(indices), lanes<T>(dx, dim));
  });
  return dx;
}

Tensor log_sum_exp(const Tensor& x, int dim, bool keep) {
  check_dim("log_sum_exp", x, dim);
  Tensor y(reduced(x.shape(), dim, keep), x.dtype(), x.device());
  on<Floats>("log_sum_exp", x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::log_sum_exp(tag, lanes<const T>(x, dim), flat<T>(y)); });
  return y;
}

Tensor log_sum_exp_backward(const Tensor& dy, const Tensor& x, const Tensor& y, int dim) {
  check_same_kind("log_sum_exp_backward", dy, x);
  Tensor dx = empty_like(x);
  on<Floats>("log_sum_exp_backward", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::log_sum_exp_backward(tag, flat<const T>(dy), lanes<const T>(x, dim), flat<const T>(y),
                                  lanes<T>(dx, dim));
  });
  return dx;
}

Tensor log_sum_exp(const Tensor& x, const kernels::Columns& columns) {
  check_columns(x, columns);
  Tensor y({x.dim(0)}, x.dtype(), x.device());
  on<Floats>("log_sum_exp", x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::log_sum_exp(tag, rows<const T>(x), columns, flat<T>(y)); });
  return y;
}

Tensor log_sum_exp_backward(const Tensor& dy, const Tensor& x, const Tensor& y,
                            const kernels::Columns& columns) {
  check_same_kind("log_sum_exp_backward", dy, x);
  check_columns(x, columns);
  Tensor dx = zeros_like(x);
  on<Floats>("log_sum_exp_backward", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::log_sum_exp_backward(tag, flat<const T>(dy), rows<const T>(x), flat<const T>(y), columns,
                                  rows<T>(dx));
  });
  return dx;
}

}  // namespace clearcut::ops

namespace clearcut::kernels {

namespace {

// Calls body(lane, first): lanes in the order of the result, and the offset of their first element.
template <class T, class Body>
void for_each_lane(Lanes<T> x, const Body& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / x.size);
  parallel_for(x.outer * x.inner, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane)
      body(lane, lane / x.inner * x.size * x.inner + lane % x.inner);
  });
}

}  // namespace

template <class T>
void max(Reference, Lanes<const T> x, Flat<T> values, Flat<std::int64_t> indices) {
  for_each_lane(x, [&](std::int64_t lane, std::int64_t first) {
    std::int64_t best = 0;
    T top = x.data[first];
    for (std::int64_t c = 1; c < x.size && !std::isnan(top); ++c) {
      const T v = x.data[first + c * x.inner];
      if (v > top || std::isnan(v)) {
        top = v;
        best = c;
      }
    }
    values[lane] = top;
    indices[lane] = best;
  });
}

template <class T>
void max_backward(Reference, Flat<const T> dy, Flat<const std::int64_t> indices, Lanes<T> dx) {
  for_each_lane(dx, [&](std::int64_t lane, std::int64_t first) {
    dx.data[first + indices[lane] * dx.inner] = dy[lane];
  });
}

template <class T>
void log_sum_exp(Reference, Lanes<const T> x, Flat<T> y) {
  for_each_lane(x, [&](std::int64_t lane, std::int64_t first) {
    double top = x.data[first], sum = 0;
    for (std::int64_t c = 1; c < x.size; ++c)
      top = std::max(top, static_cast<double>(x.data[first + c * x.inner]));
    for (std::int64_t c = 0; c < x.size; ++c)
      sum += std::exp(static_cast<double>(x.data[first + c * x.inner]) - top);
    y[lane] = static_cast<T>(top + std::log(sum));
  });
}

template <class T>
void log_sum_exp_backward(Reference, Flat<const T> dy, Lanes<const T> x, Flat<const T> y, Lanes<T> dx) {
  for_each_lane(x, [&](std::int64_t lane, std::int64_t first) {
    for (std::int64_t c = 0, at = first; c < x.size; ++c, at += x.inner)
      dx.data[at] = static_cast<T>(dy[lane] * std::exp(static_cast<double>(x.data[at]) - y[lane]));
  });
}

template <class T>
void log_sum_exp(Reference, Rows<const T> x, const Columns& columns, Flat<T> y) {
  for (std::int64_t n = 0; n < x.rows; ++n) {
    const auto& chosen = columns[static_cast<std::size_t>(n)];
    double top = x[n][chosen[0]], sum = 0;
    for (const std::int64_t c : chosen) top = std::max(top, static_cast<double>(x[n][c]));
    for (const std::int64_t c : chosen) sum += std::exp(static_cast<double>(x[n][c]) - top);
    y[n] = static_cast<T>(top + std::log(sum));
  }
}

template <class T>
void log_sum_exp_backward(Reference, Flat<const T> dy, Rows<const T> x, Flat<const T> y,
                          const Columns& columns, Rows<T> dx) {
  for (std::int64_t n = 0; n < x.rows; ++n)
    for (const std::int64_t c : columns[static_cast<std::size_t>(n)])
      dx[n][c] += static_cast<T>(dy[n] * std::exp(static_cast<double>(x[n][c]) - y[n]));
}

#define INSTANTIATE(T)                                                                                       \
  template void max(Reference, Lanes<const T>, Flat<T>, Flat<std::int64_t>);                                 \
  template void max_backward(Reference, Flat<const T>, Flat<const std::int64_t>, Lanes<T>);                  \
  template void log_sum_exp(Reference, Lanes<const T>, Flat<T>);                                             \
  template void log_sum_exp_backward(Reference, Flat<const T>, Lanes<const T>, Flat<const T>, Lanes<T>);     \
  template void log_sum_exp(Reference, Rows<const T>, const Columns&, Flat<T>);                              \
  template void log_sum_exp_backward(Reference, Flat<const T>, Rows<const T>, Flat<const T>, const Columns&, \
                                     Rows<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace clearcut::kernels
