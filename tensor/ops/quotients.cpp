#include "tensor/ops/quotients.h"

#include "tensor/parallel.h"

namespace clearcut {

namespace ops {

namespace {

void check_alike(const char* op, const Tensor& a, const Tensor& b) {
  check_same_kind(op, a, b);
  check(a.shape() == b.shape(), op, "all must have one shape; got ", a.shape(), " and ", b.shape());
}

}  // namespace

Tensor stable_quotient(const Tensor& a, const Tensor& b, double epsilon) {
  check_alike("stable_quotient", a, b);
  const Tensor y = empty_like(a);
  on<Floats>("stable_quotient", a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::stable_quotient(tag, flat<const T>(a), flat<const T>(b), epsilon, flat<T>(y));
  });
  return y;
}

Tensor quotient_or(const Tensor& a, const Tensor& b, const Tensor& otherwise, double limit) {
  check_alike("quotient_or", a, b);
  check_alike("quotient_or", a, otherwise);
  const Tensor y = empty_like(a);
  on<Floats>("quotient_or", a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::quotient_or(tag, flat<const T>(a), flat<const T>(b), flat<const T>(otherwise), limit,
                         flat<T>(y));
  });
  return y;
}

}  // namespace ops

namespace kernels {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // 128 KiB of two operands

}  // namespace

template <class T>
void stable_quotient(Reference, Flat<const T> a, Flat<const T> b, double epsilon, Flat<T> y) {
  parallel_for(y.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = stable_quotient_of(a[i], b[i], epsilon);
  });
}

template <class T>
void quotient_or(Reference, Flat<const T> a, Flat<const T> b, Flat<const T> otherwise, double limit,
                 Flat<T> y) {
  parallel_for(y.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) y[i] = quotient_or_of(a[i], b[i], otherwise[i], limit);
  });
}

#define INSTANTIATE(T)                                                                     \
  template void stable_quotient(Reference, Flat<const T>, Flat<const T>, double, Flat<T>); \
  template void quotient_or(Reference, Flat<const T>, Flat<const T>, Flat<const T>, double, Flat<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace kernels

}  // namespace clearcut
