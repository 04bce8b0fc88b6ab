#include "tensor/ops/elementwise.h"

#include "tensor/parallel.h"

namespace clearcut::kernels {

namespace {
constexpr std::int64_t kGrain = 1 << 15;  // elements per chunk
}

template <class Op, class T>
void pointwise(Reference, const Op& op, Flat<const T> x, Flat<T> y) {
  parallel_for(y.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = op.f(x[i]);
  });
}

template <class Op, class T>
void pointwise_backward(Reference, const Op& op, Flat<const T> dy, Flat<const T> kept, Flat<T> dx) {
  parallel_for(dx.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) dx[i] = op.dx(dy[i], kept[i]);
  });
}

}  // namespace clearcut::kernels

namespace clearcut::ops {

template <class Op>
Tensor pointwise(const Op& op, const Tensor& x) {
  check(x.defined(), Op::kName, "x is undefined");
  Tensor y = empty_like(x);
  on<Floats>(Op::kName, x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::pointwise(tag, op, flat<const T>(x), flat<T>(y)); });
  return y;
}

template <class Op>
void pointwise_in_place(const Op& op, const Tensor& x) {
  on<Floats>(Op::kName, x.device(), x.dtype(),
             [&]<class T>(auto tag) { kernels::pointwise(tag, op, flat<const T>(x), flat<T>(x)); });
  x.written_by(Op::kName);
}

namespace {

template <class Op>
void backward_into(const Op& op, const Tensor& dy, const Tensor& kept, const Tensor& dx) {
  check_same_kind(Op::kName, dy, kept);
  check(dy.shape() == kept.shape(), Op::kName, "dy must have the shape of the value kept, ", kept.shape(),
        "; got ", dy.shape());
  on<Floats>(Op::kName, dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::pointwise_backward(tag, op, flat<const T>(dy), flat<const T>(kept), flat<T>(dx));
  });
}

}  // namespace

template <class Op>
Tensor pointwise_backward(const Op& op, const Tensor& dy, const Tensor& kept) {
  const Tensor dx = empty_like(dy);
  backward_into(op, dy, kept, dx);
  return dx;
}

template <class Op>
void pointwise_backward_in_place(const Op& op, const Tensor& dy, const Tensor& kept) {
  backward_into(op, dy, kept, dy);
  dy.written_by(Op::kName);
}

#define OP(name, ...)                                                                                    \
  template Tensor pointwise(const clearcut::pointwise::name& op, const Tensor&);                         \
  template void pointwise_in_place(const clearcut::pointwise::name& op, const Tensor&);                  \
  template Tensor pointwise_backward(const clearcut::pointwise::name& op, const Tensor&, const Tensor&); \
  template void pointwise_backward_in_place(const clearcut::pointwise::name& op, const Tensor&,          \
                                            const Tensor&);
#define OP1(name, ...) OP(name)
#define OP2(name, ...) OP(name)
#include "tensor/elementwise.def"

}  // namespace clearcut::ops
