#include "models/build.h"

#include <algorithm>
#include <map>

#include "models/pspnet.h"
#include "models/small_nets.h"

namespace clearcut {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void check_spec(const ModelSpec& spec, const std::vector<std::string>& known, int stride_for_zero) {
  check(std::find(known.begin(), known.end(), spec.name) != known.end(), "model", "no network is called '",
        spec.name, "'; known: ", joined(known));
  check(spec.classes >= 1, "model", spec.name, " needs at least 1 class; got ", spec.classes);
  check(spec.width > 0 && spec.width <= 8, "model", "width must lie in (0, 8]; got ", spec.width);
  const int stride = spec.output_stride ? spec.output_stride : stride_for_zero;
  check(stride == 8 || stride == 16 || stride == 32, "model", "output_stride must be 8, 16 or 32; got ",
        spec.output_stride);
}

std::vector<std::string> names_or_numbers(const std::vector<std::string>& names, const char* what,
                                          std::int64_t classes) {
  check(names.empty() || static_cast<std::int64_t>(names.size()) == classes, "model", what, " needs ",
        classes, " entries, one per class; got ", names.size());
  if (!names.empty()) return names;
  std::vector<std::string> numbered;
  for (std::int64_t c = 0; c < classes; ++c) numbered.push_back(cat("class ", c));
  return numbered;
}

ResNetOptions resnet_options(const ModelSpec& spec, int stride_for_zero, std::int64_t classes) {
  return {.depth = std::stoi(spec.name.substr(spec.name.size() - 2)),
          .classes = classes,
          .width = spec.width,
          .output_stride = spec.output_stride ? spec.output_stride : stride_for_zero,
          .recompute = spec.recompute};
}

// ResNet as a classifier: logits(), head() and kFeatures, as the small networks have them.
struct ResNetClassifier : ResNet {
  static constexpr const char* kFeatures = "layer4";
  using ResNet::ResNet;
  const Linear& head() const { return *fc; }
};

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
  std::optional<CamWeights> cam_weights() const override {
    return CamWeights{.weights = net_.head().weight.value().to(DType::kFloat32), .path = Net::kFeatures};
  }

 private:
  ModelSpec spec_;
  Registry registry_;
  Net net_;
};

template <class Trunk>
class BuiltPspNet final : public Segmenter {
 public:
  template <class TrunkOptions>
  BuiltPspNet(const ModelSpec& spec, const TrunkOptions& trunk)
      : spec_(spec),
        registry_(spec.seed, spec.device, spec.dtype),
        net_(registry_.scope(), trunk, {.classes = spec.classes, .auxiliary = spec.auxiliary}) {}

  const std::string& name() const override { return spec_.name; }
  std::int64_t classes() const override { return spec_.classes; }
  std::vector<Var> logits(const Var& x) const override { return net_.logits(x, true); }
  Var main_logits(const Var& x) const override { return net_.logits(x, false)[0]; }
  std::size_t outputs() const override { return spec_.auxiliary ? 2 : 1; }
  Registry& registry() override { return registry_; }

 private:
  ModelSpec spec_;
  Registry registry_;
  PspNet<Trunk> net_;
};

using ClassifierMaker = std::unique_ptr<Classifier> (*)(const ModelSpec&);

std::unique_ptr<Classifier> make_resnet(const ModelSpec& spec) {
  return std::make_unique<BuiltClassifier<ResNetClassifier>>(spec, resnet_options(spec, 32, spec.classes));
}

void check_small(const ModelSpec& spec) {
  check(spec.output_stride == 0 || spec.output_stride == 8, "model", spec.name, " has output_stride 8; got ",
        spec.output_stride);
  check(!spec.recompute, "model", spec.name, " is too small for recompute; only resnets have it");
}

template <class Net>
std::unique_ptr<Classifier> make_small(const ModelSpec& spec) {
  check_small(spec);
  if constexpr (std::is_same_v<Net, SmallResNet>)
    return std::make_unique<BuiltClassifier<Net>>(
        spec, SmallResNetOptions{.classes = spec.classes, .width = spec.width});
  else
    return std::make_unique<BuiltClassifier<Net>>(spec, spec.classes, spec.width);
}

const std::map<std::string, ClassifierMaker>& classifier_makers() {
  static const std::map<std::string, ClassifierMaker> makers = {
      {"resnet18", make_resnet},           {"resnet34", make_resnet},
      {"resnet50", make_resnet},           {"small_resnet", make_small<SmallResNet>},
      {"small_vgg", make_small<SmallVgg>}, {"small_mobilenet", make_small<SmallMobileNet>},
  };
  return makers;
}

}  // namespace

std::vector<std::string> classifier_names() {
  std::vector<std::string> names;
  for (const auto& [name, maker] : classifier_makers()) names.push_back(name);
  return names;
}

std::unique_ptr<Classifier> make_classifier(const ModelSpec& spec) {
  check_spec(spec, classifier_names(), 32);
  return classifier_makers().at(spec.name)(spec);
}

std::vector<std::string> segmenter_names() {
  return {"pspnet_resnet18", "pspnet_resnet34", "pspnet_resnet50", "pspnet_small_resnet"};
}

std::unique_ptr<Segmenter> make_segmenter(const ModelSpec& spec) {
  check_spec(spec, segmenter_names(), 8);
  if (spec.name != "pspnet_small_resnet")
    return std::make_unique<BuiltPspNet<ResNet>>(spec, resnet_options(spec, 8, 0));
  check_small(spec);
  return std::make_unique<BuiltPspNet<SmallResNet>>(spec, SmallResNetOptions{.width = spec.width});
}

}  // namespace clearcut
