// Networks against PyTorch: logits, gradients, ten training losses and the state after them. The numbers are
// from tests/golden/models/train.py, which builds the same narrow networks from torchvision's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "autograd/cross_entropy.h"
#include "models/pspnet.h"
#include "nn/loss.h"
#include "tensor/safetensors.h"
#include "train/optimiser.h"

namespace clearcut {
namespace {

// Value i of tensor k: murmur3's finaliser of i + 40503 (k + 1) * 65537 as a fraction of 2^32, in [low,
// high).
Tensor hashed(const Shape& shape, std::uint32_t k, double low, double high) {
  Tensor x(shape, DType::kFloat64);
  double* value = x.data<double>();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::uint32_t h = static_cast<std::uint32_t>(i) + 40503U * (k + 1) * 65537U;
    h = (h ^ (h >> 16)) * 0x85EBCA6BU;
    h = (h ^ (h >> 13)) * 0xC2B2AE35U;
    h ^= h >> 16;
    value[i] = low + (high - low) * (h / 4294967296.0);
  }
  return x;
}

void set_state(Registry& registry) {
  const StateDict state = registry.state();
  for (std::uint32_t k = 0; k < state.size(); ++k) {
    const auto& [name, tensor] = state[k];
    if (name.find("running_") != std::string::npos || name.ends_with("num_batches_tracked")) continue;
    double low = -0.25, high = 0.25;  // biases
    if (tensor.rank() >= 2) {
      high = std::sqrt(6.0 / static_cast<double>(tensor.numel() / tensor.dim(0)));
      low = -high;
    } else if (name.ends_with("weight")) {
      low = 0.5, high = 1.5;  // batch norms
    }
    tensor.copy_from(hashed(tensor.shape(), k, low, high).to(tensor.dtype()));
  }
}

double norm(const Tensor& t) {
  double squares = 0;
  for (const double v : t.to(DType::kFloat64).values<double>()) squares += v * v;
  return std::sqrt(squares);
}

// |got - expected| <= tolerance * (largest expected value).
void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const char* what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const auto a = got.to(DType::kFloat64).values<double>(), b = expected.values<double>();
  double scale = 0;
  for (const double v : b) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < a.size(); ++i)
    ASSERT_NEAR(a[i], b[i], tolerance * scale) << what << ", value " << i;
}

Tensor doubles(const std::vector<double>& values) {
  return Tensor::from<double>({static_cast<std::int64_t>(values.size())}, values);
}

/// The tolerance is that of the first step; along ten steps errors grow, about a hundredfold.
struct Precision {
  Device device;
  DType dtype;
  double tolerance;
  int steps;
};
// Double: sums in another order. Float: 1e-7 per operation through some 20 or 60 layers with batch norms.
constexpr Precision exact(int steps) { return {Device::kReference, DType::kFloat64, 1e-10, steps}; }
constexpr Precision fast(double tolerance, int steps) {
  return {Device::kCpu, DType::kFloat32, tolerance, steps};
}

/// One network: how to run it, and its golden file.
struct Training {
  std::string golden;
  Registry& registry;
  std::function<Var(const Var&)> logits;             // the main output
  std::function<Var(const Var&, Var* logits)> loss;  // and the main output
  Shape input;
  double rate;
};

void expect_gradients(const Registry& registry, std::map<std::string, Tensor>& golden, double tolerance) {
  std::vector<double> norms, first;
  for (const Param* p : registry.params()) {
    norms.push_back(norm(p->var().grad()));
    first.push_back(p->var().grad().reshape(Shape{p->value().numel()})[0].item());
  }
  expect_close(doubles(norms), golden.at("gradient_norms"), tolerance, "gradient norms");
  expect_close(doubles(first), golden.at("gradient_first"), tolerance, "first gradient values");
}

