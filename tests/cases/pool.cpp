#include "autograd/pool.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

OpFunction max_with(const MaxPoolOptions& o) {
  return [o](const Inputs& in) { return max_pool2d(in[0], o); };
}
OpFunction average_with(const AvgPoolOptions& o) {
  return [o](const Inputs& in) { return avg_pool2d(in[0], o); };
}
OpFunction adaptive_to(Size2 size) {
  return [size](const Inputs& in) { return adaptive_avg_pool2d(in[0], size); };
}
Var zeros(const Shape& shape) { return Var(Tensor::zeros(shape)); }

const bool added_max = add_cases({
    {.name = "max_pool2d 3 stride 2",
     .shapes = {{{1, 1, 1, 1}}, {{2, 3, 7, 9}}, {{1, 2, 33, 32}}, {{1, 1, 8, 67}}},
     .f = max_with({.kernel = 3, .stride = 2, .padding = 1}),
     .values = {{.distinct = true}},
     .fast_forward = true,
     .golden = "layers/max_pool_3_2_1",
     .bad = {{[] {
                max_pool2d(zeros({3, 8, 8}), {});
              },
              "x must be [N, C, H, W]"},
             {[] {
                max_pool2d(zeros({1, 1, 2, 9}), {.kernel = 3});
              },
              "a window of 3 pixels does not fit in 2 + 0 + 0"},
             {[] {
                max_pool2d(zeros({1, 1, 4, 4}), {.kernel = 2, .padding = 2});
              },
              "padding must lie in [0, window size 2)"}}},
    {.name = "max_pool2d 2 stride 2",
     .shapes = {{{1, 1, 2, 2}}, {{2, 3, 9, 35}}},
     .f = max_with({.kernel = 2}),
     .values = {{.distinct = true}},
     .fast_forward = true,
     .golden = "layers/max_pool_2"},
    {.name = "max_pool2d ceil",
     .shapes = {{{1, 2, 5, 7}}, {{2, 1, 3, 2}}},
     .f = max_with({.kernel = 2, .ceil_mode = true}),
     .values = {{.distinct = true}},
     .fast_forward = true,
     .golden = "layers/max_pool_ceil"},
    {.name = "max_pool2d dilated",
     .shapes = {{{1, 2, 6, 8}}},
     .f = max_with({.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0, 1, 0}, .dilation = {2, 1}}),
     .values = {{.distinct = true}},
     .fast_forward = true,
     .golden = "layers/max_pool_dilated"},
});

const bool added_average = add_cases({
    {.name = "avg_pool2d",
     .shapes = {{{1, 1, 2, 1}}, {{2, 2, 7, 6}}, {{1, 3, 17, 33}}},
     .f = average_with({.kernel = 3, .stride = 2, .padding = 1}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 9,
     .golden = "layers/avg_pool_pad",
     .bad = {{[] {
                avg_pool2d(zeros({1, 1, 0, 4}), {});
              },
              "does not fit"}}},
    {.name = "avg_pool2d ceil",
     .shapes = {{{1, 2, 6, 8}}},
     .f = average_with({.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 9,
     .golden = "layers/avg_pool_ceil"},
    {.name = "avg_pool2d without padding in the divisor",
     .shapes = {{{1, 2, 6, 7}}, {{1, 1, 3, 2}}},
     .f = average_with({.kernel = {3, 2},
                        .stride = 2,
                        .padding = {1, 0, 1, 0},
                        .ceil_mode = true,
                        .count_include_pad = false}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 6,
     .golden = "layers/avg_pool_valid"},
    {.name = "adaptive_avg_pool2d",
     .shapes = {{{2, 2, 7, 5}}, {{1, 1, 2, 2}}, {{1, 2, 3, 1}}},
     .f = adaptive_to({3, 2}),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 9,
     .golden = "layers/adaptive_3x2",
     .bad = {{[] {
                adaptive_avg_pool2d(zeros({1, 1, 4, 4}), {0, 1});
              },
              "sizes must be >= 1"}}},
    {.name = "adaptive_avg_pool2d to more bins than pixels",
     .shapes = {{{1, 2, 4, 9}}},
     .f = adaptive_to(6),
     .fast_forward = true,
     .fast_backward = true,
     .terms = 4,
     .golden = "layers/adaptive_6"},
    {.name = "global_avg_pool",
     .shapes = {{{3, 2, 5, 4}}, {{1, 1, 1, 1}}, {{2, 5, 31, 33}}},
     .f = [](const Inputs& in) { return global_avg_pool(in[0]); },
     .fast_forward = true,
     .fast_backward = true,
     .terms = 1023,
     .golden = "layers/global"},
});

}  // namespace
}  // namespace clearcut
