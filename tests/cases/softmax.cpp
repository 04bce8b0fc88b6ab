#include "autograd/softmax.h"

#include "autograd/op_case.h"
#include "tensor/ops/softmax.h"

namespace clearcut {
namespace {

// Rows, channels of a map, and one class; deviation 4 makes some probabilities tiny.
const std::vector<std::vector<Shape>> kShapes = {{{1, 1}}, {{3, 2}}, {{5, 31}}, {{7, 129}}, {{2, 5, 3, 4}}};

const bool added = add_cases({
    {.name = "softmax",
     .shapes = kShapes,
     .f = [](const Inputs& in) { return softmax(in[0]); },
     .values = {{.deviation = 4}},
     .fast_forward = true,
     .fast_backward = true,
     .golden = "softmax/softmax_dim1",
     .bad = {{[] {
                softmax(Var(Tensor::zeros({2, 3})), 2);
              },
              "dim must lie in [-rank, rank)"},
             {[] {
                softmax(Var(Tensor::zeros({2, 0})));
              },
              "size along dim 1 must be > 0"},
             {[] {
                ops::softmax(Tensor::zeros({2, 3}, DType::kInt32));
              },
              "dtype must be one of float32, float64"}}},
    {.name = "softmax last dim",
     .shapes = {{{4, 3, 5}}},
     .f = [](const Inputs& in) { return softmax(in[0], -1); },
     .values = {{.deviation = 4}},
     .fast_forward = true,
     .fast_backward = true,
     .golden = "softmax/softmax_last"},
    {.name = "log_softmax",
     .shapes = kShapes,
     .f = [](const Inputs& in) { return log_softmax(in[0]); },
     .values = {{.deviation = 4}},
     .fast_forward = true,
     .fast_backward = true,
     .golden = "softmax/log_softmax_dim1",
     .bad = {{[] {
                log_softmax(Var(Tensor::zeros({2, 3})), -3);
              },
              "dim must lie in"}}},
    {.name = "log_softmax last dim",
     .shapes = {{{4, 3, 5}}},
     .f = [](const Inputs& in) { return log_softmax(in[0], -1); },
     .values = {{.deviation = 4}},
     .fast_forward = true,
     .fast_backward = true,
     .golden = "softmax/log_softmax_last"},
});

}  // namespace
}  // namespace clearcut
