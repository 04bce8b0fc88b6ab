#include "cuda/vendor/conv.h"

#include "tensor/cuda_device.h"

namespace clearcut::cuda {

std::vector<std::int64_t> key_of(const VendorConv& c) {
  const ConvOptions& o = c.options;
  std::vector<std::int64_t> key = {static_cast<std::int64_t>(c.direction),
                                   static_cast<std::int64_t>(cuda_products())};
  for (const Nchw<float>* side : {&c.x, &c.w, &c.y}) {
    const auto address = reinterpret_cast<std::uintptr_t>(side->data);
    for (const std::int64_t n : {side->N, side->C, side->H, side->W}) key.push_back(n);
    key.push_back(address % 16 == 0 ? 16 : 4);
  }
  for (const std::int64_t n : {o.stride.h, o.stride.w, o.padding.top, o.padding.left, o.padding.bottom,
                               o.padding.right, o.dilation.h, o.dilation.w, o.groups})
    key.push_back(n);
  return key;
}

}  // namespace clearcut::cuda
