// A way through cuDNN as a kernel of the laboratory (tensor/cuda_variants.h).
#pragma once

#include "cuda/vendor/conv.h"
#include "cuda/vendor/cudnn.h"
#include "tensor/cuda_variants.h"

namespace clearcut::cuda {

template <void (*convolve)(const VendorConv&)>
struct ConvVariant {
  static Nchw<float> as_written(const Nchw<const float>& x) {
    return {const_cast<float*>(x.data), x.N, x.C, x.H, x.W};
  }
  static void forward(Nchw<const float> x, const conv::Weights& w, const ConvOptions& o,
                      const Finish<float>& finish, Nchw<float> y) {
    convolve({Direction::kForward, as_written(x), as_written(w.w), y, o});
    finish_maps(finish, y);
  }
  static void backward_input(Nchw<const float> dy, const conv::Weights& w, const ConvOptions& o,
                             Nchw<float> dx) {
    convolve({Direction::kBackwardInput, dx, as_written(w.w), as_written(dy), o});
  }
  static void backward_weight(Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o,
                              Nchw<float> dw) {
    convolve({Direction::kBackwardWeight, as_written(x), dw, as_written(dy), o});
  }
};

}  // namespace clearcut::cuda
