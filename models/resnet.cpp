#include "models/resnet.h"

#include "autograd/matmul.h"
#include "autograd/rearrange.h"
#include "autograd/recompute.h"
#include "models/scaled.h"

namespace clearcut {

namespace {

// The convolutions of a block: without bias, and with its initial values.
Conv2dOptions conv3x3(const BlockOptions& o, std::int64_t in, std::int64_t stride) {
  return {.in = in,
          .out = o.width,
          .kernel = 3,
          .stride = stride,
          .padding = o.dilation,
          .dilation = o.dilation,
          .bias = false,
          .weight_init = o.weight_init};
}

Conv2dOptions conv1x1(const BlockOptions& o, std::int64_t in, std::int64_t out, std::int64_t stride = 1) {
  return {.in = in, .out = out, .stride = stride, .bias = false, .weight_init = o.weight_init};
}

bool changes_shape(const BlockOptions& o, std::int64_t out) { return o.stride != 1 || o.in != out; }

std::vector<int> block_counts(int depth) {
  if (depth == 18) return {2, 2, 2, 2};
  if (depth == 101) return {3, 4, 23, 3};
  check(depth == 34 || depth == 50, "ResNet", "depth must be 18, 34, 50 or 101; got ", depth);
  return {3, 4, 6, 3};
}

bool has_bottlenecks(int depth) { return depth >= 50; }

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

Downsample::Downsample(const Scope& at, std::int64_t out, const BlockOptions& o)
    : Module(at),
      conv(at / (o.averaged ? 1 : 0), conv1x1(o, o.in, out, o.averaged ? 1 : o.stride)),
      bn(at / (o.averaged ? 2 : 1), out) {
  if (o.averaged && o.stride > 1)
    pool.emplace(at / 0, AvgPoolOptions{.kernel = o.stride, .ceil_mode = true, .count_include_pad = false});
}

Var Downsample::operator()(const Var& x) const {
  return run([&] { return conv_bn(conv, bn, pool ? (*pool)(x) : x); });
}

BasicBlock::BasicBlock(const Scope& at, const BlockOptions& o)
    : ResidualBlock(at),
      conv1(at / "conv1", conv3x3(o, o.in, o.stride)),
      bn1(at / "bn1", o.width),
      conv2(at / "conv2", conv3x3(o, o.width, 1)),
      bn2(at / "bn2", o.width) {
  if (changes_shape(o, o.width)) downsample.emplace(at / "downsample", o.width, o);
}

Var BasicBlock::operator()(const Var& x) const {
  return run([&] {
    const Var residual = downsample ? (*downsample)(x) : x;
    return conv_bn_relu(conv2, bn2, conv_bn_relu(conv1, bn1, x), residual);
  });
}

Bottleneck::Bottleneck(const Scope& at, const BlockOptions& o)
    : ResidualBlock(at),
      conv1(at / "conv1", conv1x1(o, o.in, o.width)),
      bn1(at / "bn1", o.width),
      conv2(at / "conv2", conv3x3(o, o.width, o.stride)),
      bn2(at / "bn2", o.width),
      conv3(at / "conv3", conv1x1(o, o.width, kExpansion * o.width)),
      bn3(at / "bn3", kExpansion * o.width) {
  if (changes_shape(o, kExpansion * o.width)) downsample.emplace(at / "downsample", kExpansion * o.width, o);
}

Var Bottleneck::operator()(const Var& x) const {
  return run([&] {
    const Var residual = downsample ? (*downsample)(x) : x;
    const Var y = conv_bn_relu(conv2, bn2, conv_bn_relu(conv1, bn1, x));
    return conv_bn_relu(conv3, bn3, y, residual);
  });
}

ResNetStage::ResNetStage(const Scope& at, bool bottleneck, int count, const BlockOptions& first,
                         const std::vector<std::int64_t>& grid)
    : Module(at) {
  const ErrorScope scope(at.path);
  check(grid.empty() || static_cast<int>(grid.size()) == count, "ResNet", "grid needs ", count,
        " entries, one per block; got ", grid.size());
  BlockOptions o = first;
  for (int i = 0; i < count; ++i) {
    o.dilation = first.dilation * (grid.empty() ? 1 : grid[static_cast<std::size_t>(i)]);
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

std::int64_t stage_channels(int stage, const ResNetOptions& o) {
  const std::int64_t expansion = has_bottlenecks(o.depth) ? Bottleneck::kExpansion : BasicBlock::kExpansion;
  return expansion * scaled(32 << stage, o.width);
}

ResNetStage stage(const Scope& at, int index, const ResNetOptions& o, BlockOptions block) {
  const Geometry g = geometry(index, o.output_stride);
  block.width = scaled(32 << index, o.width);
  block.in = index == 1 ? block.width : stage_channels(index - 1, o);
  block.stride = g.stride;
  block.dilation = g.dilation;
  const int count = block_counts(o.depth)[static_cast<std::size_t>(index - 1)];
  std::vector<std::int64_t> grid = index == 4 ? o.grid : std::vector<std::int64_t>{};
  if (o.lagging_dilation && g.dilation > 1) {
    check(grid.empty(), "ResNet", "lagging_dilation and a grid do not go together");
    grid.assign(static_cast<std::size_t>(count), 2);
    grid[0] = 1;
    block.dilation = g.dilation / 2;
  }
  return ResNetStage(at / cat("layer", index), has_bottlenecks(o.depth), count, block, grid);
}

Conv2dOptions vd_stem_conv(std::int64_t in, std::int64_t out, std::int64_t stride) {
  BlockOptions block = ResNetVdStem::blocks();
  block.width = out;
  return conv3x3(block, in, stride);
}

constexpr MaxPoolOptions kStemPool{.kernel = 3, .stride = 2, .padding = 1};

}  // namespace

ResNetStem::ResNetStem(const Scope& at, double width)
    : Module(at),
      conv1(at / "conv1", {.in = 3,
                           .out = scaled(64, width),
                           .kernel = 7,
                           .stride = 2,
                           .padding = 3,
                           .bias = false,
                           .weight_init = blocks().weight_init}),
      bn1(at / "bn1", scaled(64, width)),
      maxpool(at / "maxpool", kStemPool) {}

Var ResNetStem::operator()(const Var& x) const { return maxpool(conv_bn_relu(conv1, bn1, x)); }

ResNetVdStem::ResNetVdStem(const Scope& at, double width)
    : Module(at),
      conv1_0(at / "conv1" / 0, vd_stem_conv(3, scaled(32, width), 2)),
      conv1_1(at / "conv1" / 1, scaled(32, width)),
      conv1_3(at / "conv1" / 3, vd_stem_conv(scaled(32, width), scaled(32, width), 1)),
      conv1_4(at / "conv1" / 4, scaled(32, width)),
      conv1_6(at / "conv1" / 6, vd_stem_conv(scaled(32, width), scaled(64, width), 1)),
      bn1(at / "bn1", scaled(64, width)),
      maxpool(at / "maxpool", kStemPool) {}

Var ResNetVdStem::operator()(const Var& x) const {
  const Var y = conv_bn_relu(conv1_3, conv1_4, conv_bn_relu(conv1_0, conv1_1, x));
  return maxpool(conv_bn_relu(conv1_6, bn1, y));
}

template <class Stem>
ResNetOn<Stem>::ResNetOn(const Scope& at, const ResNetOptions& o)
    : Module(at),
      options(o),
      stem(at, o.width),
      layer1(stage(at, 1, o, Stem::blocks())),
      layer2(stage(at, 2, o, Stem::blocks())),
      layer3(stage(at, 3, o, Stem::blocks())),
      layer4(stage(at, 4, o, Stem::blocks())) {
  if (o.classes > 0) fc.emplace(at / "fc", LinearOptions{.in = channels(4), .out = o.classes});
}

template <class Stem>
std::int64_t ResNetOn<Stem>::channels(int stage) const {
  return stage_channels(stage, options);
}

template <class Stem>
std::vector<Var> ResNetOn<Stem>::stages(const Var& x) const {
  std::vector<Var> outputs;
  Var y = stem(x);
  for (const ResNetStage* layer : {&layer1, &layer2, &layer3, &layer4}) {
    y = options.recompute ? recompute([layer](const Var& in) { return (*layer)(in); }, y) : (*layer)(y);
    outputs.push_back(y);
  }
  return outputs;
}

template <class Stem>
Var ResNetOn<Stem>::logits(const Var& x) const {
  check(fc.has_value(), "ResNet", "made without classes, as a trunk: it has no logits");
  return (*fc)(flatten(global_avg_pool(stages(x).back())));
}

template struct ResNetOn<ResNetStem>;
template struct ResNetOn<ResNetVdStem>;

}  // namespace clearcut
