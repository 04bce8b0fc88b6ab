// `clearcut model verify` on networks whose layers PyTorch put out: tests/golden/models/layers.py.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/build.h"
#include "models/inspect.h"
#include "models/resnet.h"
#include "tests/models/training_golden.h"

namespace clearcut {
namespace {

/// A network and how it is run.
struct Subject {
  std::shared_ptr<void> network;
  Registry& registry;
  Forward forward;
};

/// ResNet-50-vd with a multi-grid, which no network has by name.
Subject dilated_resnet_vd(double width) {
  struct Both {
    Registry registry;
    ResNetVd net;
    explicit Both(const ResNetOptions& o) : net(registry.scope(), o) {}
  };
  const auto both = std::make_shared<Both>(
      ResNetOptions{.depth = 50, .classes = 5, .width = width, .output_stride = 8, .grid = {1, 2, 4}});
  return {both, both->registry, [both](const Var& x) { return both->net.logits(x); }};
}

Subject subject(const std::string& name, double width) {
  if (name == "resnet50_vd_dilated") return dilated_resnet_vd(width);
  const ModelSpec spec{.name = name, .classes = 5, .width = width};
  if (network_facts(name)->segments) {
    const std::shared_ptr<Segmenter> net = make_segmenter(spec);
    return {net, net->registry(), [net](const Var& x) { return net->logits(x)[0]; }};
  }
  const std::shared_ptr<Classifier> net = make_classifier(spec);
  return {net, net->registry(), [net](const Var& x) { return net->logits(x); }};
}

// Sums in another order, and 6e-8 of each value where the file was rounded to float32, some hundred layers
// deep.
constexpr double kTolerance = 1e-5;

/// The file's layers, numbered by their weight in the state, under the paths that they have here.
NamedTensors dump_of(const std::string& file, const Registry& registry) {
  NamedTensors dump = read_npz("tests/golden/models/layers/" + file + ".npz");
  const StateDict state = registry.state();
  for (auto& [name, array] : dump)
    if (name != "input" && name != "output") {
      const std::string& weight = state.at(std::stoul(name)).first;
      name = weight.substr(0, weight.rfind('.'));
    }
  return dump;
}

struct Case {
  std::string name;
  double width;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class VerifyGolden : public testing::TestWithParam<Case> {
 protected:
  VerifyGolden() { test::set_state(net_.registry); }

  const std::string name_ = GetParam().name;
  const Subject net_ = subject(name_, GetParam().width);
  const NamedTensors dump_ = dump_of(name_, net_.registry);
};

TEST_P(VerifyGolden, EveryLayerIsPyTorchs) {
  const Verification result = verify_layers(net_.registry, net_.forward, dump_, name_);
  EXPECT_EQ(result.layers.size(), dump_.size() - 1) << "all but the input";
  const LayerDifference* first = result.first_above(kTolerance);
  EXPECT_EQ(first, nullptr) << first->path << " " << first->relative;
}

// A layer in the middle whose weights are a thousandth too large.
TEST_P(VerifyGolden, TheFirstWrongLayerIsNamed) {
  const Verification right = verify_layers(net_.registry, net_.forward, dump_, name_);
  const std::string wrong = right.layers[right.layers.size() / 2].path;
  for (const auto& [name, tensor] : net_.registry.state())
    if (name == wrong + ".weight")
      for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data<float>()[i] *= 1.001F;
  const Verification result = verify_layers(net_.registry, net_.forward, dump_, name_);
  ASSERT_NE(result.first_above(kTolerance), nullptr);
  EXPECT_EQ(result.first_above(kTolerance)->path, wrong);
}

constexpr double kSixteenth = 0.0625;
INSTANTIATE_TEST_SUITE_P(
    Networks, VerifyGolden,
    testing::Values(Case{"resnet18", 0.125}, Case{"resnet50", kSixteenth}, Case{"resnet50_vd", kSixteenth},
                    Case{"resnet50_vd_dilated", kSixteenth}, Case{"hrnet_w18", 0.25},
                    Case{"mobilenet_v1", 0.125}, Case{"mobilenet_v2", 0.25}, Case{"squeezenet1_0", 0.125},
                    Case{"squeezenet1_1", 0.125}, Case{"pspnet_resnet18", kSixteenth},
                    Case{"pspnet_resnet50", kSixteenth}, Case{"deeplabv3_resnet18", kSixteenth},
                    Case{"deeplabv3_resnet50", kSixteenth}, Case{"fcn_resnet18", kSixteenth},
                    Case{"fcn_resnet50", kSixteenth}, Case{"ocrnet_hrnet_w18", 0.25},
                    Case{"fcn_hrnet_w18", 0.25}));

}  // namespace
}  // namespace clearcut
