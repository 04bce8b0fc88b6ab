// Convolution as matrix products whose panels are packed from the maps themselves (no im2col buffer).
#pragma once

#include "tensor/cpu/conv/taps.h"

namespace clearcut::conv {

struct Group {
  std::int64_t index, groups;
};

/// dw of one group: dw[k, (c, tap)] = sum over images and pixels of dy[k, pixel] * x[c, pixel + tap].
void weight_gradient(const Taps& taps, Nchw<const float> dy, Nchw<const float> x, Group group,
                     Nchw<float> dw);

}  // namespace clearcut::conv
