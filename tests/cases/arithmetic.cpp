#include "autograd/arithmetic.h"

#include "autograd/op_case.h"

namespace clearcut {
namespace {

const std::vector<std::vector<Shape>> kSame = {{{3, 5}, {3, 5}}, {{2, 3, 5, 7}, {2, 3, 5, 7}}};
// A channel vector; both sides repeated; a scalar; rows.
const std::vector<std::vector<Shape>> kRepeated = {
    {{2, 3, 4, 5}, {3, 1, 1}}, {{2, 1, 5}, {4, 1}}, {{3, 7}, {}}, {{5, 33}, {9, 1, 33}}};
// Several chunks of work: a channel vector, and a run of 1000 columns.
const std::vector<std::vector<Shape>> kLarge = {{{5, 9, 1000}, {9, 1}}, {{5, 1000}, {9, 1, 1000}}};
const std::vector<Values> kValues = {{}, {.deviation = 1, .gap = 0.3, .positive = true}};

template <class F>
OpCase row(const char* name, const char* family, F f, std::vector<BadCall> bad = {}) {
  const bool same = std::string(family).find("_same") != std::string::npos;
  return {.name = name,
          .shapes = same                               ? kSame
                    : std::string(name) == "mul large" ? kLarge
                                                       : kRepeated,
          .f = [f](const Inputs& in) { return f(in[0], in[1]); },
          .values = kValues,
          .fast_forward = true,
          // The gradient of a + b is dy itself unless something was repeated.
          .fast_backward = !same || std::string(name) != "add",
          .terms = 5000,  // the large rows sum 5 * 1000 products
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
    row("mul large", "arithmetic/mul_channels", times),
    row("mul both repeated", "arithmetic/mul_both", times),
    row("mul scalar tensor", "arithmetic/mul_scalar", times),
    row("div", "arithmetic/div_same", over),
    row("div channels", "arithmetic/div_channels", over),
    row("div both repeated", "arithmetic/div_both", over),
    row("div scalar tensor", "arithmetic/div_scalar", over),
});

}  // namespace
}  // namespace clearcut
