#include "autograd/arithmetic.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

// Equal shapes; a channel vector; both sides repeated; a scalar; more than one chunk of work.
const std::vector<std::vector<Shape>> kShapes = {
    {{3, 5}, {3, 5}}, {{2, 3, 4, 5}, {3, 1, 1}}, {{2, 1, 5}, {4, 1}}, {{3, 7}, {}}, {{5, 9, 1000}, {9, 1}}};
const std::vector<Values> kValues = {{}, {.deviation = 1, .gap = 0.3, .positive = true}};

template <class F>
OpCase row(const char* name, const char* family, F f, std::vector<BadCall> bad = {}) {
  return {.name = name,
          .shapes = kShapes,
          .f = [f](const Inputs& in) { return f(in[0], in[1]); },
          .values = kValues,
          .terms = 5000,  // the last entry sums the gradient of b over 5 * 1000 products
          .golden = family,
          .bad = std::move(bad)};
}

const auto plus = [](const Var& a, const Var& b) { return a + b; };
const auto minus = [](const Var& a, const Var& b) { return a - b; };
const auto times = [](const Var& a, const Var& b) { return a * b; };
const auto over = [](const Var& a, const Var& b) { return a / b; };

const bool added = add_cases({
    row("add", "arithmetic/add_same", plus,
        {{[] {
            plus(Var(Tensor::zeros({2, 3})), Var(Tensor::zeros({2})));
          },
          "add: shapes [2, 3] and [2] do not broadcast"},
         {[] { plus(Var(Tensor::zeros({2})), Var(Tensor::zeros({2}, DType::kFloat64))); },
          "add: dtypes differ: float32 and float64"},
         {[] { plus(Var(Tensor::zeros({2})), Var(Tensor::zeros({2}, DType::kFloat32, Device::kReference))); },
          "add: devices differ"}}),
    row("add channels", "arithmetic/add_channels", plus),
    row("add both repeated", "arithmetic/add_both", plus),
    row("add scalar tensor", "arithmetic/add_scalar", plus),
    row("sub", "arithmetic/sub_same", minus),
    row("sub channels", "arithmetic/sub_channels", minus),
    row("sub both repeated", "arithmetic/sub_both", minus),
    row("sub scalar tensor", "arithmetic/sub_scalar", minus),
    row("mul", "arithmetic/mul_same", times),
    row("mul channels", "arithmetic/mul_channels", times),
    row("mul both repeated", "arithmetic/mul_both", times),
    row("mul scalar tensor", "arithmetic/mul_scalar", times),
    row("div", "arithmetic/div_same", over),
    row("div channels", "arithmetic/div_channels", over),
    row("div both repeated", "arithmetic/div_both", over),
    row("div scalar tensor", "arithmetic/div_scalar", over),
});

}  // namespace
}  // namespace clearcut
