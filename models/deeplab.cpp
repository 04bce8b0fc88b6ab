#include "models/deeplab.h"

#include "autograd/rearrange.h"

namespace clearcut {

namespace {

Conv2dOptions branch(std::int64_t in, std::int64_t out, std::int64_t rate) {
  Conv2dOptions o = head_conv(in, out, rate == 1 ? 1 : 3);
  if (rate > 1) {
    o.padding = rate;
    o.dilation = rate;
  }
  return o;
}

Conv2dOptions without_bias(Conv2dOptions o) {
  o.bias = false;
  return o;
}

}  // namespace

std::vector<std::int64_t> aspp_rates(int output_stride) {
  check(output_stride == 8 || output_stride == 16 || output_stride == 32, "aspp_rates",
        "output_stride must be 8, 16 or 32; got ", output_stride);
  const std::int64_t step = 96 / output_stride;
  return {1, step, 2 * step, 3 * step};
}

std::vector<std::int64_t> deeplab_grid(int depth) {
  if (depth == 18) return {1, 2};
  return {1, 2, 4};
}

Aspp::Aspp(const Scope& at, const AsppOptions& o)
    : Module(at),
      aspp_blocks(at / "aspp_blocks",
                  [&](auto& branches) {
                    for (const std::int64_t rate : o.rates) branches.add(branch(o.in, o.out, rate));
                  }),
      global_avg_pool(at / "global_avg_pool", without_bias(head_conv(o.in, o.out, 1)), 1),
      conv_bn_relu(at / "conv_bn_relu",
                   head_conv((static_cast<std::int64_t>(o.rates.size()) + 1) * o.out, o.out, 1)),
      dropout(at / "dropout", {.p = 0.1}) {}

Var Aspp::operator()(const Var& x) const {
  return run([&] {
    std::vector<Var> parts;
    for (const auto& block : aspp_blocks.layers) parts.push_back((*block)(x));
    parts.push_back(resized_like(global_avg_pool(x), x));
    return dropout(conv_bn_relu(concat(parts, 1)));
  });
}

DeepLabV3Head::DeepLabV3Head(const Scope& at, const AsppOptions& o, std::int64_t classes)
    : Module(at), aspp(at / "aspp", o), cls(at / "cls", head_conv(o.out, classes, 1)) {}

Var DeepLabV3Head::operator()(const Var& x) const {
  return run([&] { return cls(aspp(x)); });
}

}  // namespace clearcut
