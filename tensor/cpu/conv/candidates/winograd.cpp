// Winograd's F(4x4, 3x3): tensor/cpu/conv/winograd.h tells the method and its accuracy.
#include "tensor/cpu/conv/winograd.h"

#include <algorithm>
#include <cmath>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/term_by_term.h"

namespace clearcut::conv {

namespace {

// The weights of group g. Pixel h of dx gets what the taps r read there: dy[h + padding - r dilation]. With
// the kernel turned, that is a convolution of dy with padding 2 dilation - padding.
WinogradWeights weights_of(Nchw<const float> w, std::int64_t groups, std::int64_t g, Direction direction) {
  const std::int64_t K = w.N / groups;
  if (direction == Direction::kForward)
    return {.data = w.plane(g * K, 0), .M = K, .K = w.C, .m_stride = w.C * 9, .k_stride = 9, .turned = false};
  return {.data = w.plane(g * K, 0), .M = w.C, .K = K, .m_stride = 9, .k_stride = w.C * 9, .turned = true};
}

struct TransformedGroups : PreparedWeights::Form {
  std::vector<std::unique_ptr<TransformedWeights>> groups;
};

std::unique_ptr<PreparedWeights::Form> prepare(Nchw<const float> w, const ConvOptions& o,
                                               Direction direction) {
  auto form = std::make_unique<TransformedGroups>();
  for (std::int64_t g = 0; g < o.groups; ++g)
    form->groups.push_back(std::make_unique<TransformedWeights>(weights_of(w, o.groups, g, direction)));
  return form;
}

const TransformedWeights* transformed(const Weights& w, std::int64_t g) {
  const auto* form = static_cast<const TransformedGroups*>(w.form);
  return form ? form->groups[static_cast<std::size_t>(g)].get() : nullptr;
}

void forward(Nchw<const float> x, const Weights& w, const ConvOptions& o, const Finish<float>& finish,
             Nchw<float> y) {
  for (std::int64_t g = 0; g < o.groups; ++g) {
    const WinogradWeights of_group = weights_of(w.w, o.groups, g, Direction::kForward);
    Finish<float> group_finish = finish;
    if (finish.bias) group_finish.bias += g * of_group.M;
    winograd_multiply({.in = x,
                       .first_in = g * of_group.K,
                       .out = y,
                       .first_out = g * of_group.M,
                       .w = of_group,
                       .transformed = transformed(w, g),
                       .top = o.padding.top,
                       .left = o.padding.left,
                       .dilation = o.dilation,
                       .finish = group_finish});
  }
}

void backward_input(Nchw<const float> dy, const Weights& w, const ConvOptions& o, Nchw<float> dx) {
  for (std::int64_t g = 0; g < o.groups; ++g) {
    const WinogradWeights of_group = weights_of(w.w, o.groups, g, Direction::kBackwardInput);
    winograd_multiply({.in = dy,
                       .first_in = g * of_group.K,
                       .out = dx,
                       .first_out = g * of_group.M,
                       .w = of_group,
                       .transformed = transformed(w, g),
                       .top = 2 * o.dilation.h - o.padding.top,
                       .left = 2 * o.dilation.w - o.padding.left,
                       .dilation = o.dilation,
                       .finish = {}});
  }
}

void backward_weight(Nchw<const float> dy, Nchw<const float> x, const ConvOptions& o, Nchw<float> dw) {
  const std::int64_t K = dw.N / o.groups;
  for (std::int64_t g = 0; g < o.groups; ++g)
    winograd_weight_gradient({.dy = dy,
                              .x = x,
                              .first_k = g * K,
                              .K = K,
                              .first_c = g * dw.C,
                              .dw = dw,
                              .top = o.padding.top,
                              .left = o.padding.left,
                              .dilation = o.dilation});
}

bool fits(const Layer& layer, Direction) {
  return !TermByTerm::active() && layer.R == 3 && layer.S == 3 && layer.options.stride == Size2(1) &&
         layer.C > 0 && layer.K > 0;
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

// 36 products a tile and pair of channels, short sums cost a little more; then the transforms: about 25
// cycles a tile and input channel, 20 a tile and output channel, and of the weights 10 to 20 a pair of
// channels, which a few pictures share. A cycle is 16 multiply-adds.
double cost(const Layer& layer, Direction direction) {
  const bool input = direction == Direction::kBackwardInput, weight = direction == Direction::kBackwardWeight;
  const auto groups = static_cast<double>(layer.options.groups);
  const double C = static_cast<double>(layer.C) / groups, K = static_cast<double>(layer.K) / groups;
  const double in = input ? K : C, out = input ? C : K;
  const double tiles = tiles_of(input ? layer.H : layer.P, input ? layer.W : layer.Q, layer.options.dilation);
  const double columns = weight ? std::ceil(out / 16) * 16 : out + 1;
  return groups * (tiles * (38 * (in + 3) * columns + 400 * in + 320 * out) + (weight ? 100 : 50) * C * K);
}

}  // namespace

namespace candidates {
extern const Kernel winograd = {.name = "winograd",
                                .fits = fits,
                                .cost = cost,
                                .forward = forward,
                                .backward_input = backward_input,
                                .backward_weight = backward_weight,
                                .prepare = prepare};
}

}  // namespace clearcut::conv
