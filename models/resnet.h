// ResNet-18, -34 and -50. Sources: He et al. 2015, arXiv:1512.03385; the stride of a bottleneck sits on its
// 3x3 convolution and parameter names are torchvision's.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "nn/layers.h"

namespace clearcut {

struct ResNetOptions {
  int depth = 18;            // 18, 34 or 50
  std::int64_t classes = 0;  // 0: no fc layer, a trunk for segmentation
  double width = 1;          // factor of the channel counts 64, 128, 256, 512
  /// 32, 16 or 8. At 16 layer4 keeps the resolution of layer3 and its 3x3 convolutions have dilation 2; at 8
  /// layer3 has dilation 2 and layer4 dilation 4. All blocks of a stage are dilated alike, also the first, as
  /// in PaddleSeg (torchvision gives the first one the dilation of the stage before).
  int output_stride = 32;
  bool recompute = false;  // each stage runs again in backward instead of keeping its insides
};

struct BlockOptions {
  std::int64_t in = 0, width = 0;  // channels: of the input and inside
  std::int64_t stride = 1, dilation = 1;
};

/// Convolution "0" and batch norm "1": the shortcut of a block that changes the shape.
struct Downsample : Module {
  Conv2d conv;
  BatchNorm2d bn;

  Downsample(const Scope& at, std::int64_t in, std::int64_t out, std::int64_t stride);
  Var operator()(const Var& x) const;
};

/// y = relu(F(x) + x), or with a Downsample of x where the shape changes.
struct ResidualBlock : Module {
  using Module::Module;
  virtual ~ResidualBlock() = default;
  virtual Var operator()(const Var& x) const = 0;  // [N, in, H, W] -> [N, out, H/stride, W/stride]
};

/// F = two 3x3 convolutions; out = width.
struct BasicBlock : ResidualBlock {
  static constexpr std::int64_t kExpansion = 1;
  Conv2d conv1;
  BatchNorm2d bn1;
  Conv2d conv2;
  BatchNorm2d bn2;
  std::optional<Downsample> downsample;

  BasicBlock(const Scope& at, const BlockOptions& o);
  Var operator()(const Var& x) const override;
};

/// F = 1x1, 3x3 and 1x1 convolutions; out = 4 * width.
struct Bottleneck : ResidualBlock {
  static constexpr std::int64_t kExpansion = 4;
  Conv2d conv1;
  BatchNorm2d bn1;
  Conv2d conv2;
  BatchNorm2d bn2;
  Conv2d conv3;
  BatchNorm2d bn3;
  std::optional<Downsample> downsample;

  Bottleneck(const Scope& at, const BlockOptions& o);
  Var operator()(const Var& x) const override;
};

/// "layer1" ... "layer4": blocks of one width; only the first may have a stride.
struct ResNetStage : Module {
  std::vector<std::unique_ptr<ResidualBlock>> blocks;

  /// first.stride belongs to the first block only.
  ResNetStage(const Scope& at, bool bottleneck, int count, const BlockOptions& first);
  Var operator()(Var x) const;
};

struct ResNet : Module {
  static constexpr int kStages = 4;
  ResNetOptions options;
  Conv2d conv1;
  BatchNorm2d bn1;
  MaxPool2d maxpool;
  ResNetStage layer1, layer2, layer3, layer4;
  std::optional<Linear> fc;

  ResNet(const Scope& at, const ResNetOptions& o);

  /// x [N, 3, H, W] -> the outputs of layer1 ... layer4, of which the last is H / output_stride wide.
  std::vector<Var> stages(const Var& x) const;
  /// The mean of layer4 over its plane, through fc: [N, classes].
  Var logits(const Var& x) const;
  /// Channels of the output of layer `stage`, 1 to 4.
  std::int64_t channels(int stage) const;
};

}  // namespace clearcut
