// Trunks and classifiers against PyTorch. The numbers are from tests/golden/models/trunks.py.
#include <gtest/gtest.h>

#include "autograd/cross_entropy.h"
#include "models/hrnet.h"
#include "models/mobilenet.h"
#include "models/squeezenet.h"
#include "tests/models/training_golden.h"

namespace clearcut {
namespace {

using test::exact;
using test::fast;
using test::Precision;
using test::Training;

constexpr HrNetForm kClassifier = HrNetForm::kClassifier;

template <class Net>
void without_dropout(Net& net) {
  if constexpr (requires { net.dropout; }) net.dropout.options.p = 0;  // PyTorch draws other masks
}

/// A classifier on pictures whose classes are `labels`.
template <class Net>
Training training(const char* golden, Registry& registry, const Net& net, const Shape& input,
                  const std::vector<std::int32_t>& labels) {
  const Tensor y = Tensor::from<std::int32_t>({input[0]}, labels).to(registry.device());
  return {.golden = golden,
          .registry = registry,
          .logits = [&net](const Var& x) { return net.logits(x); },
          .loss =
              [&net, y](const Var& x, Var* logits) {
                *logits = net.logits(x);
                return cross_entropy(*logits, y, {.epsilon = 0});  // PyTorch's has none
              },
          .input = input,
          .rate = 0.02};
}

template <class Net, class Options>
void narrow(const char* golden, const Options& options, const Precision& p) {
  Registry registry(1, p.device, p.dtype);
  Net net(registry.scope(), options);
  without_dropout(net);
  test::expect_as_pytorch(training(golden, registry, net, {3, 3, 64, 48}, {2, 0, 4}), p);
}

// In float64 with frozen batch norms, each gradient's norm and three products; errors are measured by the
// norm.
template <class Net, class Options>
void full_width_gradients(const test::Golden& golden, const Options& options) {
  constexpr double kTolerance = 1e-9;  // sums in another order, some hundred layers deep
  Registry registry(1, Device::kReference, DType::kFloat64);
  Net net(registry.scope(), options);
  without_dropout(net);
  test::set_state(registry);
  const Training t = training("", registry, net, {2, 3, 32, 32}, {3, 8});
  Var logits;
  t.loss(test::input_of(t), &logits).backward();
  const auto norms = golden.at("gradient_norms").values<double>();
  const auto products = golden.at("gradient_products").values<double>();
  ASSERT_EQ(norms.size(), registry.params().size());
  for (std::size_t i = 0; i < norms.size(); ++i) {
    const Param& p = *registry.params()[i];
    EXPECT_NEAR(test::norm(p.var().grad()), norms[i], kTolerance * norms[i]) << p.name();
    for (std::uint32_t j = 0; j < 3; ++j)
      EXPECT_NEAR(test::product(p.var().grad(), 2000 + j), products[3 * i + j], kTolerance * norms[i])
          << p.name() << ", direction " << j;
  }
}

// In float32 with the batch's statistics; tolerances are five times what PyTorch misses. Of PyTorch's own
// float32 logits those of ResNet-101 are 3e-4 off its float64 ones, the others up to 6e-5.
template <class Net, class Options>
void full_width_training(const test::Golden& golden, const Options& options, double tolerance) {
  Registry registry;
  Net net(registry.scope(), options);
  without_dropout(net);
  test::set_state(registry);
  registry.mode.training = true;
  const Training t = training("", registry, net, {2, 3, 64, 64}, {3, 8});
  const NoGrad no_tape;
  Var logits;
  const Tensor loss = t.loss(test::input_of(t), &logits).value().reshape(Shape{1});
  test::expect_close(logits.value(), golden.at("logits"), tolerance, "logits");
  test::expect_close(loss, golden.at("loss"), tolerance, "loss");
  std::vector<double> running;
  for (const auto& [name, tensor] : registry.state())
    if (test::is_buffer(name)) running.push_back(test::norm(tensor));
  test::expect_close(test::doubles(running), golden.at("running_norms"), tolerance, "running statistics");
}

template <class Net, class Options>
void full_width(const char* name, const Options& options, double tolerance) {
  const test::Golden golden = test::read_golden(name);
  full_width_gradients<Net>(golden, options);
  full_width_training<Net>(golden, options, tolerance);
}

// Few values of a batch reach the last batch norms of narrow deep networks; they multiply rounding errors,
// and so fewer steps are compared where ten would leave no digits.

TEST(TrunkGolden, ResNet50Vd) {
  narrow<ResNetVd>("resnet50_vd_narrow", ResNetOptions{.depth = 50, .classes = 5, .width = 0.0625}, exact(3));
}

TEST(TrunkGolden, ResNet50VdWithDilationAndGrid) {
  const ResNetOptions options{
      .depth = 50, .classes = 5, .width = 0.0625, .output_stride = 8, .grid = {1, 2, 4}};
  narrow<ResNetVd>("resnet50_vd_dilated_narrow", options, exact(3));
}

TEST(TrunkGolden, HrNetW18) {
  const HrNetOptions options{.form = kClassifier, .classes = 5, .width = 0.25};
  narrow<HrNet>("hrnet_w18_narrow", options, exact(3));
}

TEST(TrunkGolden, MobileNetV1) {
  const MobileNetOptions options{.classes = 5, .width = 0.125};
  narrow<MobileNetV1>("mobilenet_v1_narrow", options, exact(3));
  narrow<MobileNetV1>("mobilenet_v1_narrow", options, fast(1e-4, 1));
}

TEST(TrunkGolden, MobileNetV2) {
  const MobileNetOptions options{.classes = 5, .width = 0.25};
  narrow<MobileNetV2>("mobilenet_v2_narrow", options, exact(3));
  narrow<MobileNetV2>("mobilenet_v2_narrow", options, fast(1e-4, 1));
}

TEST(TrunkGolden, SqueezeNet) {
  SqueezeNetOptions options{.version = SqueezeNetVersion::k1_0, .classes = 5, .width = 0.125};
  narrow<SqueezeNet>("squeezenet1_0_narrow", options, exact(10));
  options.version = SqueezeNetVersion::k1_1;
  narrow<SqueezeNet>("squeezenet1_1_narrow", options, exact(10));
  narrow<SqueezeNet>("squeezenet1_1_narrow", options, fast(1e-5, 10));
}

TEST(TrunkGolden, FullWidthResNet18) {
  full_width<ResNet>("resnet18", ResNetOptions{.depth = 18, .classes = 10}, 3e-4);
}

TEST(TrunkGolden, FullWidthResNet34) {
  full_width<ResNet>("resnet34", ResNetOptions{.depth = 34, .classes = 10}, 3e-4);
}

TEST(TrunkGolden, FullWidthResNet101) {
  full_width<ResNet>("resnet101", ResNetOptions{.depth = 101, .classes = 10}, 1.5e-3);
}

TEST(TrunkGolden, FullWidthResNet50Vd) {
  full_width<ResNetVd>("resnet50_vd", ResNetOptions{.depth = 50, .classes = 10}, 3e-4);
}

TEST(TrunkGolden, FullWidthHrNetW18) {
  full_width<HrNet>("hrnet_w18", HrNetOptions{.form = kClassifier, .classes = 10}, 3e-4);
}

TEST(TrunkGolden, FullWidthMobileNets) {
  full_width<MobileNetV1>("mobilenet_v1", MobileNetOptions{.classes = 10}, 3e-4);
  full_width<MobileNetV2>("mobilenet_v2", MobileNetOptions{.classes = 10}, 3e-4);
}

TEST(TrunkGolden, FullWidthSqueezeNet) {
  full_width<SqueezeNet>("squeezenet1_1", SqueezeNetOptions{.classes = 10}, 1e-5);
}

}  // namespace
}  // namespace clearcut
