// Initial values of parameters.
#pragma once

#include "nn/module.h"

namespace clearcut {

/// The law of a parameter's initial values. fan_in = inputs * kernel area of one output value, fan_out =
/// outputs * kernel area / groups, from a weight [out, in / groups, kH, kW] or [out, in].
struct Init {
  enum class Law : std::uint8_t { kNormal, kUniform, kConstant };
  enum class Fan : std::uint8_t { kNone, kIn, kOut };

  Law law = Law::kConstant;
  Fan fan = Fan::kNone;
  double value = 0;  // deviation or bound: value, or value / sqrt(fan); or the constant
};

inline Init constant(double value) { return {.value = value}; }
inline Init normal(double deviation) { return {.law = Init::Law::kNormal, .value = deviation}; }
/// N(0, 2 / fan): keeps the variance through layers with ReLU. With fan_in this is Paddle's default for
/// convolutions, with fan_out torchvision's for ResNets. Source: He et al. 2015, arXiv:1502.01852.
inline Init kaiming_normal(Init::Fan fan) {
  return {.law = Init::Law::kNormal, .fan = fan, .value = 1.4142135623730951};
}
/// U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)): PyTorch's default for the weights and biases of Linear and Conv2d.
inline Init uniform_fan_in() { return {.law = Init::Law::kUniform, .fan = Init::Fan::kIn, .value = 1}; }

/// Values for the parameter at `at`, drawn from RandomStream(seed of the model, "init " + its path): they do
/// not depend on the order in which modules are made. `weight` is the shape that fans are taken from (a bias
/// uses that of its weight). Throws Error if a fan is asked of a weight of rank < 2.
Tensor initial(const Init& init, const Scope& at, const Shape& shape, const Shape& weight);
inline Tensor initial(const Init& init, const Scope& at, const Shape& shape) {
  return initial(init, at, shape, shape);
}

}  // namespace clearcut