void expect_as_pytorch(const Training& t, const Precision& precision) {
  const double tolerance = precision.tolerance;
  std::map<std::string, Tensor> golden;
  for (auto& [name, tensor] : read_safetensors("tests/golden/models/" + t.golden + ".safetensors").tensors)
    golden[name] = tensor;
  set_state(t.registry);
  const Var x(hashed(t.input, 1000, -2, 2).to(t.registry.dtype()).to(t.registry.device()));
  expect_close(t.logits(x).value(), golden.at("evaluation"), tolerance, "logits in evaluation");
  t.registry.mode.training = true;
  Sgd optimiser(t.registry, {.momentum = 0.9, .weight_decay = 1e-4});
  std::vector<double> losses, norms;
  for (int step = 0; step < precision.steps; ++step) {
    t.registry.zero_grad();
    Var logits;
    const Var loss = t.loss(x, &logits);
    loss.backward();
    losses.push_back(loss.value().item());
    if (step == 0) {
      expect_close(logits.value(), golden.at("logits"), tolerance, "logits in training");
      expect_gradients(t.registry, golden, 10 * tolerance);
    }
    optimiser.step(t.rate);
  }
  for (const auto& [name, tensor] : t.registry.state()) norms.push_back(norm(tensor));
  expect_close(doubles(losses), golden.at("losses").slice(0, precision.steps), 100 * tolerance, "losses");
  if (precision.steps < 10) return;
  expect_close(doubles(norms), golden.at("state_norms"), 100 * tolerance, "state after ten steps");
}

void check_resnet(const char* golden, const ResNetOptions& options, const Precision& p) {
  Registry registry(1, p.device, p.dtype);
  const ResNet net(registry.scope(), options);
  const Tensor labels = Tensor::from<std::int32_t>({3}, {2, 0, 4}).to(p.device);
  expect_as_pytorch({.golden = golden,
                     .registry = registry,
                     .logits = [&](const Var& x) { return net.logits(x); },
                     .loss =
                         [&](const Var& x, Var* logits) {
                           *logits = net.logits(x);
                           return cross_entropy(*logits, labels, {.epsilon = 0});  // PyTorch's has none
                         },
                     .input = {3, 3, 64, 48},
                     .rate = 0.02},
                    p);
}

Tensor drawn_labels(Device device) {
  Tensor labels({2, 48, 40}, DType::kInt32, device);
  auto* y = labels.data<std::int32_t>();
  for (std::int32_t i = 0; i < labels.numel(); ++i) {
    y[i] = (i / 7 + i / 480) % 6;
    if (y[i] == 5) y[i] = 255;
  }
  return labels;
}

void check_pspnet(const char* golden, const ResNetOptions& trunk, const Precision& p) {
  Registry registry(1, p.device, p.dtype);
  PspNet<ResNet> net(registry.scope(), trunk, {.classes = 5});
  net.head.dropout.options.p = 0;  // PyTorch draws other masks
  net.head.auxlayer->dropout.options.p = 0;
  const SegmentationLossOptions loss{
      .coefficients = {1, 0.4}, .cross_entropy = {.ignore_index = 255, .class_weights = {1, 1, 1, 1, 0.1}}};
  expect_as_pytorch({.golden = golden,
                     .registry = registry,
                     .logits = [&](const Var& x) { return net.logits(x, false)[0]; },
                     .loss =
                         [&](const Var& x, Var* logits) {
                           const std::vector<Var> outputs = net.logits(x, true);
                           *logits = outputs[0];
                           return segmentation_loss(outputs, drawn_labels(p.device), loss).total;
                         },
                     .input = {2, 3, 48, 40},
                     .rate = 0.01},
                    p);
}

TEST(TrainingGolden, ResNet18) {
  const ResNetOptions options{.depth = 18, .classes = 5, .width = 0.125};
  check_resnet("resnet18_narrow", options, exact(10));
  check_resnet("resnet18_narrow", options, fast(1e-5, 10));
}

TEST(TrainingGolden, RecomputedStagesGiveTheSameTraining) {
  check_resnet("resnet18_narrow", {.depth = 18, .classes = 5, .width = 0.125, .recompute = true},
               fast(1e-5, 10));
}

// Double, three steps: some channels of these narrow nets hardly vary over the few values of a batch, and
// their batch norms multiply rounding errors a thousandfold per step.
TEST(TrainingGolden, ResNet50) {
  check_resnet("resnet50_narrow", {.depth = 50, .classes = 5, .width = 0.0625}, exact(3));
}

TEST(TrainingGolden, PspNetOnResNet50) {
  check_pspnet("pspnet_resnet50_narrow", {.depth = 50, .width = 0.0625, .output_stride = 8}, exact(3));
}

TEST(TrainingGolden, PspNetOnResNet18) {
  const ResNetOptions trunk{.depth = 18, .width = 0.0625, .output_stride = 8};
  check_pspnet("pspnet_resnet18_narrow", trunk, exact(10));
  check_pspnet("pspnet_resnet18_narrow", trunk, fast(1e-4, 1));
}

}  // namespace
}  // namespace clearcut
