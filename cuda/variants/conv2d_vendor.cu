// Convolutions through cuDNN's graph back end: the yardstick, on a GPU only.
#include "cuda/vendor/conv_variant.h"

namespace clearcut::cuda::variants {

namespace {
using Vendor = ConvVariant<vendor_convolve>;
}

extern const Convolution conv2d_vendor = {
    .kernel = {.name = "vendor",
               .fits = [](const conv::Layer&, Direction) { return cudnn_works(); },
               .cost = nullptr,
               .forward = Vendor::forward,
               .backward_input = Vendor::backward_input,
               .backward_weight = Vendor::backward_weight}};

}  // namespace clearcut::cuda::variants
