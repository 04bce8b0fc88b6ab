// DeepLabV3: parallel dilated convolutions on a dilated ResNet. Source: Chen et al. 2017, arXiv:1706.05587;
// head, biases and parameter names as PaddleSeg's DeepLabV3, without the underscores of its names.
// torchvision's network of that name has another head: a 3x3 convolution more, no biases before batch norms.
#pragma once

#include <vector>

#include "models/head_layers.h"
#include "models/notes.h"

namespace clearcut {

struct AsppOptions {
  std::int64_t in = 0, out = 256;   // channels
  std::vector<std::int64_t> rates;  // dilations, in pixels of the map; see aspp_rates()
};

/// (1, 12, 24, 36) at output stride 8 and (1, 6, 12, 18) at 16, as published; 32 goes on halving: (1, 3, 6,
/// 9).
std::vector<std::int64_t> aspp_rates(int output_stride);

/// Factors of the dilations of layer4's blocks: 1, 2, 4, as published for its three; a ResNet-18 has two.
std::vector<std::int64_t> deeplab_grid(int depth);

/// Atrous spatial pyramid pooling, [N, in, h, w] -> [N, out, h, w]. Branches of `out` channels: one
/// convolution per rate, 1x1 for rate 1 and 3x3 with that dilation for the others, and the mean of the plane
/// through a 1x1 convolution without bias, spread over the plane. They are concatenated in this order; a 1x1
/// convolution and dropout 0.1 follow. In training the mean refuses batches of one picture; see PooledConv.
struct Aspp : Module {
  Sequence<ConvBnRelu> aspp_blocks;
  PooledConv global_avg_pool;
  ConvBnRelu conv_bn_relu;
  Dropout dropout;

  Aspp(const Scope& at, const AsppOptions& o);
  Var operator()(const Var& x) const;
};

/// Aspp and a 1x1 convolution to classes.
struct DeepLabV3Head : Module {
  Aspp aspp;
  Conv2d cls;

  DeepLabV3Head(const Scope& at, const AsppOptions& o, std::int64_t classes);
  Var operator()(const Var& x) const;
};

struct DeepLabV3Options {
  std::int64_t classes = 0;
  std::int64_t channels = 256;  // of each branch
  int output_stride = 8;        // of the trunk
};

/// The net: "backbone" and "head", one output. A Trunk has stages(x), channels(stage) and kStages; the
/// published one is a ResNet with deeplab_grid().
template <class Trunk>
struct DeepLabV3 : Module {
  static constexpr Notes kNotes{
      .source = "Chen et al. 2017, arXiv:1706.05587",
      .differs =
          "As PaddleSeg's, whose names it has without their underscores: multi-grid 1, 2, 4, biases in "
          "front of batch norms (not in the pooled branch), no auxiliary output. torchvision's network "
          "of this name has one 3x3 convolution more, no such biases and no multi-grid. PaddleSeg has "
          "it on ResNet-vd."};
  Trunk backbone;
  DeepLabV3Head head;

  template <class TrunkOptions>
  DeepLabV3(const Scope& at, const TrunkOptions& trunk, const DeepLabV3Options& o)
      : Module(at),
        backbone(at / "backbone", trunk),
        head(at / "head",
             {.in = backbone.channels(Trunk::kStages),
              .out = o.channels,
              .rates = aspp_rates(o.output_stride)},
             o.classes) {}

  /// x [N, 3, H, W] -> logits [N, classes, h, w].
  std::vector<Var> logits(const Var& x, bool /*with_auxiliary: there is none*/) const {
    return {head(backbone.stages(x).back())};
  }
};

}  // namespace clearcut
