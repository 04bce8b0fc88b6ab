#include "autograd/reduce.h"

#include "autograd/op_case.h"
#include "tensor/ops/reduce.h"

namespace clearcut {
namespace {

const std::vector<std::vector<Shape>> kMaps = {{{1, 1, 1, 1}}, {{2, 3, 5, 7}}, {{3, 5, 1, 300}}};
constexpr double kMapTerms = 900;          // values summed per result in the largest entry
const Values kDistinct{.distinct = true};  // a maximum must not change hands within a difference step

// Equal maxima: the gradient goes to the first. Expected by the definition of max.
void first_maximum() {
  const Var x(Tensor::from<double>({2, 3}, {1, 4, 4, 7, 7, 7}), true);
  sum(max(x, 1)).backward();
  check(x.grad().values<double>() == std::vector<double>{0, 1, 0, 1, 0, 0}, "test",
        "gradient of max must go to the first maximum");
}

const bool added = add_cases({
    {.name = "sum",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return sum(in[0]); },
     .terms = 5000,
     .golden = "reduce/sum_all"},
    {.name = "sum over N H W",
     .shapes = kMaps,
     .f =
         [](const Inputs& in) {
           return sum(in[0], {0, 2, 3});
         },
     .terms = kMapTerms,
     .golden = "reduce/sum_channels",
     .bad = {{[] {
                sum(Var(Tensor::zeros({2, 3})), {2});
              },
              "sum: dims must lie in [-rank, rank)"},
             {[] {
                sum(Var(Tensor::zeros({2, 3})), {1, -1});
              },
              "sum: dim -1 comes twice"}}},
    {.name = "sum keep",
     .shapes = kMaps,
     .f =
         [](const Inputs& in) {
           return sum(in[0], {1, -1}, true);
         },
     .terms = kMapTerms,
     .golden = "reduce/sum_keep"},
    {.name = "mean",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return mean(in[0]); },
     .terms = 5000,
     .golden = "reduce/mean_all",
     .bad = {{[] {
                mean(Var(Tensor::zeros({0, 3})));
              },
              "mean: x has no elements"}}},
    {.name = "mean over H W",
     .shapes = kMaps,
     .f =
         [](const Inputs& in) {
           return mean(in[0], {2, 3});
         },
     .terms = kMapTerms,
     .golden = "reduce/mean_maps"},
    {.name = "max",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return max(in[0], 1); },
     .values = {kDistinct},
     .golden = "reduce/max_1",
     .oracle = first_maximum,
     .bad = {{[] {
                max(Var(Tensor::zeros({2, 3})), 2);
              },
              "max: dim must lie in [-rank, rank)"},
             {[] {
                max(Var(Tensor::zeros({2, 0})), 1);
              },
              "max: the size along dim 1 must be > 0"}}},
    {.name = "max last keep",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return max(in[0], -1, true); },
     .values = {kDistinct},
     .golden = "reduce/max_last_keep"},
    {.name = "log_sum_exp",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return log_sum_exp(in[0], 1); },
     .values = {{.deviation = 20}},
     .terms = 8,  // dx is made from y as it was kept: values near 60 are rounded by 16 eps
     .golden = "reduce/log_sum_exp_1",
     .bad = {{[] {
                log_sum_exp(Var(Tensor::zeros({2, 0})), 1);
              },
              "the size along dim 1 must be > 0"}}},
    {.name = "log_sum_exp last keep",
     .shapes = kMaps,
     .f = [](const Inputs& in) { return log_sum_exp(in[0], -1, true); },
     .golden = "reduce/log_sum_exp_last_keep"},
    {.name = "log_sum_exp of columns",
     .shapes = {{{3, 7}}, {{3, 1001}}},
     .f =
         [](const Inputs& in) {
           return log_sum_exp(in[0], {{2}, {0, 6, 3}, {5, 1}});
         },
     .values = {{.deviation = 5}},
     .golden = "reduce/log_sum_exp_columns",
     .bad = {{[] {
                log_sum_exp(Var(Tensor::zeros({2, 3})), {{0}});
              },
              "one list of columns per row"},
             {[] {
                log_sum_exp(Var(Tensor::zeros({1, 3})), {{3}});
              },
              "columns must lie in [0, 3), got 3"},
             {[] {
                ops::log_sum_exp(Tensor::zeros({1, 3}), kernels::Columns{{}});
              },
              "columns is empty"}}},
});

}  // namespace
}  // namespace clearcut
