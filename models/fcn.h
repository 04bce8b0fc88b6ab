// FCN: convolutions alone turn the last map into classes. Source: Long et al. 2015, arXiv:1411.4038. Two
// forms: torchvision's for ResNets and PaddleSeg's for HRNet.
#pragma once

#include <optional>
#include <vector>

#include "models/head_layers.h"
#include "models/hrnet.h"

namespace clearcut {

/// 3x3 convolution to in / 4 channels without bias "0", batch norm "1", ReLU, dropout 0.1, 1x1 convolution to
/// classes "4". Names and initial values as torchvision's FCNHead.
struct FcnHead : Module {
  Conv2d conv;
  BatchNorm2d bn;
  Dropout dropout;
  Conv2d cls;

  FcnHead(const Scope& at, std::int64_t in, std::int64_t classes);
  Var operator()(const Var& x) const;
};

struct FcnOptions {
  std::int64_t classes = 0;
  bool auxiliary = true;  // a second head of the same kind on the stage before the last
};

/// The net as torchvision's FCN: "backbone", "classifier", "aux_classifier". A Trunk has stages(x),
/// channels(stage) and kStages; torchvision's is a ResNet with lagging_dilation.
template <class Trunk>
struct Fcn : Module {
  static constexpr Notes kNotes{
      .source = "Long et al. 2015, arXiv:1411.4038",
      .differs =
          "As torchvision's, names included: the first block of a dilated stage has the dilation of "
          "the stage before. torchvision has it on ResNet-50 and -101 only; its basic blocks refuse "
          "dilation, ours take it."};
  Trunk backbone;
  FcnHead classifier;
  std::optional<FcnHead> aux_classifier;

  template <class TrunkOptions>
  Fcn(const Scope& at, const TrunkOptions& trunk, const FcnOptions& o)
      : Module(at),
        backbone(at / "backbone", trunk),
        classifier(at / "classifier", backbone.channels(Trunk::kStages), o.classes) {
    if (o.auxiliary)
      aux_classifier.emplace(at / "aux_classifier", backbone.channels(Trunk::kStages - 1), o.classes);
  }

  /// x [N, 3, H, W] -> logits [N, classes, h, w] of the head, and of the auxiliary head if wanted and there.
  std::vector<Var> logits(const Var& x, bool with_auxiliary) const {
    const std::vector<Var> stages = backbone.stages(x);
    std::vector<Var> outputs{classifier(stages[Trunk::kStages - 1])};
    if (with_auxiliary && aux_classifier) outputs.push_back((*aux_classifier)(stages[Trunk::kStages - 2]));
    return outputs;
  }
};

/// 1x1 convolution that keeps the channels, with bias, batch norm and ReLU "conv_1", and a 1x1 convolution to
/// classes "cls". Names and initial values, weights N(0, 0.001^2) and biases 0, as PaddleSeg's FCNHead, which
/// is the head of Sun et al. 2019, arXiv:1904.04514, for HRNet.
struct PointwiseHead : Module {
  ConvBnRelu conv_1;
  Conv2d cls;

  PointwiseHead(const Scope& at, std::int64_t in, std::int64_t classes);
  Var operator()(const Var& x) const;
};

/// The net as PaddleSeg's FCN: HRNet's joined branches as "backbone", and "head". One output.
struct HrNetFcn : Module {
  static constexpr Notes kNotes{
      .source = "Sun et al. 2019, arXiv:1904.04514",
      .differs =
          "As PaddleSeg's FCN, whose names it has without their underscores: a convolution in front "
          "of a batch norm has a bias. torchvision's FCN has another head."};
  HrNet backbone;
  PointwiseHead head;

  HrNetFcn(const Scope& at, const HrNetOptions& trunk, std::int64_t classes);
  /// x [N, 3, H, W] -> logits [N, classes, H / 4, W / 4].
  std::vector<Var> logits(const Var& x, bool /*with_auxiliary: there is none*/) const;
};

}  // namespace clearcut
