// SqueezeNet: few parameters by 1x1 convolutions that narrow before 3x3 ones. Source: Iandola et al. 2016,
// arXiv:1602.07360, and the authors' release 1.1; names, ceiling of pooled sizes and initial values as
// torchvision's.
#pragma once

#include <memory>
#include <vector>

#include "models/notes.h"
#include "nn/layers.h"

namespace clearcut {

enum class SqueezeNetVersion : std::uint8_t { k1_0, k1_1 };

struct SqueezeNetOptions {
  SqueezeNetVersion version = SqueezeNetVersion::k1_1;
  std::int64_t classes = 0;
  double width = 1;  // factor of all channel counts inside
};

struct FireOptions {
  std::int64_t in = 0, squeeze = 0, expand = 0;
};

/// 1x1 convolution to `squeeze` channels; from it a 1x1 and a 3x3 convolution to `expand` channels each, side
/// by side: 2 * expand channels. ReLU after each convolution.
struct Fire : Module {
  Conv2d squeeze, expand1x1, expand3x3;

  Fire(const Scope& at, const FireOptions& o);
  Var operator()(const Var& x) const;
};

/// "0": convolution of stride 2 without padding; then fires, and three times 3x3 max pooling of stride 2,
/// sizes rounded up. 512 channels, about H / 16 wide.
struct SqueezeNetFeatures : Module {
  Conv2d first;
  struct Step {
    std::unique_ptr<MaxPool2d> pool;  // before the fire, or null
    std::unique_ptr<Fire> fire;
  };
  std::vector<Step> steps;

  SqueezeNetFeatures(const Scope& at, const SqueezeNetOptions& o);
  Var operator()(const Var& x) const;
};

/// Features, dropout 0.5, 1x1 convolution to one map per class, ReLU, global average: the logits are the
/// means of the class maps "classifier.2", and none is negative. 1,248,424 (1.0) and 1,235,496 (1.1)
/// parameters with 1000 classes.
struct SqueezeNet : Module {
  static constexpr const char* kFeatures = "features";
  static constexpr const char* kClassMaps = "classifier.2";
  static constexpr Notes kNotes{
      .source = "Iandola et al. 2016, arXiv:1602.07360",
      .differs =
          "As torchvision's, names included: sizes of pooled maps are rounded up. 1.1 is the authors' "
          "later release, with as good results for fewer multiply-adds."};
  SqueezeNetFeatures features;
  Dropout dropout;
  Conv2d classifier;

  SqueezeNet(const Scope& at, const SqueezeNetOptions& o);
  Var logits(const Var& x) const;
};

}  // namespace clearcut
