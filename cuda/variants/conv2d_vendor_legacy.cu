// Convolutions through cuDNN's legacy calls, which pad both sides of an axis alike: the yardstick, on a GPU
// only.
#include "cuda/vendor/conv_variant.h"

namespace clearcut::cuda::variants {

namespace {
using Vendor = ConvVariant<vendor_convolve_legacy>;
}

extern const Convolution conv2d_vendor_legacy = {
    .kernel = {.name = "vendor_legacy",
               .fits = [](const conv::Layer& layer,
                          Direction) { return cudnn_works() && legacy_can(layer.options); },
               .cost = nullptr,
               .forward = Vendor::forward,
               .backward_input = Vendor::backward_input,
               .backward_weight = Vendor::backward_weight}};

}  // namespace clearcut::cuda::variants
