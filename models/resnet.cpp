#include "models/resnet.h"

#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/recompute.h"
#include "models/scaled.h"

namespace clearcut {

namespace {

// torchvision's initial values: He et al. by fan_out.
const Init kConvInit = kaiming_normal(Init::Fan::kOut);

Conv2dOptions conv3x3(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t dilation) {
  return {.in = in,
          .out = out,
          .kernel = 3,
          .stride = stride,
          .padding = dilation,
          .dilation = dilation,
          .bias = false,
          .weight_init = kConvInit};
}

Conv2dOptions conv1x1(std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return {.in = in, .out = out, .stride = stride, .bias = false, .weight_init = kConvInit};
}

bool changes_shape(const BlockOptions& o, std::int64_t out) { return o.stride != 1 || o.in != out; }

std::vector<int> block_counts(int depth) {
  if (depth == 18) return {2, 2, 2, 2};
  check(depth == 34 || depth == 50, "ResNet", "depth must be 18, 34 or 50; got ", depth);
  return {3, 4, 6, 3};
}

struct Geometry {
  std::int64_t stride, dilation;
};

// Stride and dilation of layer `stage` (1 to 4): stages beyond the output stride dilate instead.
Geometry geometry(int stage, int output_stride) {
  const int wanted = 4 << (stage - 1);  // input side / side of this stage's map, without dilation
  check(output_stride == 8 || output_stride == 16 || output_stride == 32, "ResNet",
        "output_stride must be 8, 16 or 32; got ", output_stride);
  if (wanted <= output_stride) return {stage == 1 ? 1 : 2, 1};
  return {1, wanted / output_stride};
}

}  // namespace

Downsample::Downsample(const Scope& at, std::int64_t in, std::int64_t out, std::int64_t stride)
    : Module(at), conv(at / 0, conv1x1(in, out, stride)), bn(at / 1, out) {}

Var Downsample::operator()(const Var& x) const {
  return run([&] { return conv_bn(conv, bn, x); });
}

BasicBlock::BasicBlock(const Scope& at, const BlockOptions& o)
    : ResidualBlock(at),
      conv1(at / "conv1", conv3x3(o.in, o.width, o.stride, o.dilation)),
      bn1(at / "bn1", o.width),
      conv2(at / "conv2", conv3x3(o.width, o.width, 1, o.dilation)),
      bn2(at / "bn2", o.width) {
  if (changes_shape(o, o.width)) downsample.emplace(at / "downsample", o.in, o.width, o.stride);
}

Var BasicBlock::operator()(const Var& x) const {
  return run([&] {
    const Var residual = downsample ? (*downsample)(x) : x;
    return conv_bn_relu(conv2, bn2, conv_bn_relu(conv1, bn1, x), residual);
  });
}

Bottleneck::Bottleneck(const Scope& at, const BlockOptions& o)
    : ResidualBlock(at),
      conv1(at / "conv1", conv1x1(o.in, o.width)),
      bn1(at / "bn1", o.width),
      conv2(at / "conv2", conv3x3(o.width, o.width, o.stride, o.dilation)),
      bn2(at / "bn2", o.width),
      conv3(at / "conv3", conv1x1(o.width, kExpansion * o.width)),
      bn3(at / "bn3", kExpansion * o.width) {
  if (changes_shape(o, kExpansion * o.width))
    downsample.emplace(at / "downsample", o.in, kExpansion * o.width, o.stride);
}

Var Bottleneck::operator()(const Var& x) const {
  return run([&] {
    const Var residual = downsample ? (*downsample)(x) : x;
    const Var y = conv_bn_relu(conv2, bn2, conv_bn_relu(conv1, bn1, x));
    return conv_bn_relu(conv3, bn3, y, residual);
  });
}

ResNetStage::ResNetStage(const Scope& at, bool bottleneck, int count, const BlockOptions& first)
    : Module(at) {
  BlockOptions o = first;
  for (int i = 0; i < count; ++i) {
    if (bottleneck)
      blocks.push_back(std::make_unique<Bottleneck>(at / i, o));
    else
      blocks.push_back(std::make_unique<BasicBlock>(at / i, o));
    o.in = o.width * (bottleneck ? Bottleneck::kExpansion : BasicBlock::kExpansion);
    o.stride = 1;
  }
}

Var ResNetStage::operator()(Var x) const {
  return run([&] {
    for (const auto& block : blocks) x = (*block)(x);
    return x;
  });
}

namespace {

ResNetStage stage(const Scope& at, int index, const ResNetOptions& o) {
  const bool bottleneck = o.depth == 50;
  const std::int64_t expansion = bottleneck ? Bottleneck::kExpansion : BasicBlock::kExpansion;
  const std::int64_t width = scaled(32 << index, o.width);
  const std::int64_t in = index == 1 ? width : expansion * scaled(16 << index, o.width);
  const Geometry g = geometry(index, o.output_stride);
  return ResNetStage(at / cat("layer", index), bottleneck,
                     block_counts(o.depth)[static_cast<std::size_t>(index - 1)],
                     {.in = in, .width = width, .stride = g.stride, .dilation = g.dilation});
}

}  // namespace

ResNet::ResNet(const Scope& at, const ResNetOptions& o)
    : Module(at),
      options(o),
      conv1(at / "conv1", {.in = 3,
                           .out = scaled(64, o.width),
                           .kernel = 7,
                           .stride = 2,
                           .padding = 3,
                           .bias = false,
                           .weight_init = kConvInit}),
      bn1(at / "bn1", scaled(64, o.width)),
      maxpool(at / "maxpool", {.kernel = 3, .stride = 2, .padding = 1}),
      layer1(stage(at, 1, o)),
      layer2(stage(at, 2, o)),
      layer3(stage(at, 3, o)),
      layer4(stage(at, 4, o)) {
  if (o.classes > 0) fc.emplace(at / "fc", LinearOptions{.in = channels(4), .out = o.classes});
}

std::int64_t ResNet::channels(int stage) const {
  const std::int64_t expansion = options.depth == 50 ? Bottleneck::kExpansion : BasicBlock::kExpansion;
  return expansion * scaled(32 << stage, options.width);
}

std::vector<Var> ResNet::stages(const Var& x) const {
  std::vector<Var> outputs;
  Var y = maxpool(conv_bn_relu(conv1, bn1, x));
  for (const ResNetStage* layer : {&layer1, &layer2, &layer3, &layer4}) {
    y = options.recompute ? recompute([layer](const Var& in) { return (*layer)(in); }, y) : (*layer)(y);
    outputs.push_back(y);
  }
  return outputs;
}

Var ResNet::logits(const Var& x) const {
  check(fc.has_value(), "ResNet", "made without classes, as a trunk: it has no logits");
  return (*fc)(flatten(global_avg_pool(stages(x).back())));
}

}  // namespace clearcut
