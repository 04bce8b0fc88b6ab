// Three small classifiers of different architecture for pictures of 64 to 96 pixels. Each ends in feature
// maps of 1/8 of the input side, global average pooling and a linear layer, so that class activation maps are
// sharp and all explainers apply.
#pragma once

#include <optional>
#include <vector>

#include "models/resnet.h"

namespace clearcut {

struct SmallResNetOptions {
  std::int64_t classes = 0;  // 0: no fc layer, a trunk for segmentation
  double width = 1;
};

/// 3x3 convolution of stride 2, then residual stages of 24, 48 and 96 channels with 1, 1 and 2 basic blocks.
struct SmallResNet : Module {
  static constexpr Notes kNotes{
      .source = "after He et al. 2015, arXiv:1512.03385",
      .differs =
          "Our own, for pictures of 64 to 96 pixels: no pooling after the first convolution, so that "
          "maps are an eighth as wide as the picture."};
  static constexpr int kStages = 3;
  static constexpr const char* kFeatures = "layer3";
  SmallResNetOptions options;
  Conv2d conv1;
  BatchNorm2d bn1;
  ResNetStage layer1, layer2, layer3;
  std::optional<Linear> fc;

  SmallResNet(const Scope& at, const SmallResNetOptions& o);
  /// The outputs of layer1 ... layer3, H / 2, H / 4 and H / 8 wide.
  std::vector<Var> stages(const Var& x) const;
  Var logits(const Var& x) const;
  const Linear& head() const { return *fc; }
  std::int64_t channels(int stage) const;  // of the output of layer `stage`, 1 to 3
};

/// 3x3 convolutions of 16 | 32, 32 | 64, 64 | 96 channels with batch norm and ReLU; 2x2 max pooling at each
/// bar. Source of the plan: Simonyan and Zisserman 2014, arXiv:1409.1556.
struct SmallVgg : Module {
  static constexpr Notes kNotes{
      .source = "after Simonyan and Zisserman 2014, arXiv:1409.1556",
      .differs =
          "Our own, for pictures of 64 to 96 pixels: with batch norm, and global pooling in place of "
          "the large linear layers."};
  static constexpr const char* kFeatures = "features";
  Sequence<ConvBnRelu> features;
  MaxPool2d pool;
  Linear classifier;

  SmallVgg(const Scope& at, std::int64_t classes, double width);
  Var logits(const Var& x) const;
  const Linear& head() const { return classifier; }

 private:
  Var feature_maps(const Var& x) const;
};

/// 1x1 convolution to `expansion` times the channels, depthwise 3x3, 1x1 back, with ReLU6 between and a
/// shortcut where shapes agree. Source: Sandler et al. 2018, arXiv:1801.04381.
struct InvertedResidual : Module {
  bool shortcut;
  Conv2d expand;
  BatchNorm2d expand_bn;
  Conv2d depthwise;
  BatchNorm2d depthwise_bn;
  Conv2d project;
  BatchNorm2d project_bn;

  InvertedResidual(const Scope& at, std::int64_t in, std::int64_t out, std::int64_t stride,
                   std::int64_t expansion);
  Var operator()(const Var& x) const;
};

/// 3x3 convolution of stride 2 to 16 channels, inverted residuals to 24, 24, 48, 48 channels, 1x1 to 128.
struct SmallMobileNet : Module {
  static constexpr Notes kNotes{
      .source = "after Sandler et al. 2018, arXiv:1801.04381",
      .differs = "Our own, for pictures of 64 to 96 pixels: maps are an eighth as wide as the picture."};
  static constexpr const char* kFeatures = "last";
  ConvBnRelu stem;
  Sequence<InvertedResidual> blocks;
  ConvBnRelu last;
  Linear classifier;

  SmallMobileNet(const Scope& at, std::int64_t classes, double width);
  Var logits(const Var& x) const;
  const Linear& head() const { return classifier; }
};

}  // namespace clearcut
