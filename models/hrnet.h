// HRNet-W18: branches of several resolutions side by side, which exchange what they see. Source: Wang et al.
// 2019, arXiv:1908.07919. Parameter names are those of the authors' classification code and of timm's
// hrnet_w18: "stage3.2.fuse_layers.0.1.0.weight". Convolutions have no bias; the three "downsamp_modules" and
// "final_layer" of those checkpoints do, in front of a batch norm: subtract it from the running mean.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/resnet.h"

namespace clearcut {

/// Two forms of one network go by this name, and weights trained in one are a little off in the other.
enum class HrNetForm : std::uint8_t {
  kPaddleSeg,  // trunk for segmentation: convolutions of stride 2 pad "same" (Conv2dOptions::same), maps are
               // brought to a finer branch bilinearly (align_corners = false); weights start at N(0, 0.001^2)
  kClassifier,  // the authors' and PaddleClas's: padding 1, nearest, He et al. by fan_out
};

struct HrNetOptions {
  HrNetForm form = HrNetForm::kPaddleSeg;
  std::int64_t classes = 0;  // 0: no head, a trunk
  double width = 1;          // factor of all channel counts
};

/// One exchange unit: four basic blocks on each branch, then every branch receives all others,
///   y_i = relu(x_i + sum over j > i of up(x_j) + sum over j < i of down(x_j)),
/// up: 1x1 convolution and batch norm, resized to x_i; down: i - j 3x3 convolutions of stride 2 with batch
/// norms, of which all but the last keep the channels of x_j and end in ReLU.
struct HrModule : Module {
  using Chain = std::vector<std::unique_ptr<ConvNorm>>;

  HrNetForm form;
  Sequence<Sequence<BasicBlock>> branches;
  std::vector<std::vector<Chain>> fuse_layers;  // [to i][from j], empty for i = j

  HrModule(const Scope& at, const std::vector<std::int64_t>& channels, HrNetForm form);
  /// Maps of the branches, finest first; taps see y_i as "fuse_layers.i".
  std::vector<Var> operator()(std::vector<Var> x) const;

 private:
  Var fused(const std::vector<Var>& x, std::size_t to) const;
};

/// "incre_modules": a bottleneck on each branch, to 128, 256, 512 and 1024 channels. "downsamp_modules": from
/// the finest branch on, 3x3 convolutions of stride 2 whose result is added to the next coarser one.
/// "final_layer": 1x1 convolution to 2048 channels; its mean over the plane goes through "classifier".
struct HrNetHead : Module {
  std::vector<std::unique_ptr<ResNetStage>> incre_modules;
  std::vector<std::unique_ptr<ConvNorm>> downsamp_modules;
  ConvNorm final_layer;
  Linear classifier;

  /// channels: of the branches.
  HrNetHead(const Scope& at, const std::vector<std::int64_t>& channels, const HrNetOptions& o);
  Var operator()(const std::vector<Var>& branches) const;
};

/// HRNet-W18: 9,562,260 parameters, with the head for 1000 classes 21,295,164.
struct HrNet : Module {
  static constexpr int kStages = 4;
  static constexpr const char* kFeatures = "final_layer";
  static constexpr Notes kNotes{
      .source = "Wang et al. 2019, arXiv:1908.07919",
      .differs =
          "As the authors', timm's hrnet_w18 and PaddleClas's HRNet_W18_C: padding 1, maps are enlarged to "
          "a finer branch by nearest neighbours. Their `downsamp_modules` and `final_layer` have biases in "
          "front of batch norms, which can be subtracted from the running mean; ours have none. "
          "torchvision has no HRNet."};
  static constexpr Notes kTrunkNotes{
      .source = "Wang et al. 2019, arXiv:1908.07919",
      .differs =
          "The trunk in PaddleSeg's form: convolutions of stride 2 pad \"same\" (at even sides 0 "
          "before the map and 1 after it), maps are enlarged to a finer branch bilinearly, weights "
          "start at N(0, 0.001^2). Weights of the classifier have the same names and shapes; they "
          "are a little off here because of the first two."};
  HrNetOptions options;
  Conv2d conv1;
  BatchNorm2d bn1;
  Conv2d conv2;
  BatchNorm2d bn2;
  ResNetStage layer1;
  ConvNorm transition1_0, transition1_1;
  Sequence<HrModule> stage2;
  ConvNorm transition2;
  Sequence<HrModule> stage3;
  ConvNorm transition3;
  Sequence<HrModule> stage4;
  std::optional<HrNetHead> classification;

  HrNet(const Scope& at, const HrNetOptions& o);

  /// x [N, 3, H, W] -> the four branches, H / 4, H / 8, H / 16 and H / 32 wide (each halved rounding up).
  std::vector<Var> stages(const Var& x) const;
  /// Channels of branch `stage`, 1 to 4: 18, 36, 72, 144.
  std::int64_t channels(int stage) const;
  /// All branches at the size of the first, brought there bilinearly and concatenated: [N, 270, H / 4, W /
  /// 4].
  Var joined(const Var& x) const;
  std::int64_t joined_channels() const;
  /// [N, classes].
  Var logits(const Var& x) const;
  const Linear& head() const { return classification->classifier; }
};

}  // namespace clearcut
