#include "autograd/conv2d.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

OpFunction conv(ConvOptions options) {
  return [options](const Inputs& in) { return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Var(), options); };
}
Var transposed(const Inputs& in) {
  return conv_transpose2d(in[0], in[1], in[2],
                          {.stride = {2, 3}, .padding = 1, .dilation = {1, 2}, .groups = 2}, {1, 2});
}
Var zeros(const Shape& shape) { return Var(Tensor::zeros(shape)); }

// Hand case: a 2x2 kernel of ones at stride 1 sums each 2x2 window of 1..9, plus bias 10.
void sums_of_windows() {
  std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Tensor y = ops::conv2d(Tensor::from({1, 1, 3, 3}, x, Device::kReference),
                               Tensor::full({1, 1, 2, 2}, 1.0, DType::kFloat64, Device::kReference),
                               Tensor::full({1}, 10.0, DType::kFloat64, Device::kReference));
  check(y.values<double>() == std::vector<double>{22, 26, 34, 38}, "oracle", "sums of 2x2 windows are wrong");
}

const std::vector<BadCall> kBadCalls = {
    {[] {
       conv2d(zeros({1, 3, 5, 5}), zeros({4, 2, 3, 3}));
     },
     "w expects 2 channels in each of 1 group = 2 channels; x has 3"},
    {[] {
       conv2d(zeros({1, 4, 5, 5}), zeros({3, 2, 3, 3}), {.groups = 2});
     },
     "output channels must be a multiple of groups 2"},
    {[] {
       conv2d(zeros({1, 1, 5, 5}), zeros({1, 1, 3, 3}), {.dilation = 3});
     },
     "the kernel covers 7 pixels of height (3 taps, dilation 3) and must fit the map of 5 + 0 padding"},
    {[] {
       conv2d(zeros({1, 1, 5, 5}), zeros({1, 1, 3, 3}), {.stride = {1, 0}});
     },
     "stride must be >= 1"},
    {[] {
       conv2d(zeros({1, 1, 5, 5}), zeros({1, 1, 3, 3}), {.padding = {0, -1, 0, 0}});
     },
     "padding must be >= 0"},
    {[] {
       conv2d(zeros({1, 1, 5, 5}), zeros({2, 1, 3, 3}), zeros({3}));
     },
     "bias must be [2]"},
    {[] {
       conv2d(zeros({1, 5, 5}), zeros({2, 1, 3, 3}));
     },
     "x must be [N, C, H, W]"},
    {[] {
       ops::conv2d_backward_weight(Tensor::zeros({1, 2, 4, 3}), Tensor::zeros({1, 1, 5, 5}), {2, 1, 3, 3});
     },
     "dy must be [1, 2, 3, 3]; got [1, 2, 4, 3]"},
};

// Odd channels and pixel counts: every panel has a ragged end.
const bool added = add_cases({
    {.name = "conv2d",
     .shapes = {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1}}, {{2, 3, 6, 7}, {5, 3, 3, 2}, {5}}},
     .f = conv({}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 60,
     .golden = "conv2d/plain",
     .oracle = sums_of_windows,
     .bad = kBadCalls},
    {.name = "conv2d 1x1",
     .shapes = {{{2, 7, 5, 3}, {5, 7, 1, 1}, {5}}},
     .f = conv({}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 30,
     .golden = "conv2d/one_by_one"},
    {.name = "conv2d 1x1 stride 2",
     .shapes = {{{2, 7, 5, 6}, {5, 7, 1, 1}}},
     .f = conv({.stride = 2}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 18,
     .golden = "conv2d/one_by_one_stride2"},
    {.name = "conv2d 3x3 same",
     .shapes = {{{1, 2, 1, 1}, {3, 2, 3, 3}}, {{2, 3, 7, 5}, {4, 3, 3, 3}}},
     .f = conv({.padding = 1}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 70,
     .golden = "conv2d/same3"},
    {.name = "conv2d 7x7 stride 2",
     .shapes = {{{1, 2, 11, 9}, {3, 2, 7, 7}, {3}}},
     .f = conv({.stride = 2, .padding = 3}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 98,
     .golden = "conv2d/stride2"},
    {.name = "conv2d stride 2 3",
     .shapes = {{{2, 2, 8, 9}, {3, 2, 3, 2}}},
     .f = conv({.stride = {2, 3}, .padding = {1, 0, 1, 0}}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 24,
     .golden = "conv2d/stride_2_3"},
    {.name = "conv2d asymmetric padding",
     .shapes = {{{2, 3, 6, 5}, {4, 3, 3, 3}}},
     .f = conv({.stride = 2, .padding = {0, 2, 1, 0}}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 36,
     .golden = "conv2d/asymmetric"},
    {.name = "conv2d dilated",
     .shapes = {{{1, 3, 7, 6}, {2, 3, 3, 3}}},
     .f = conv({.padding = {2, 3, 2, 3}, .dilation = {2, 3}}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 42,
     .golden = "conv2d/dilated"},
    {.name = "conv2d groups",
     .shapes = {{{2, 6, 4, 5}, {4, 3, 3, 3}, {4}}},
     .f = conv({.padding = 1, .groups = 2}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 40,
     .golden = "conv2d/groups"},
    {.name = "conv2d depthwise",
     .shapes = {{{1, 1, 1, 1}, {1, 1, 3, 3}, {1}}, {{2, 3, 5, 7}, {3, 1, 3, 3}, {3}}},
     .f =
         [](const Inputs& in) { return conv2d(in[0], in[1], in[2], {.padding = 1, .groups = in[0].dim(1)}); },
     .fast_forward = true,
     .fast_backward = true,
     .terms = 70,
     .golden = "conv2d/depthwise"},
    {.name = "conv2d depthwise stride 2",
     .shapes = {{{2, 3, 7, 6}, {3, 1, 3, 3}}},
     .f = conv({.stride = 2, .padding = {0, 0, 1, 1}, .groups = 3}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 18,
     .golden = "conv2d/depthwise_stride2"},
    {.name = "conv2d depthwise 5x5 two per channel",
     .shapes = {{{2, 3, 6, 5}, {6, 1, 5, 5}}},
     .f = conv({.padding = 2, .groups = 3}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 60,
     .golden = "conv2d/depthwise_multiplier"},
    {.name = "conv_transpose2d",
     .shapes = {{{2, 4, 3, 5}, {4, 3, 3, 2}, {6}}},
     .f = transposed,
     .fast_forward = true,
     .fast_backward = true,
     .terms = 60,
     .golden = "conv2d/transposed",
     .bad = {{[] {
                conv_transpose2d(zeros({1, 2, 5, 5}), zeros({3, 2, 3, 3}), Var(), {});
              },
              "w is for 3 channels; x has 2"},
             {[] {
                conv_transpose2d(zeros({1, 1, 1, 1}), zeros({1, 1, 1, 1}), Var(), {.padding = 1});
              },
              "nothing is left of the map"}}},
});

}  // namespace
}  // namespace clearcut
