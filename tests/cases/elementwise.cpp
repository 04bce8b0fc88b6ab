// One row per line of tensor/elementwise.def.
#include "autograd/elementwise.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

// One element; less than one vector; vectors and a rest.
const std::vector<std::vector<Shape>> kShapes = {{{1}}, {{3, 5}}, {{2, 3, 7, 5}}};

// The test values of the table.
const Values any{.deviation = 3};
const Values small{.deviation = 1};  // 1 - tanh(4)^2 has lost most digits of a float
const Values positive{.deviation = 2, .gap = 0.1, .positive = true};
Values off(double kink) { return {.deviation = 3, .gap = 0.01, .kink = kink}; }

// Parameters of the rows: OP1(x, 0.2), OP2(x, -1.5, 1); the goldens use the same.
const bool added = add_cases({
#define OP(function, value, gradient, kept, test_values)  \
  {.name = #function,                                     \
   .shapes = kShapes,                                     \
   .f = [](const Inputs& in) { return function(in[0]); }, \
   .values = {test_values},                               \
   .fast_forward = true,                                  \
   .fast_backward = true,                                 \
   .golden = "pointwise/" #function},
#define OP1(function, a, value, gradient, kept, test_values)   \
  {.name = #function " scalar",                                \
   .shapes = kShapes,                                          \
   .f = [](const Inputs& in) { return function(in[0], 0.2); }, \
   .values = {test_values},                                    \
   .fast_forward = true,                                       \
   .fast_backward = true,                                      \
   .golden = "pointwise/" #function},
#define OP2(function, a, b, value, gradient, kept, test_values)    \
  {.name = #function,                                              \
   .shapes = kShapes,                                              \
   .f = [](const Inputs& in) { return function(in[0], -1.5, 1); }, \
   .values = {test_values},                                        \
   .fast_forward = true,                                           \
   .fast_backward = true,                                          \
   .golden = "pointwise/" #function},
#include "tensor/elementwise.def"
    {.name = "relu in more than one chunk",
     .shapes = {{{3, 11003}}},
     .f = [](const Inputs& in) { return relu(in[0]); },
     .values = {off(0)},
     .fast_forward = true,
     .fast_backward = true,
     .golden = "pointwise/relu"},
    {.name = "relu6",
     .shapes = {{{2, 3}}},
     .f = [](const Inputs& in) { return relu6(in[0]); },
     .values = {{.mean = 3, .deviation = 4, .gap = 0.01}},
     .fast_forward = true,
     .fast_backward = true,
     .golden = "pointwise/relu6",
     .bad = {{[] { relu6(Var(Tensor::zeros({2}, DType::kInt32))); },
              "clamp: dtype must be one of float32, float64; got int32"},
             {[] { relu6(Var()); }, "clamp: x is undefined"}}},
});

}  // namespace
}  // namespace clearcut
