#include <algorithm>

#include "models/build_parts.h"
#include "models/hrnet.h"
#include "models/mobilenet.h"
#include "models/small_nets.h"
#include "models/squeezenet.h"

namespace clearcut {

namespace {

std::vector<std::string> names_or_numbers(const std::vector<std::string>& names, const char* what,
                                          std::int64_t classes) {
  check(names.empty() || static_cast<std::int64_t>(names.size()) == classes, "model", what, " needs ",
        classes, " entries, one per class; got ", names.size());
  if (!names.empty()) return names;
  std::vector<std::string> numbered;
  for (std::int64_t c = 0; c < classes; ++c) numbered.push_back(cat("class ", c));
  return numbered;
}

template <class Net>
CamWeights cam_of(const Net& net) {
  return {.weights = net.head().weight.value().to(DType::kFloat32), .path = Net::kFeatures};
}
CamWeights cam_of(const SqueezeNet& net) {
  CamWeights cam = cam_of_class_maps(net.classifier.weight.value().dim(0), SqueezeNet::kClassMaps);
  cam.weights = cam.weights.to(net.root().device());
  return cam;
}

template <class Net>
class BuiltClassifier final : public Classifier {
 public:
  template <class... Argument>
  explicit BuiltClassifier(const ModelSpec& spec, const Argument&... arguments)
      : spec_(spec), registry_(spec.seed, spec.device, spec.dtype), net_(registry_.scope(), arguments...) {
    spec_.class_names = names_or_numbers(spec.class_names, "class_names", spec.classes);
    spec_.class_ids = spec.class_ids.empty() ? spec_.class_names
                                             : names_or_numbers(spec.class_ids, "class_ids", spec.classes);
  }

  const std::string& name() const override { return spec_.name; }
  Var logits(const Var& x) const override {
    check_rank(spec_.name.c_str(), "x", x.value(), 4, "[N, 3, H, W]");
    return net_.logits(x);
  }
  Registry& registry() override { return registry_; }
  const Preprocess& preprocess() const override { return spec_.preprocess; }
  const std::vector<std::string>& class_names() const override { return spec_.class_names; }
  const std::vector<std::string>& class_ids() const override { return spec_.class_ids; }
  std::string feature_path() const override { return Net::kFeatures; }
  std::optional<CamWeights> cam_weights() const override { return cam_of(net_); }

 private:
  ModelSpec spec_;
  Registry registry_;
  Net net_;
};

template <class Net>
std::unique_ptr<Classifier> make_resnet(const ModelSpec& spec) {
  return std::make_unique<BuiltClassifier<Net>>(spec, build::resnet_options(spec, 32, spec.classes));
}

std::unique_ptr<Classifier> make_hrnet(const ModelSpec& spec) {
  build::check_plain(spec, 32);
  return std::make_unique<BuiltClassifier<HrNet>>(
      spec, HrNetOptions{.form = HrNetForm::kClassifier, .classes = spec.classes, .width = spec.width});
}

template <class Net>
std::unique_ptr<Classifier> make_mobilenet(const ModelSpec& spec) {
  build::check_plain(spec, 32);
  return std::make_unique<BuiltClassifier<Net>>(
      spec, MobileNetOptions{.classes = spec.classes, .width = spec.width});
}

template <SqueezeNetVersion version>
std::unique_ptr<Classifier> make_squeezenet(const ModelSpec& spec) {
  build::check_plain(spec, 16);
  return std::make_unique<BuiltClassifier<SqueezeNet>>(
      spec, SqueezeNetOptions{.version = version, .classes = spec.classes, .width = spec.width});
}

template <class Net>
std::unique_ptr<Classifier> make_small(const ModelSpec& spec) {
  build::check_plain(spec, 8);
  if constexpr (std::is_same_v<Net, SmallResNet>)
    return std::make_unique<BuiltClassifier<Net>>(
        spec, SmallResNetOptions{.classes = spec.classes, .width = spec.width});
  else
    return std::make_unique<BuiltClassifier<Net>>(spec, spec.classes, spec.width);
}

struct Row {
  const char* name;
  std::unique_ptr<Classifier> (*make)(const ModelSpec& spec);
  Notes notes;
};

constexpr Row kClassifiers[] = {
    {"resnet18", make_resnet<ResNet>, ResNet::kNotes},
    {"resnet34", make_resnet<ResNet>, ResNet::kNotes},
    {"resnet50", make_resnet<ResNet>, ResNet::kNotes},
    {"resnet101", make_resnet<ResNet>, ResNet::kNotes},
    {"resnet50_vd", make_resnet<ResNetVd>, ResNetVd::kNotes},
    {"hrnet_w18", make_hrnet, HrNet::kNotes},
    {"mobilenet_v1", make_mobilenet<MobileNetV1>, MobileNetV1::kNotes},
    {"mobilenet_v2", make_mobilenet<MobileNetV2>, MobileNetV2::kNotes},
    {"squeezenet1_0", make_squeezenet<SqueezeNetVersion::k1_0>, SqueezeNet::kNotes},
    {"squeezenet1_1", make_squeezenet<SqueezeNetVersion::k1_1>, SqueezeNet::kNotes},
    {"small_resnet", make_small<SmallResNet>, SmallResNet::kNotes},
    {"small_vgg", make_small<SmallVgg>, SmallVgg::kNotes},
    {"small_mobilenet", make_small<SmallMobileNet>, SmallMobileNet::kNotes},
};

}  // namespace

std::vector<std::string> classifier_names() {
  std::vector<std::string> names;
  for (const Row& row : kClassifiers) names.emplace_back(row.name);
  return names;
}

const Notes* build::classifier_notes(const std::string& name) {
  const auto* row = std::ranges::find(kClassifiers, name, &Row::name);
  return row != std::end(kClassifiers) ? &row->notes : nullptr;
}

std::unique_ptr<Classifier> make_classifier(const ModelSpec& spec) {
  build::check_spec(spec, classifier_names());
  return std::ranges::find(kClassifiers, spec.name, &Row::name)->make(spec);
}

}  // namespace clearcut
