// Parts of the fast convolution that have files of their own: conv2d_input.cpp, conv2d_weight.cpp and
// depthwise.cpp.
#pragma once

#include "tensor/cpu/taps.h"

namespace clearcut::kernels {

struct Group {
  std::int64_t index, groups;
};
/// dw of one group: dw[k, (c, tap)] = sum over images and pixels of dy[k, pixel] * x[c, pixel + tap].
void weight_gradient(const Taps& taps, Nchw<const float> dy, Nchw<const float> x, Group group,
                     Nchw<float> dw);

/// dx of one group: dx[c, pixel + tap] += sum over k of w[k, (c, tap)] * dy[k, pixel], for the taps of the
/// forward pass.
void input_gradient(const Taps& taps, Nchw<const float> dy, Nchw<const float> w, Group group, Nchw<float> dx);

/// Depthwise, one kernel per channel: out(n, c, pixel) = init[c] + sum over taps of w(c, tap) * in(n, c,
/// pixel + tap) for the pixels of one grid. Serves y from x, and dx from dy with the taps turned around.
struct DepthwiseGather {
  const Taps& taps;
  Nchw<const float> in;
  Nchw<const float> w;
  const float* init;  // or null for 0
  Nchw<float> out;
};
void depthwise_gather(const DepthwiseGather& g);
/// dw(c, tap) = sum over images and pixels of dy(n, c, pixel) * x(n, c, pixel + tap).
void depthwise_weight(const Taps& taps, Nchw<const float> dy, Nchw<const float> x, Nchw<float> dw);

}  // namespace clearcut::kernels
