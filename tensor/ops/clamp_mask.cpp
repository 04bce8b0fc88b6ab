#include "tensor/ops/clamp_mask.h"

namespace clearcut {

namespace ops {

namespace {

void check_mask(const Tensor& dy, const Tensor& mask) {
  check(mask.defined() && mask.dtype() == DType::kUInt8, "masked", "the mask must be uint8, got ",
        mask.defined() ? name_of(mask.dtype()) : "none", "; clamp_mask() makes one");
  check(dy.defined() && dy.shape() == mask.shape() && dy.device() == mask.device(), "masked",
        "dy and mask must have one shape and device; got dy ", dy.defined() ? dy.shape() : Shape{}, ", mask ",
        mask.shape());
}

template <class To>
void mask_to(const Tensor& dy, const Tensor& mask, const To& dx) {
  on<Floats>("masked", dy.device(), dy.dtype(), [&]<class T>(auto tag) {
    kernels::masked(tag, Flat<const T>{dy.data<const T>(), dy.numel()},
                    Flat<const std::uint8_t>{mask.data<const std::uint8_t>(), dy.numel()},
                    Flat<T>{dx.template data<T>(), dy.numel()});
  });
}

}  // namespace

Tensor clamp_mask(const Tensor& y, double low, double high) {
  check(y.defined(), "clamp_mask", "y is undefined");
  Tensor mask(y.shape(), DType::kUInt8, y.device());
  on<Floats>("clamp_mask", y.device(), y.dtype(), [&]<class T>(auto tag) {
    kernels::clamp_mask(tag, Flat<const T>{y.data<const T>(), y.numel()}, low, high,
                        Flat<std::uint8_t>{mask.data<std::uint8_t>(), y.numel()});
  });
  return mask;
}

Tensor masked(const Tensor& dy, const Tensor& mask) {
  check_mask(dy, mask);
  Tensor dx = empty_like(dy);
  mask_to(dy, mask, dx);
  return dx;
}

void mask_in_place(const Tensor& dy, const Tensor& mask) {
  check_mask(dy, mask);
  mask_to(dy, mask, dy);
}

}  // namespace ops

namespace kernels {

template <class T>
void clamp_mask(Reference, Flat<const T> y, double low, double high, Flat<std::uint8_t> mask) {
  for (std::int64_t i = 0; i < y.n; ++i)
    mask.data[i] = y.data[i] <= static_cast<T>(low) || y.data[i] >= static_cast<T>(high) ? 0 : 1;
}

template <class T>
void masked(Reference, Flat<const T> dy, Flat<const std::uint8_t> mask, Flat<T> dx) {
  for (std::int64_t i = 0; i < dy.n; ++i) dx.data[i] = mask.data[i] != 0 ? dy.data[i] : T(0);
}

template void clamp_mask(Reference, Flat<const float>, double, double, Flat<std::uint8_t>);
template void clamp_mask(Reference, Flat<const double>, double, double, Flat<std::uint8_t>);
template void masked(Reference, Flat<const float>, Flat<const std::uint8_t>, Flat<float>);
template void masked(Reference, Flat<const double>, Flat<const std::uint8_t>, Flat<double>);

}  // namespace kernels

}  // namespace clearcut
