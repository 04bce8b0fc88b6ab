#include "models/build_parts.h"
#include "models/pspnet.h"
#include "models/small_nets.h"

namespace clearcut {

namespace {

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

}  // namespace

std::vector<std::string> segmenter_names() {
  return {"pspnet_resnet18", "pspnet_resnet34", "pspnet_resnet50", "pspnet_small_resnet"};
}

std::unique_ptr<Segmenter> make_segmenter(const ModelSpec& spec) {
  build::check_spec(spec, segmenter_names());
  if (spec.name != "pspnet_small_resnet")
    return std::make_unique<BuiltPspNet<ResNet>>(spec, build::resnet_options(spec, 8, 0));
  build::check_plain(spec, 8);
  return std::make_unique<BuiltPspNet<SmallResNet>>(spec, SmallResNetOptions{.width = spec.width});
}

}  // namespace clearcut
