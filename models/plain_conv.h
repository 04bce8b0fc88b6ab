// The convolution that the small networks and MobileNet are made of.
#pragma once

#include "nn/layers.h"

namespace clearcut {

/// kernel x kernel with padding kernel / 2 and no bias, in front of a batch norm; weights N(0, 2 / fan_out)
/// (He et al. 2015, arXiv:1502.01852).
inline Conv2dOptions plain_conv(std::int64_t in, std::int64_t out, std::int64_t kernel,
                                std::int64_t stride = 1, std::int64_t groups = 1) {
  return {.in = in,
          .out = out,
          .kernel = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .groups = groups,
          .bias = false,
          .weight_init = kaiming_normal(Init::Fan::kOut)};
}

}  // namespace clearcut
