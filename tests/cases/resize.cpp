#include "autograd/resize.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

OpFunction bilinear(Size2 size, bool align_corners) {
  return [=](const Inputs& in) { return resize_bilinear(in[0], size, align_corners); };
}
OpFunction nearest(Size2 size, bool align_corners) {
  return [=](const Inputs& in) { return resize_nearest(in[0], size, align_corners); };
}

const bool added = add_cases({
    {.name = "resize_bilinear up",
     .shapes = {{{2, 2, 3, 5}}, {{1, 3, 1, 1}}, {{1, 1, 2, 11}}},
     .f = bilinear({9, 11}, false),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 16,
     .golden = "layers/bilinear_up",
     .bad = {{[] {
                resize_bilinear(Var(Tensor::zeros({1, 1, 4, 4})), {0, 3}, false);
              },
              "sides must be >= 1; x [1, 1, 4, 4] to (0, 3)"},
             {[] {
                resize_bilinear(Var(Tensor::zeros({4, 4})), {2, 3}, true);
              },
              "x must be [N, C, H, W]"}}},
    {.name = "resize_bilinear down",
     .shapes = {{{1, 2, 7, 5}}, {{2, 1, 3, 2}}},
     .f = bilinear({3, 2}, false),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 4,
     .golden = "layers/bilinear_down"},
    {.name = "resize_bilinear far up",
     .shapes = {{{1, 3, 5, 4}}},
     .f = bilinear({39, 33}, false),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 64,
     .golden = "layers/bilinear_far_up"},
    {.name = "resize_bilinear corners",
     .shapes = {{{1, 2, 3, 4}}, {{2, 1, 9, 1}}, {{1, 1, 15, 17}}},
     .f = bilinear({7, 9}, true),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 16,
     .golden = "layers/bilinear_corners"},
    {.name = "resize_bilinear corners to one row",
     .shapes = {{{1, 2, 3, 4}}},
     .f = bilinear({1, 5}, true),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 4,
     .golden = "layers/bilinear_corners_one"},
    {.name = "resize_nearest",
     .shapes = {{{1, 2, 3, 5}}, {{2, 1, 1, 1}}, {{1, 1, 15, 2}}},
     .f = nearest({7, 3}, false),
     .fast_backward = true,
     .terms = 21,
     .golden = "layers/nearest",
     .bad = {{[] {
                resize_nearest(Var(Tensor::zeros({1, 1, 0, 4})), {2, 3}, false);
              },
              "sides must be >= 1"}}},
    {.name = "resize_nearest corners",
     .shapes = {{{1, 2, 3, 6}}, {{1, 1, 1, 2}}},
     .f = nearest({7, 4}, true),
     .fast_backward = true,
     .terms = 14,
     .golden = "layers/nearest_corners"},
});

}  // namespace
}  // namespace clearcut
