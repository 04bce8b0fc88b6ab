// ResNet-18, -34, -50 and -101, and their "vd" form. Sources: He et al. 2015, arXiv:1512.03385; the stride of
// a bottleneck sits on its 3x3 convolution and parameter names are torchvision's. Vd: He et al. 2018,
// arXiv:1812.01187, figure 2 (b) to (d), as in PaddleSeg; names as timm's resnet50d.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/notes.h"
#include "nn/layers.h"

namespace clearcut {

struct ResNetOptions {
  int depth = 18;            // 18, 34, 50 or 101
  std::int64_t classes = 0;  // 0: no fc layer, a trunk for segmentation
  double width = 1;          // factor of the channel counts 64, 128, 256, 512
  /// 32, 16 or 8. At 16 layer4 keeps the resolution of layer3 and its 3x3 convolutions have dilation 2; at 8
  /// layer3 has dilation 2 and layer4 dilation 4.
  int output_stride = 32;
  /// The first block of a dilated stage has the dilation of the stage before, as in torchvision; else all
  /// blocks of a stage are dilated alike, as in PaddleSeg. Not together with a grid.
  bool lagging_dilation = false;
  /// Multi-grid: factors of the dilations of layer4's blocks, one for each; empty: all 1. DeepLabV3 has
  /// {1, 2, 4}, Chen et al. 2017, arXiv:1706.05587.
  std::vector<std::int64_t> grid = {};
  bool recompute = false;  // each stage runs again in backward instead of keeping its insides
};

struct BlockOptions {
  std::int64_t in = 0, width = 0;  // channels: of the input and inside
  std::int64_t stride = 1, dilation = 1;
  bool averaged = false;  // the shortcut is averaged rather than sampled where there is a stride
  Init weight_init = kaiming_normal(Init::Fan::kOut);  // torchvision's
};

/// The shortcut of a block that changes the shape: 1x1 convolution "0" and batch norm "1". The averaged one
/// has the mean of stride x stride pixels "0" (at odd sides of those that are there) and then a convolution
/// "1" of stride 1 and batch norm "2"; without a stride the names stay and "0" is nothing.
struct Downsample : Module {
  std::optional<AvgPool2d> pool;
  Conv2d conv;
  BatchNorm2d bn;

  Downsample(const Scope& at, std::int64_t out, const BlockOptions& block);
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

  /// first.stride belongs to the first block only; grid: factors of the blocks' dilations, or empty.
  ResNetStage(const Scope& at, bool bottleneck, int count, const BlockOptions& first,
              const std::vector<std::int64_t>& grid = {});
  Var operator()(Var x) const;
};

/// 7x7 convolution of stride 2, 3x3 max pooling of stride 2: 64 channels, H / 4 wide.
struct ResNetStem : Module {
  static constexpr Notes kNotes{
      .source = "He et al. 2015, arXiv:1512.03385",
      .differs =
          "As torchvision's, names included: the stride of a bottleneck sits on its 3x3 convolution, "
          "in the paper on the first 1x1 convolution. PaddleSeg 2.3 to 2.6 have no plain ResNet."};
  Conv2d conv1;
  BatchNorm2d bn1;
  MaxPool2d maxpool;

  ResNetStem(const Scope& at, double width);
  Var operator()(const Var& x) const;
  /// What blocks behind this stem have in common.
  static BlockOptions blocks() { return {}; }
};

/// Three 3x3 convolutions, to 32 (stride 2), 32 and 64 channels, and the same pooling. Its blocks have
/// averaged shortcuts, and Paddle's initial values.
struct ResNetVdStem : Module {
  static constexpr Notes kNotes{
      .source = "He et al. 2018, arXiv:1812.01187",
      .differs =
          "As PaddleSeg's ResNet50_vd: three 3x3 convolutions in place of the 7x7 one; a shortcut with a "
          "stride averages 2x2 pixels before its convolution, where the plain ResNet drops three of four. "
          "torchvision has no such network; names are those of timm's resnet50d."};
  Conv2d conv1_0;  // "conv1.0", and so on
  BatchNorm2d conv1_1;
  Conv2d conv1_3;
  BatchNorm2d conv1_4;
  Conv2d conv1_6;
  BatchNorm2d bn1;
  MaxPool2d maxpool;

  ResNetVdStem(const Scope& at, double width);
  Var operator()(const Var& x) const;
  static BlockOptions blocks() { return {.averaged = true, .weight_init = kaiming_normal(Init::Fan::kIn)}; }
};

/// A stem, layer1 ... layer4 and, with classes, fc.
template <class Stem>
struct ResNetOn : Module {
  static constexpr int kStages = 4;
  static constexpr const char* kFeatures = "layer4";
  static constexpr Notes kNotes = Stem::kNotes;
  ResNetOptions options;
  Stem stem;
  ResNetStage layer1, layer2, layer3, layer4;
  std::optional<Linear> fc;

  ResNetOn(const Scope& at, const ResNetOptions& o);

  /// x [N, 3, H, W] -> the outputs of layer1 ... layer4, of which the last is H / output_stride wide.
  std::vector<Var> stages(const Var& x) const;
  /// The mean of layer4 over its plane, through fc: [N, classes].
  Var logits(const Var& x) const;
  const Linear& head() const { return *fc; }
  /// Channels of the output of layer `stage`, 1 to 4.
  std::int64_t channels(int stage) const;
};

/// Trunk of ResNet-50 without fc: 23,508,032 parameters.
using ResNet = ResNetOn<ResNetStem>;
/// Trunk of ResNet-50-vd without fc: 23,527,264 parameters. Most likely the ResNet of the PSSL paper:
/// PaddleSeg had no other.
using ResNetVd = ResNetOn<ResNetVdStem>;

}  // namespace clearcut
