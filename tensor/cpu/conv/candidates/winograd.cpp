// Winograd's F(4x4, 3x3): tensor/cpu/conv/winograd.h tells the method and its accuracy.
#include "tensor/cpu/conv/winograd.h"

#include <algorithm>

#include "tensor/cpu/conv/kernel.h"

namespace clearcut::conv {

namespace {

void forward(Nchw<const float> x, Nchw<const float> w, const ConvOptions& o, const Finish<float>& finish,
             Nchw<float> y) {
  const std::int64_t M = w.N / o.groups;
  for (std::int64_t g = 0; g < o.groups; ++g) {
    Finish<float> group_finish = finish;
    if (finish.bias) group_finish.bias += g * M;
    winograd_multiply({.in = x,
                       .first_in = g * w.C,
                       .K = w.C,
                       .out = y,
                       .first_out = g * M,
                       .M = M,
                       .w = w.plane(g * M, 0),
                       .m_stride = w.C * 9,
                       .k_stride = 9,
                       .turned = false,
                       .top = o.padding.top,
                       .left = o.padding.left,
                       .dilation = o.dilation,
                       .finish = group_finish});
  }
}

// Pixel h of dx gets what the taps r read there: dy[h + padding - r dilation]. With the kernel turned, that
// is a convolution of dy with padding 2 dilation - padding.
void backward_input(Nchw<const float> dy, Nchw<const float> w, const ConvOptions& o, Nchw<float> dx) {
  const std::int64_t K = w.N / o.groups;
  for (std::int64_t g = 0; g < o.groups; ++g)
    winograd_multiply({.in = dy,
                       .first_in = g * K,
                       .K = K,
                       .out = dx,
                       .first_out = g * w.C,
                       .M = w.C,
                       .w = w.plane(g * K, 0),
                       .m_stride = 9,
                       .k_stride = w.C * 9,
                       .turned = true,
                       .top = 2 * o.dilation.h - o.padding.top,
                       .left = 2 * o.dilation.w - o.padding.left,
                       .dilation = o.dilation,
                       .finish = {}});
}

bool fits(const Layer& layer, Direction) {
  return layer.R == 3 && layer.S == 3 && layer.options.stride == Size2(1) && layer.C > 0 && layer.K > 0;
}

// Tiles of 4 x 4 pixels along both axes, over all phases of a dilation.
double tiles_of(std::int64_t H, std::int64_t W, Size2 dilation) {
  const auto along = [](std::int64_t size, std::int64_t d) {
    std::int64_t tiles = 0;
    for (std::int64_t phase = 0; phase < std::min(d, size); ++phase)
      tiles += ((size - phase + d - 1) / d + 3) / 4;
    return static_cast<double>(tiles);
  };
  return along(H, dilation.h) * along(W, dilation.w);
}

// 36 products a tile and pair of channels, and the transforms of each channel's tiles.
double cost(const Layer& layer, Direction direction) {
  const bool input = direction == Direction::kBackwardInput;
  const auto groups = static_cast<double>(layer.options.groups);
  const double C = static_cast<double>(layer.C) / groups, K = static_cast<double>(layer.K) / groups;
  const double tiles = tiles_of(input ? layer.H : layer.P, input ? layer.W : layer.Q, layer.options.dilation);
  return groups * tiles * (36 * C * K * 1.15 + 200 * (C + K));
}

}  // namespace

namespace candidates {
extern const Kernel winograd = {
    .name = "winograd", .fits = fits, .cost = cost, .forward = forward, .backward_input = backward_input};
}

}  // namespace clearcut::conv
