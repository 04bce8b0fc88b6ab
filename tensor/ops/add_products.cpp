#include "tensor/ops/add_products.h"

#include "tensor/parallel.h"

namespace clearcut {

namespace ops {

void add_products(const Tensor& sum, const Tensor& a, const Tensor& b, double weight) {
  check(sum.defined() && sum.dtype() == DType::kFloat64, "add_products", "the sum must be float64, got ",
        sum.defined() ? name_of(sum.dtype()) : "none");
  const auto fits = [&](const Tensor& x) { return x.shape() == sum.shape() && x.device() == sum.device(); };
  check(a.defined() && fits(a) && (!b.defined() || (fits(b) && b.dtype() == a.dtype())), "add_products",
        "a and b must have the shape and device of the sum ", sum.shape(), " and one dtype; got a ",
        a.defined() ? a.shape() : Shape{}, ", b ", b.defined() ? b.shape() : Shape{});
  on<Floats>("add_products", a.device(), a.dtype(), [&]<class T>(auto tag) {
    kernels::add_products(tag, Flat<const T>{a.data<const T>(), a.numel()},
                          Flat<const T>{b.defined() ? b.data<const T>() : nullptr, a.numel()}, weight,
                          Flat<double>{sum.data<double>(), a.numel()});
  });
}

}  // namespace ops

namespace kernels {

namespace {

template <class T>
void add_range(const T* a, const T* b, double weight, double* sum, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; ++i)
    sum[i] += weight * (b == nullptr ? static_cast<double>(a[i]) : static_cast<double>(a[i]) * b[i]);
}

}  // namespace

template <class T>
void add_products(Reference, Flat<const T> a, Flat<const T> b, double weight, Flat<double> sum) {
  add_range(a.data, b.data, weight, sum.data, 0, sum.n);
}

template void add_products(Reference, Flat<const float>, Flat<const float>, double, Flat<double>);
template void add_products(Reference, Flat<const double>, Flat<const double>, double, Flat<double>);

void add_products(Cpu, Flat<const float> a, Flat<const float> b, double weight, Flat<double> sum) {
  enter_fast_body();
  constexpr std::int64_t kGrain = 1 << 14;  // 256 KiB of what is read and written
  parallel_for(sum.n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    add_range(a.data, b.data, weight, sum.data, begin, end);
  });
}

}  // namespace kernels

}  // namespace clearcut
