// Operators of an ONNX graph that work number by number.
// Source of all rules: https://onnx.ai/onnx/operators, opsets 7 to 21.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "models/onnx_node.h"

namespace clearcut::onnx {

namespace {

using Values = std::vector<Var>;

template <Var (*f)(Var&&)>
Run build_unary(NodeReader& node) {
  node.inputs(1, 1);
  return [](Values& in) { return f(std::move(in[0])); };
}

std::int64_t int_add(std::int64_t a, std::int64_t b) {
  std::int64_t y = 0;
  check(!__builtin_add_overflow(a, b, &y), "add", a, " + ", b, " does not fit int64");
  return y;
}
std::int64_t int_sub(std::int64_t a, std::int64_t b) {
  std::int64_t y = 0;
  check(!__builtin_sub_overflow(a, b, &y), "sub", a, " - ", b, " does not fit int64");
  return y;
}
std::int64_t int_mul(std::int64_t a, std::int64_t b) {
  std::int64_t y = 0;
  check(!__builtin_mul_overflow(a, b, &y), "mul", a, " * ", b, " does not fit int64");
  return y;
}
std::int64_t int_div(std::int64_t a, std::int64_t b) {
  check(b != 0 && b != -1, "div", a, " / ", b, " is not supported for integers");
  return a / b;
}

// Of feature maps, or of the integers that sizes are.
template <Var (*f)(const Var&, const Var&), std::int64_t (*g)(std::int64_t, std::int64_t)>
Run build_binary(NodeReader& node) {
  node.inputs(2, 2);
  return [](const Values& in) { return is_integer(in[0]) ? integers(in[0], in[1], g) : f(in[0], in[1]); };
}

Run build_add(NodeReader& node) {
  node.part.kind = Part::Kind::kAdd;
  return build_binary<add, int_add>(node);
}

Run build_identity(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) { return in[0]; };
}

// min(max(x, low), high); the bounds are attributes before opset 11 and inputs since.
Run build_clip(NodeReader& node) {
  double low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  if (node.opset < 11) {
    node.inputs(1, 1);
    low = node.real("min", std::numeric_limits<float>::lowest());
    high = node.real("max", std::numeric_limits<float>::max());
  } else {
    node.inputs(1, 3);
    if (node.given(1)) low = node.constant_scalar(1, "lower bound");
    if (node.given(2)) high = node.constant_scalar(2, "upper bound");
  }
  if (!(low <= high)) node.refuse("its lower bound ", low, " is above its upper bound ", high);
  node.part = {.kind = Part::Kind::kClamp, .low = low, .high = high};
  return [low, high](Values& in) { return clamp(std::move(in[0]), low, high); };
}

// Exporters write relu6 as Min or Max with one number, too.
template <bool is_max>
Run build_extreme(NodeReader& node) {
  node.inputs(2, 2);
  const double bound = node.constant_scalar(1, "second input"),
               infinity = std::numeric_limits<float>::infinity();
  const double low = is_max ? bound : -infinity, high = is_max ? infinity : bound;
  node.part = {.kind = Part::Kind::kClamp, .low = low, .high = high};
  return [low, high](Values& in) { return clamp(std::move(in[0]), low, high); };
}

Run build_relu(NodeReader& node) {
  node.part = {.kind = Part::Kind::kClamp, .low = 0, .high = After{}.high};
  return build_unary<relu>(node);
}

Run build_sum(NodeReader& node) {
  node.inputs(1, std::numeric_limits<std::size_t>::max());
  return [](const Values& in) {
    Var y = in[0];
    for (std::size_t i = 1; i < in.size(); ++i) y = y + in[i];
    return y;
  };
}

Run build_leaky_relu(NodeReader& node) {
  node.inputs(1, 1);
  const double slope = node.real("alpha", 0.01f);
  return [slope](Values& in) { return leaky_relu(std::move(in[0]), slope); };
}

// max(0, x) + slope min(0, x), one slope per channel.
Run build_prelu(NodeReader& node) {
  node.inputs(2, 2);
  return [](const Values& in) { return relu(in[0]) - in[1] * relu(neg(in[0])); };
}

// max(0, x) + alpha (exp(min(0, x)) - 1).
Var elu(const Var& x, double alpha) { return relu(x) + alpha * (exp(neg(relu(neg(x)))) - 1); }

Run build_elu(NodeReader& node) {
  node.inputs(1, 1);
  const double alpha = node.real("alpha", 1);
  return [alpha](const Values& in) { return elu(in[0], alpha); };
}

Run build_selu(NodeReader& node) {
  node.inputs(1, 1);
  const double alpha = node.real("alpha", 1.67326319217681884765625f),
               gamma = node.real("gamma", 1.05070102214813232421875f);
  return [=](const Values& in) { return gamma * elu(in[0], alpha); };
}

// max(0, min(1, alpha x + beta)).
Run build_hard_sigmoid(NodeReader& node) {
  node.inputs(1, 1);
  const double alpha = node.real("alpha", 0.2f), beta = node.real("beta", 0.5f);
  return [alpha, beta](const Values& in) { return clamp(in[0] * alpha + beta, 0, 1); };
}

// x Phi(x) with the normal distribution Phi, or its approximation by tanh: Hendrycks and Gimpel 2016,
// arXiv:1606.08415.
Run build_gelu(NodeReader& node) {
  node.inputs(1, 1);
  const std::string form = node.text("approximate", "none");
  if (form != "none" && form != "tanh") node.refuse("approximate must be none or tanh, got '", form, "'");
  if (form == "none") return [](const Values& in) { return in[0] * (erf(in[0] * std::sqrt(0.5)) + 1) * 0.5; };
  return [](const Values& in) {
    const Var& x = in[0];
    return x * (tanh((x + square(x) * x * 0.044715) * std::sqrt(2 / 3.141592653589793)) + 1) * 0.5;
  };
}

Run build_mish(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) { return in[0] * tanh(softplus(in[0])); };
}

