// PSPNet: pyramid pooling on a dilated ResNet. Source: Zhao et al. 2016, arXiv:1612.01105; head, order of the
// concatenation, biases and parameter names as PaddleSeg's PSPNet, without the underscores of its names.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/head_layers.h"
#include "models/notes.h"

namespace clearcut {

/// [N, in, h, w] -> [N, out, h, w]: x and its averages in 1, 4, 9 and 36 bins, brought back to h x w
/// bilinearly (align_corners = false), concatenated as [x, 6x6, 3x3, 2x2, 1x1], then a 3x3 convolution.
struct PyramidPooling : Module {
  Sequence<PooledConv> stages;  // bins 1, 2, 3, 6; in / 4 channels each
  ConvBnRelu conv_bn_relu2;

  PyramidPooling(const Scope& at, std::int64_t in, std::int64_t out);
  Var operator()(const Var& x) const;
};

/// Auxiliary classifier on layer3: 3x3 convolution to in / 4 channels, dropout 0.1, 1x1 convolution to
/// classes.
struct AuxiliaryHead : Module {
  ConvBnRelu conv_bn_relu;
  Dropout dropout;
  Conv2d conv;

  AuxiliaryHead(const Scope& at, std::int64_t in, std::int64_t classes);
  Var operator()(const Var& x) const;
};

/// Pyramid pooling to in / 2 channels (2048 -> 1024 as published), dropout 0.1, 1x1 convolution to classes.
struct PspHead : Module {
  PyramidPooling psp_module;
  Dropout dropout;
  Conv2d conv;
  std::optional<AuxiliaryHead> auxlayer;

  PspHead(const Scope& at, std::int64_t in, std::int64_t aux_in, std::int64_t classes, bool auxiliary);
  Var operator()(const Var& layer4) const;
};

struct PspNetOptions {
  std::int64_t classes = 0;
  bool auxiliary = true;
};

/// The net: "backbone" and "head". A Trunk has stages(x), channels(stage) and kStages. In training the 1 x 1
/// bin refuses batches of one picture; see PooledConv.
template <class Trunk>
struct PspNet : Module {
  static constexpr Notes kNotes{
      .source = "Zhao et al. 2016, arXiv:1612.01105",
      .differs =
          "As PaddleSeg's, whose names it has without their underscores: pooled maps are joined from "
          "6x6 down to 1x1, convolutions of the head have biases in front of batch norms too, and all "
          "blocks of a dilated stage are dilated alike. PaddleSeg has it on ResNet-vd. torchvision "
          "has no PSPNet."};
  Trunk backbone;
  PspHead head;

  template <class TrunkOptions>
  PspNet(const Scope& at, const TrunkOptions& trunk, const PspNetOptions& o)
      : Module(at),
        backbone(at / "backbone", trunk),
        head(at / "head", backbone.channels(Trunk::kStages), backbone.channels(Trunk::kStages - 1), o.classes,
             o.auxiliary) {}

  /// x [N, 3, H, W] -> logits [N, classes, h, w] of the head, and of the auxiliary head if wanted and there.
  std::vector<Var> logits(const Var& x, bool with_auxiliary) const {
    const std::vector<Var> stages = backbone.stages(x);
    std::vector<Var> outputs{head(stages[Trunk::kStages - 1])};
    if (with_auxiliary && head.auxlayer) outputs.push_back((*head.auxlayer)(stages[Trunk::kStages - 2]));
    return outputs;
  }
};

}  // namespace clearcut
