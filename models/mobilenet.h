// MobileNet v1 and v2: depthwise convolutions, each channel for itself, and 1x1 convolutions in turn.
#pragma once

#include <memory>
#include <vector>

#include "models/notes.h"
#include "nn/layers.h"

namespace clearcut {

struct MobileNetOptions {
  std::int64_t classes = 0;
  double width = 1;  // factor of all channel counts inside
};

/// Depthwise 3x3 convolution "0", then 1x1 convolution "1", each with batch norm and ReLU.
struct DepthwiseSeparable : Module {
  ConvNorm depthwise, pointwise;

  DepthwiseSeparable(const Scope& at, std::int64_t in, std::int64_t out, std::int64_t stride);
  Var operator()(const Var& x) const;
};

/// "0": 3x3 convolution of stride 2; "1" to "13": separable ones to 1024 channels, H / 32 wide.
struct MobileNetV1Features : Module {
  ConvNorm first;
  std::vector<std::unique_ptr<DepthwiseSeparable>> blocks;

  MobileNetV1Features(const Scope& at, double width);
  Var operator()(const Var& x) const;
};

/// Features, global average, "fc": 4,231,976 parameters with 1000 classes. Source: Howard et al. 2017,
/// arXiv:1704.04861, table 1; with its ReLU and Paddle's padding 1 (the weights of TensorFlow, Keras and timm
/// clamp at 6, and TensorFlow pads "same"). Torchvision has no such net; the names follow its MobileNet v2.
struct MobileNetV1 : Module {
  static constexpr const char* kFeatures = "features";
  static constexpr Notes kNotes{
      .source = "Howard et al. 2017, arXiv:1704.04861",
      .differs =
          "With the paper's ReLU and with padding 1, as PaddleClas's. The weights of TensorFlow, Keras "
          "and timm want ReLU6, and TensorFlow's \"same\" padding. torchvision has no MobileNet v1; "
          "names follow its v2."};
  MobileNetV1Features features;
  Linear fc;

  MobileNetV1(const Scope& at, const MobileNetOptions& o);
  Var logits(const Var& x) const;
  const Linear& head() const { return fc; }
};

struct MobileBlockOptions {
  std::int64_t in = 0, out = 0, stride = 1;
  std::int64_t expansion = 6;  // channels inside / in; at 1 the block has no first convolution
};

/// "conv": 1x1 convolution to expansion * in channels, depthwise 3x3, each with batch norm and ReLU6; 1x1 to
/// out with batch norm. Where shapes agree x is added.
struct MobileBlock : Module {
  bool shortcut;
  std::unique_ptr<ConvNorm> expand;
  ConvNorm depthwise;
  Conv2d project;
  BatchNorm2d project_bn;

  MobileBlock(const Scope& at, const MobileBlockOptions& o);
  Var operator()(const Var& x) const;
};

/// "0": 3x3 convolution of stride 2; "1" to "17": blocks; "18": 1x1 convolution to 1280 channels, H / 32
/// wide.
struct MobileNetV2Features : Module {
  ConvNorm first;
  std::vector<std::unique_ptr<MobileBlock>> blocks;
  ConvNorm last;

  MobileNetV2Features(const Scope& at, double width);
  Var operator()(const Var& x) const;
};

/// Features, global average, dropout 0.2, linear: 3,504,872 parameters with 1000 classes. Names as
/// torchvision's. Source: Sandler et al. 2018, arXiv:1801.04381, table 2.
struct MobileNetV2 : Module {
  static constexpr const char* kFeatures = "features";
  static constexpr Notes kNotes{
      .source = "Sandler et al. 2018, arXiv:1801.04381",
      .differs =
          "As torchvision's, names included. Other widths round channels to multiples of 4, "
          "torchvision's to multiples of 8, and the last 1280 channels are scaled too."};
  MobileNetV2Features features;
  Dropout dropout;
  Linear classifier;

  MobileNetV2(const Scope& at, const MobileNetOptions& o);
  Var logits(const Var& x) const;
  const Linear& head() const { return classifier; }
};

}  // namespace clearcut
