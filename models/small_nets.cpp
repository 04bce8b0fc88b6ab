#include "models/small_nets.h"

#include "autograd/rearrange.h"
#include "models/plain_conv.h"
#include "models/scaled.h"

namespace clearcut {

namespace {

Var pooled_logits(const Var& features, const Linear& head) {
  return head(flatten(global_avg_pool(features)));
}

}  // namespace

SmallResNet::SmallResNet(const Scope& at, const SmallResNetOptions& o)
    : Module(at),
      options(o),
      conv1(at / "conv1", plain_conv(3, scaled(24, o.width), 3, 2)),
      bn1(at / "bn1", scaled(24, o.width)),
      layer1(at / "layer1", false, 1, {.in = scaled(24, o.width), .width = scaled(24, o.width)}),
      layer2(at / "layer2", false, 1, {.in = scaled(24, o.width), .width = scaled(48, o.width), .stride = 2}),
      layer3(at / "layer3", false, 2,
             {.in = scaled(48, o.width), .width = scaled(96, o.width), .stride = 2}) {
  if (o.classes > 0) fc.emplace(at / "fc", LinearOptions{.in = scaled(96, o.width), .out = o.classes});
}

std::vector<Var> SmallResNet::stages(const Var& x) const {
  std::vector<Var> y{layer1(conv_bn_relu(conv1, bn1, x))};
  y.push_back(layer2(y.back()));
  y.push_back(layer3(y.back()));
  return y;
}

Var SmallResNet::logits(const Var& x) const { return pooled_logits(stages(x).back(), head()); }

std::int64_t SmallResNet::channels(int stage) const {
  return scaled(std::int64_t{24} << (stage - 1), options.width);
}

SmallVgg::SmallVgg(const Scope& at, std::int64_t classes, double width)
    : Module(at),
      features(at / "features",
               [&](auto& layers) {
                 std::int64_t in = 3;
                 for (const std::int64_t out : {16, 32, 32, 64, 64, 96}) {
                   layers.add(plain_conv(in, scaled(out, width), 3));
                   in = scaled(out, width);
                 }
               }),
      pool(at / "pool", {.kernel = 2}),
      classifier(at / "classifier", {.in = scaled(96, width), .out = classes}) {}

Var SmallVgg::feature_maps(const Var& x) const {
  Var y = x;
  for (std::size_t i = 0; i < features.layers.size(); ++i) {
    y = (*features.layers[i])(y);
    if (i % 2 == 0 && i + 1 < features.layers.size()) y = pool(y);
  }
  return root().observe(features.path(), y);
}

Var SmallVgg::logits(const Var& x) const { return pooled_logits(feature_maps(x), classifier); }

InvertedResidual::InvertedResidual(const Scope& at, std::int64_t in, std::int64_t out, std::int64_t stride,
                                   std::int64_t expansion)
    : Module(at),
      shortcut(stride == 1 && in == out),
      expand(at / "expand", plain_conv(in, expansion * in, 1)),
      expand_bn(at / "expand_bn", expansion * in),
      depthwise(at / "depthwise", plain_conv(expansion * in, expansion * in, 3, stride, expansion * in)),
      depthwise_bn(at / "depthwise_bn", expansion * in),
      project(at / "project", plain_conv(expansion * in, out, 1)),
      project_bn(at / "project_bn", out) {}

Var InvertedResidual::operator()(const Var& x) const {
  return run([&] {
    const Var y = conv_bn_relu6(depthwise, depthwise_bn, conv_bn_relu6(expand, expand_bn, x));
    return conv_bn(project, project_bn, y, {.residual = shortcut ? x : Var()});
  });
}

SmallMobileNet::SmallMobileNet(const Scope& at, std::int64_t classes, double width)
    : Module(at),
      stem(at / "stem", plain_conv(3, scaled(16, width), 3, 2)),
      blocks(at / "blocks",
             [&](auto& layers) {
               const std::int64_t a = scaled(16, width), b = scaled(24, width), c = scaled(48, width);
               layers.add(a, b, std::int64_t{2}, std::int64_t{3});  // stride, expansion
               layers.add(b, b, std::int64_t{1}, std::int64_t{3});
               layers.add(b, c, std::int64_t{2}, std::int64_t{3});
               layers.add(c, c, std::int64_t{1}, std::int64_t{3});
             }),
      last(at / "last", plain_conv(scaled(48, width), scaled(128, width), 1)),
      classifier(at / "classifier", {.in = scaled(128, width), .out = classes}) {}

Var SmallMobileNet::logits(const Var& x) const { return pooled_logits(last(blocks(stem(x))), classifier); }

}  // namespace clearcut
