#include "autograd/rearrange.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

const std::vector<std::vector<Shape>> kMaps = {{{2, 3, 4, 5}}, {{4, 5, 3, 21}}};
Var zeros(const Shape& shape) { return Var(Tensor::zeros(shape)); }

const bool added = add_cases({
    {.name = "reshape",
     .shapes = kMaps,
     .f =
         [](const Inputs& in) {
           return reshape(in[0], {6, -1});
         },
     .golden = "rearrange/reshape",
     .bad = {{[] {
                reshape(zeros({2, 3}), {4, 2});
              },
              "reshape: the number of elements must stay 6"},
             {[] {
                reshape(zeros({2, 3}), {4, -1});
              },
              "reshape: cannot work out -1"}}},
    {.name = "flatten",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return flatten(in[0]); },
     .golden = "rearrange/flatten",
     .bad = {{[] {
                flatten(zeros({2, 3}), 2);
              },
              "flatten: the first dimension must lie in"}}},
    {.name = "permute",
     .shapes = kMaps,
     .f =
         [](const Inputs& in) {
           return permute(in[0], {0, 2, 3, -3});
         },
     .golden = "rearrange/permute",
     .bad = {{[] {
                permute(zeros({2, 3}), {0});
              },
              "permute: order must name each"},
             {[] {
                permute(zeros({2, 3}), {1, -1});
              },
              "permute: dimension -1 comes twice"}}},
    {.name = "transpose",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return transpose(in[0], 1, -1); },
     .golden = "rearrange/transpose",
     .bad = {{[] {
                transpose(zeros({2, 3}), 0, 2);
              },
              "transpose: dimensions must lie in"}}},
    {.name = "slice dim 0",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return slice(in[0], 0, 1, 2); },
     .golden = "rearrange/slice_0"},
    {.name = "slice",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return slice(in[0], 1, 1, 3); },
     .golden = "rearrange/slice_1",
     .bad = {{[] {
                slice(zeros({2, 3}), 1, 2, 4);
              },
              "0 <= begin <= end <= 3 must hold along dim 1; got 2 to 4"},
             {[] {
                slice(zeros({2, 3}), 2, 0, 1);
              },
              "slice: dim must lie in"}}},
    {.name = "slice last, from the end",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return slice(in[0], -1, -4, -1); },
     .golden = "rearrange/slice_last"},
    {.name = "concat dim 0",
     .shapes = {{{2, 3, 4, 5}, {1, 3, 4, 5}}},
     .f = [](const Inputs& in) { return concat(in, 0); },
     .golden = "rearrange/concat_0"},
    {.name = "concat",
     .shapes = {{{2, 3, 4, 5}, {2, 1, 4, 5}, {2, 2, 4, 5}}, {{2, 3, 11, 13}, {2, 1, 11, 13}, {2, 5, 11, 13}}},
     .f = [](const Inputs& in) { return concat(in, 1); },
     .golden = "rearrange/concat_1",
     .bad = {{[] { concat({}, 1); }, "concat: at least one part"},
             {[] {
                concat({zeros({2, 3}), zeros({3, 3})}, 1);
              },
              "sizes must be equal except along dim 1"},
             {[] {
                concat({zeros({2, 3}), Var(Tensor::zeros({2, 3}, DType::kInt32))}, 1);
              },
              "dtypes differ"}}},
    {.name = "concat last",
     .shapes = {{{2, 3, 4, 5}, {2, 3, 4, 1}}},
     .f = [](const Inputs& in) { return concat(in, -1); },
     .golden = "rearrange/concat_last"},
    {.name = "pad2d",
     .shapes = {{{5, 7}}, {{2, 3, 4, 5}}, {{4, 5, 3, 21}}},
     .f =
         [](const Inputs& in) {
           return pad2d(in[0], {1, 2, 0, 3}, 0.7);
         },
     .golden = "rearrange/pad2d",
     .bad = {{[] {
                pad2d(zeros({2, 3}), {-1, 0, 0, 0});
              },
              "pad2d: sides must be >= 0"},
             {[] {
                pad2d(zeros({3}), {1, 0, 0, 0});
              },
              "pad2d: x must be [..., H, W]"}}},
});

}  // namespace
}  // namespace clearcut
