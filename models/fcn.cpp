#include "models/fcn.h"

namespace clearcut {

FcnHead::FcnHead(const Scope& at, std::int64_t in, std::int64_t classes)
    : Module(at),
      conv(at / 0, {.in = in, .out = in / 4, .kernel = 3, .padding = 1, .bias = false}),
      bn(at / 1, in / 4),
      dropout(at / 3, {.p = 0.1}),
      cls(at / 4, {.in = in / 4, .out = classes}) {}

Var FcnHead::operator()(const Var& x) const {
  return run([&] { return cls(dropout(conv_bn_relu(conv, bn, x))); });
}

PointwiseHead::PointwiseHead(const Scope& at, std::int64_t in, std::int64_t classes)
    : Module(at),
      conv_1(at / "conv_1", head_conv(in, in, 1, normal(0.001))),
      cls(at / "cls", head_conv(in, classes, 1, normal(0.001))) {}

Var PointwiseHead::operator()(const Var& x) const {
  return run([&] { return cls(conv_1(x)); });
}

HrNetFcn::HrNetFcn(const Scope& at, const HrNetOptions& trunk, std::int64_t classes)
    : Module(at), backbone(at / "backbone", trunk), head(at / "head", backbone.joined_channels(), classes) {}

std::vector<Var> HrNetFcn::logits(const Var& x, bool) const { return {head(backbone.joined(x))}; }

}  // namespace clearcut
