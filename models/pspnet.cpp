#include "models/pspnet.h"

#include <algorithm>

#include "autograd/rearrange.h"

namespace clearcut {

namespace {

constexpr std::int64_t kBins[] = {1, 2, 3, 6};
constexpr std::int64_t kBranches = 4;

}  // namespace

PyramidPooling::PyramidPooling(const Scope& at, std::int64_t in, std::int64_t out)
    : Module(at),
      stages(at / "stages",
             [&](auto& branches) {
               for (const std::int64_t bin : kBins) branches.add(head_conv(in, in / kBranches, 1), bin);
             }),
      conv_bn_relu2(at / "conv_bn_relu2", head_conv(2 * in, out, 3)) {
  static_assert(std::size(kBins) == kBranches);
}

Var PyramidPooling::operator()(const Var& x) const {
  return run([&] {
    std::vector<Var> parts{x};
    for (auto stage = stages.layers.rbegin(); stage != stages.layers.rend(); ++stage)
      parts.push_back(resized_like((**stage)(x), x));
    return conv_bn_relu2(concat(parts, 1));
  });
}

AuxiliaryHead::AuxiliaryHead(const Scope& at, std::int64_t in, std::int64_t classes)
    : Module(at),
      conv_bn_relu(at / "conv_bn_relu", head_conv(in, in / 4, 3)),
      dropout(at / "dropout", {.p = 0.1}),
      conv(at / "conv", head_conv(in / 4, classes, 1)) {}

Var AuxiliaryHead::operator()(const Var& x) const {
  return run([&] { return conv(dropout(conv_bn_relu(x))); });
}

PspHead::PspHead(const Scope& at, std::int64_t in, std::int64_t aux_in, std::int64_t classes, bool auxiliary)
    : Module(at),
      psp_module(at / "psp_module", in, in / 2),
      dropout(at / "dropout", {.p = 0.1}),
      conv(at / "conv", head_conv(in / 2, classes, 1)) {
  if (auxiliary) auxlayer.emplace(at / "auxlayer", aux_in, classes);
}

Var PspHead::operator()(const Var& layer4) const {
  return run([&] { return conv(dropout(psp_module(layer4))); });
}

}  // namespace clearcut