// x to a fixed power: small whole numbers, the square root and its inverse.
Var power(const Var& x, double p) {
  if (p == 0.5) return sqrt(x);
  if (p < 0) return 1 / power(x, -p);
  Var y = x;
  for (int i = 1; i < static_cast<int>(p); ++i) y = i == 1 ? square(x) : y * x;
  return y;
}

Run build_pow(NodeReader& node) {
  node.inputs(2, 2);
  const double p = node.constant_scalar(1, "exponent");
  const bool whole = std::abs(p) >= 1 && std::abs(p) <= 8 && p == std::floor(p);
  if (!whole && std::abs(p) != 0.5)
    node.refuse("its exponent must be a whole number from 1 to 8, 0.5, or minus these; got ", p);
  return [p](const Values& in) { return power(in[0], p); };
}

Run build_reciprocal(NodeReader& node) {
  node.inputs(1, 1);
  return [](const Values& in) { return 1 / in[0]; };
}

Run build_dropout(NodeReader& node) {
  node.inputs(1, 3);
  node.ignore("ratio");
  node.ignore("seed");
  if (node.given(1)) node.constant(1, "ratio");
  if (node.given(2) && node.constant_scalar(2, "training mode") != 0)
    node.refuse("it drops values even in inference; export the model in inference mode");
  return [](const Values& in) { return in[0]; };
}

constexpr BuilderRow kRows[] = {{"Abs", build_unary<abs>},
                                {"Add", build_add},
                                {"Clip", build_clip},
                                {"Div", build_binary<div, int_div>},
                                {"Dropout", build_dropout},
                                {"Elu", build_elu},
                                {"Erf", build_unary<erf>},
                                {"Exp", build_unary<exp>},
                                {"Gelu", build_gelu},
                                {"HardSigmoid", build_hard_sigmoid},
                                {"HardSwish", build_unary<hard_swish>},
                                {"Identity", build_identity},
                                {"LeakyRelu", build_leaky_relu},
                                {"Log", build_unary<log>},
                                {"Max", build_extreme<true>},
                                {"Min", build_extreme<false>},
                                {"Mish", build_mish},
                                {"Mul", build_binary<mul, int_mul>},
                                {"Neg", build_unary<neg>},
                                {"PRelu", build_prelu},
                                {"Pow", build_pow},
                                {"Reciprocal", build_reciprocal},
                                {"Relu", build_relu},
                                {"Selu", build_selu},
                                {"Sigmoid", build_unary<sigmoid>},
                                {"Softplus", build_unary<softplus>},
                                {"Sqrt", build_unary<sqrt>},
                                {"Sub", build_binary<sub, int_sub>},
                                {"Sum", build_sum},
                                {"Tanh", build_unary<tanh>}};

}  // namespace

BuilderTable pointwise_builders() { return kRows; }

}  // namespace clearcut::onnx
