#include <algorithm>

#include "models/build_parts.h"
#include "models/deeplab.h"
#include "models/fcn.h"
#include "models/ocrnet.h"
#include "models/pspnet.h"
#include "models/scaled.h"
#include "models/small_nets.h"

namespace clearcut {

namespace {

/// A Net has logits(x, with_auxiliary).
template <class Net>
class BuiltSegmenter final : public Segmenter {
 public:
  template <class TrunkOptions, class HeadOptions>
  BuiltSegmenter(const ModelSpec& spec, const TrunkOptions& trunk, const HeadOptions& head)
      : spec_(spec), registry_(spec.seed, spec.device, spec.dtype), net_(registry_.scope(), trunk, head) {}

  const std::string& name() const override { return spec_.name; }
  std::int64_t classes() const override { return spec_.classes; }
  std::vector<Var> logits(const Var& x) const override { return outputs_of(x, spec_.auxiliary); }
  Var main_logits(const Var& x) const override { return outputs_of(x, false)[0]; }
  std::size_t outputs() const override { return segmenter_outputs(spec_); }
  Registry& registry() override { return registry_; }

 private:
  std::vector<Var> outputs_of(const Var& x, bool with_auxiliary) const {
    check_rank(spec_.name.c_str(), "x", x.value(), 4, "[N, 3, H, W]");
    return net_.logits(x, with_auxiliary);
  }

  ModelSpec spec_;
  Registry registry_;
  Net net_;
};

template <class Net, class TrunkOptions, class HeadOptions>
std::unique_ptr<Segmenter> built(const ModelSpec& spec, const TrunkOptions& trunk, const HeadOptions& head) {
  return std::make_unique<BuiltSegmenter<Net>>(spec, trunk, head);
}

template <class Trunk>
std::unique_ptr<Segmenter> pspnet(const ModelSpec& spec) {
  const PspNetOptions head{.classes = spec.classes, .auxiliary = spec.auxiliary};
  return built<PspNet<Trunk>>(spec, build::resnet_options(spec, 8, 0), head);
}

std::unique_ptr<Segmenter> small_pspnet(const ModelSpec& spec) {
  build::check_plain(spec, 8);
  const PspNetOptions head{.classes = spec.classes, .auxiliary = spec.auxiliary};
  return built<PspNet<SmallResNet>>(spec, SmallResNetOptions{.width = spec.width}, head);
}

template <class Trunk>
std::unique_ptr<Segmenter> deeplab(const ModelSpec& spec) {
  ResNetOptions trunk = build::resnet_options(spec, 8, 0);
  trunk.grid = deeplab_grid(trunk.depth);
  const DeepLabV3Options head{
      .classes = spec.classes, .channels = scaled(256, spec.width), .output_stride = trunk.output_stride};
  return built<DeepLabV3<Trunk>>(spec, trunk, head);
}

std::unique_ptr<Segmenter> fcn(const ModelSpec& spec) {
  ResNetOptions trunk = build::resnet_options(spec, 8, 0);
  trunk.lagging_dilation = true;
  const FcnOptions head{.classes = spec.classes, .auxiliary = spec.auxiliary};
  return built<Fcn<ResNet>>(spec, trunk, head);
}

std::unique_ptr<Segmenter> hrnet_fcn(const ModelSpec& spec) {
  build::check_plain(spec, 4);
  return built<HrNetFcn>(spec, HrNetOptions{.width = spec.width}, spec.classes);
}

std::unique_ptr<Segmenter> ocrnet(const ModelSpec& spec) {
  build::check_plain(spec, 4);
  const OcrOptions head{
      .classes = spec.classes, .mid = scaled(512, spec.width), .key = scaled(256, spec.width)};
  return built<OcrNet>(spec, HrNetOptions{.width = spec.width}, head);
}

struct Row {
  const char* name;
  std::unique_ptr<Segmenter> (*make)(const ModelSpec& spec);
  bool auxiliary;  // the published network has a second output
  Notes head, trunk;
};

constexpr Notes kPspNet = PspNet<ResNet>::kNotes, kDeepLab = DeepLabV3<ResNet>::kNotes,
                kFcn = Fcn<ResNet>::kNotes;

constexpr Row kSegmenters[] = {
    {"pspnet_resnet18", pspnet<ResNet>, true, kPspNet, ResNet::kNotes},
    {"pspnet_resnet34", pspnet<ResNet>, true, kPspNet, ResNet::kNotes},
    {"pspnet_resnet50", pspnet<ResNet>, true, kPspNet, ResNet::kNotes},
    {"pspnet_resnet50_vd", pspnet<ResNetVd>, true, kPspNet, ResNetVd::kNotes},
    {"pspnet_resnet101", pspnet<ResNet>, true, kPspNet, ResNet::kNotes},
    {"pspnet_small_resnet", small_pspnet, true, kPspNet, SmallResNet::kNotes},
    {"deeplabv3_resnet18", deeplab<ResNet>, false, kDeepLab, ResNet::kNotes},
    {"deeplabv3_resnet34", deeplab<ResNet>, false, kDeepLab, ResNet::kNotes},
    {"deeplabv3_resnet50", deeplab<ResNet>, false, kDeepLab, ResNet::kNotes},
    {"deeplabv3_resnet50_vd", deeplab<ResNetVd>, false, kDeepLab, ResNetVd::kNotes},
    {"deeplabv3_resnet101", deeplab<ResNet>, false, kDeepLab, ResNet::kNotes},
    {"fcn_resnet18", fcn, true, kFcn, ResNet::kNotes},
    {"fcn_resnet34", fcn, true, kFcn, ResNet::kNotes},
    {"fcn_resnet50", fcn, true, kFcn, ResNet::kNotes},
    {"fcn_resnet101", fcn, true, kFcn, ResNet::kNotes},
    {"fcn_hrnet_w18", hrnet_fcn, false, HrNetFcn::kNotes, HrNet::kTrunkNotes},
    {"ocrnet_hrnet_w18", ocrnet, true, OcrNet::kNotes, HrNet::kTrunkNotes},
};

const Row* find_row(const std::string& name) {
  const auto* row = std::ranges::find(kSegmenters, name, &Row::name);
  return row != std::end(kSegmenters) ? row : nullptr;
}

const Row& row_of(const std::string& name) {
  const Row* row = find_row(name);
  check(row != nullptr, "model", "no segmentation network is called '", name, "'");
  return *row;
}

}  // namespace

std::vector<std::string> segmenter_names() {
  std::vector<std::string> names;
  for (const Row& row : kSegmenters) names.emplace_back(row.name);
  return names;
}

std::optional<NetworkFacts> network_facts(const std::string& name) {
  const std::int64_t side = name.find("small_") == std::string::npos ? 224 : 64;
  if (const Notes* notes = build::classifier_notes(name)) return NetworkFacts{false, 1000, side, {*notes}};
  if (const Row* row = find_row(name)) return NetworkFacts{true, 21, side, {row->head, row->trunk}};
  return std::nullopt;
}

std::size_t segmenter_outputs(const ModelSpec& spec) {
  return spec.auxiliary && row_of(spec.name).auxiliary ? 2 : 1;
}

std::unique_ptr<Segmenter> make_segmenter(const ModelSpec& spec) {
  build::check_spec(spec, segmenter_names());
  return row_of(spec.name).make(spec);
}

}  // namespace clearcut
