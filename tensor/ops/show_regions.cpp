#include "tensor/ops/show_regions.h"

namespace clearcut {

namespace ops {

void show_regions(const Tensor& x, const Tensor& labels, const Tensor& shown, const Tensor& off,
                  const Tensor& y) {
  check_rank("show_regions", "x", x, 3, "[C, H, W]");
  check_same_kind("show_regions", x, off);
  check_same_kind("show_regions", x, y);
  const bool picture = off.shape() == x.shape();
  check(y.shape() == x.shape() && (picture || (off.rank() == 2 && off.dim(0) == x.dim(0))), "show_regions",
        "y must have the shape of x ", x.shape(), ", and off too or its channels, [", x.dim(0),
        ", K]; got y ", y.shape(), ", off ", off.shape());
  check(labels.defined() && labels.dtype() == DType::kInt32 &&
            labels.shape() == Shape({x.dim(1), x.dim(2)}) && labels.device() == x.device(),
        "show_regions", "labels must be int32 [", x.dim(1), ", ", x.dim(2), "] on ", x.device(), "; got ",
        labels.defined() ? labels.shape() : Shape{});
  check(shown.defined() && shown.dtype() == DType::kUInt8 && shown.rank() == 1 &&
            (picture || shown.dim(0) == off.dim(1)) && shown.device() == x.device(),
        "show_regions", "shown must be uint8 [K]", picture ? "" : cat(" of ", off.dim(1), " regions"), " on ",
        x.device(), "; got ", shown.defined() ? shown.shape() : Shape{});
  on<Floats>("show_regions", x.device(), x.dtype(), [&]<class T>(auto tag) {
    kernels::show_regions(tag,
                          kernels::RegionsView<T>{.C = x.dim(0),
                                                  .n = labels.numel(),
                                                  .K = shown.dim(0),
                                                  .x = x.data<const T>(),
                                                  .off = off.data<const T>(),
                                                  .labels = labels.data<const std::int32_t>(),
                                                  .shown = shown.data<const std::uint8_t>(),
                                                  .picture = picture},
                          y.data<T>());
  });
}

}  // namespace ops

namespace kernels {

template <class T>
void show_regions(Reference, const RegionsView<T>& regions, T* y) {
  for (std::int64_t c = 0; c < regions.C; ++c)
    for (std::int64_t p = 0; p < regions.n; ++p) y[c * regions.n + p] = regions.at(c, p, regions.labels[p]);
}

template void show_regions(Reference, const RegionsView<float>&, float*);
template void show_regions(Reference, const RegionsView<double>&, double*);

}  // namespace kernels

}  // namespace clearcut
