#include "models/mobilenet.h"

#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "models/plain_conv.h"
#include "models/scaled.h"

namespace clearcut {

namespace {

Conv2dOptions depthwise_conv(std::int64_t channels, std::int64_t stride) {
  return plain_conv(channels, channels, 3, stride, channels);
}

// torchvision's initial values
LinearOptions linear_head(std::int64_t in, std::int64_t out) {
  return {.in = in, .out = out, .weight_init = normal(0.01), .bias_init = constant(0)};
}

Var relu_of(const ConvNorm& layer, const Var& x) { return layer(x, {.low = 0}); }
Var relu6_of(const ConvNorm& layer, const Var& x) { return layer(x, {.low = 0, .high = 6}); }

// Columns of table 1: channels and stride of the separable convolutions.
struct V1Row {
  std::int64_t out, stride;
};
constexpr V1Row kV1[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                         {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};

// Rows of table 2: so many blocks of `out` channels, of which the first has the stride.
struct V2Row {
  std::int64_t expansion, out;
  int blocks;
  std::int64_t stride;
};
constexpr V2Row kV2[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                         {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

std::vector<std::unique_ptr<DepthwiseSeparable>> v1_blocks(const Scope& at, double width) {
  std::vector<std::unique_ptr<DepthwiseSeparable>> blocks;
  std::int64_t in = scaled(32, width);
  for (const V1Row& row : kV1) {
    const std::int64_t out = scaled(row.out, width);
    const int index = static_cast<int>(blocks.size()) + 1;
    blocks.push_back(std::make_unique<DepthwiseSeparable>(at / index, in, out, row.stride));
    in = out;
  }
  return blocks;
}

std::vector<std::unique_ptr<MobileBlock>> v2_blocks(const Scope& at, double width) {
  std::vector<std::unique_ptr<MobileBlock>> blocks;
  MobileBlockOptions o{.out = scaled(32, width)};
  for (const V2Row& row : kV2)
    for (int i = 0; i < row.blocks; ++i) {
      o = {.in = o.out,
           .out = scaled(row.out, width),
           .stride = i == 0 ? row.stride : 1,
           .expansion = row.expansion};
      blocks.push_back(std::make_unique<MobileBlock>(at / (static_cast<int>(blocks.size()) + 1), o));
    }
  return blocks;
}

}  // namespace

DepthwiseSeparable::DepthwiseSeparable(const Scope& at, std::int64_t in, std::int64_t out,
                                       std::int64_t stride)
    : Module(at), depthwise(at / 0, depthwise_conv(in, stride)), pointwise(at / 1, plain_conv(in, out, 1)) {}

Var DepthwiseSeparable::operator()(const Var& x) const {
  return run([&] { return relu_of(pointwise, relu_of(depthwise, x)); });
}

MobileNetV1Features::MobileNetV1Features(const Scope& at, double width)
    : Module(at), first(at / 0, plain_conv(3, scaled(32, width), 3, 2)), blocks(v1_blocks(at, width)) {}

Var MobileNetV1Features::operator()(const Var& x) const {
  return run([&] {
    Var y = relu_of(first, x);
    for (const auto& block : blocks) y = (*block)(y);
    return y;
  });
}

MobileNetV1::MobileNetV1(const Scope& at, const MobileNetOptions& o)
    : Module(at),
      features(at / "features", o.width),
      fc(at / "fc", linear_head(scaled(1024, o.width), o.classes)) {}

Var MobileNetV1::logits(const Var& x) const { return fc(flatten(global_avg_pool(features(x)))); }

MobileBlock::MobileBlock(const Scope& at, const MobileBlockOptions& o)
    : Module(at),
      shortcut(o.stride == 1 && o.in == o.out),
      expand(o.expansion > 1
                 ? std::make_unique<ConvNorm>(at / "conv" / 0, plain_conv(o.in, o.expansion * o.in, 1))
                 : nullptr),
      depthwise(at / "conv" / (o.expansion > 1 ? 1 : 0), depthwise_conv(o.expansion * o.in, o.stride)),
      project(at / "conv" / (o.expansion > 1 ? 2 : 1), plain_conv(o.expansion * o.in, o.out, 1)),
      project_bn(at / "conv" / (o.expansion > 1 ? 3 : 2), o.out) {}

Var MobileBlock::operator()(const Var& x) const {
  return run([&] {
    const Var y = relu6_of(depthwise, expand ? relu6_of(*expand, x) : x);
    return conv_bn(project, project_bn, y, {.residual = shortcut ? x : Var()});
  });
}

MobileNetV2Features::MobileNetV2Features(const Scope& at, double width)
    : Module(at),
      first(at / 0, plain_conv(3, scaled(32, width), 3, 2)),
      blocks(v2_blocks(at, width)),
      last(at / (static_cast<int>(blocks.size()) + 1),
           plain_conv(scaled(320, width), scaled(1280, width), 1)) {}

Var MobileNetV2Features::operator()(const Var& x) const {
  return run([&] {
    Var y = relu6_of(first, x);
    for (const auto& block : blocks) y = (*block)(y);
    return relu6_of(last, y);
  });
}

MobileNetV2::MobileNetV2(const Scope& at, const MobileNetOptions& o)
    : Module(at),
      features(at / "features", o.width),
      dropout(at / "classifier" / 0, {.p = 0.2}),
      classifier(at / "classifier" / 1, linear_head(scaled(1280, o.width), o.classes)) {}

Var MobileNetV2::logits(const Var& x) const {
  return classifier(dropout(flatten(global_avg_pool(features(x)))));
}

}  // namespace clearcut
