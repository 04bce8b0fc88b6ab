// Whole networks on the emulated device against the CPU: training steps and an explanation. Between the
// steps all numbers stay on the device: with protected memory, host code that touched one would end the
// program.
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "autograd/arithmetic.h"
#include "autograd/cross_entropy.h"
#include "autograd/reduce.h"
#include "explain/explainer.h"
#include "models/build.h"
#include "models/hrnet.h"
#include "tensor/cuda_device.h"
#include "tensor/random.h"
#include "tests/cuda/device.h"
#include "tests/op_run.h"
#include "train/optimiser.h"

namespace clearcut {
namespace {

Tensor drawn(const Shape& shape, const char* name) {
  Tensor x(shape);
  RandomStream(9, name).fill_normal(x, 0, 1);
  return x;
}

struct Trained {
  std::vector<double> losses;
  StateDict state;
};

// Three steps of gradient descent; loss() runs the network forward.
template <class Loss>
Trained train(Registry& model, double rate, const Loss& loss) {
  Sgd sgd(model, {.momentum = 0.9, .groups = {.weight_decay = 1e-4}});
  std::vector<Tensor> losses;
  for (int step = 0; step < 3; ++step) {
    for (Param* p : model.params()) p->var().zero_grad();
    const Var l = loss();
    l.backward();
    sgd.step(rate);
    losses.push_back(l.value());
  }
  Trained result{.losses = {}, .state = model.state()};
  for (const Tensor& l : losses) result.losses.push_back(l.item());
  return result;
}

// Float rounding, in another order of summation, through some 20 layers of batch norm and three steps.
void expect_same(const Trained& got, const Trained& expected) {
  ASSERT_EQ(got.state.size(), expected.state.size());
  for (std::size_t i = 0; i < expected.losses.size(); ++i)
    EXPECT_NEAR(got.losses[i], expected.losses[i], 1e-3 * std::abs(expected.losses[i])) << "step " << i;
  EXPECT_LT(expected.losses[2], expected.losses[0]) << "it learns";
  for (std::size_t i = 0; i < expected.state.size(); ++i) {
    double largest = 1e-2;
    const Tensor wide = expected.state[i].second.to(DType::kFloat64);
    for (const double v : wide.values<double>()) largest = std::max(largest, std::abs(v));
    test::expect_close(got.state[i].second, wide, 2e-3 * largest, expected.state[i].first);
  }
}

Trained resnet(Device device) {
  const auto net = make_classifier({.name = "resnet18", .classes = 5, .width = 0.125, .device = device});
  net->registry().mode.training = true;
  const Var x(drawn({4, 3, 48, 48}, "pictures").to(device));
  const Tensor y = Tensor::from<std::int32_t>({4}, {0, 1, 2, 4}).to(device);
  return train(net->registry(), 0.05, [&] { return cross_entropy(net->logits(x), y, {}); });
}

TEST(CudaNetworks, ResNet18TrainsAsOnTheCpu) {
  const Trained expected = resnet(Device::kCpu);
  for (const test::NamedSettings& order : {test::all_orders().front(), test::all_orders().back()}) {
    SCOPED_TRACE(order.name);
    const test::WithSettings with(order.settings);
    expect_same(resnet(Device::kCuda), expected);
  }
}

// Pictures, weights and activations stay there: what is exchanged are the tables of pooling windows (some 100
// bytes), the loss and the check of the labels. One activation of the first layer alone has 36 KiB.
TEST(CudaNetworks, AStepOfTrainingExchangesNoTensors) {
  const auto net =
      make_classifier({.name = "resnet18", .classes = 5, .width = 0.125, .device = Device::kCuda});
  net->registry().mode.training = true;
  const Var x(drawn({4, 3, 48, 48}, "pictures").to(Device::kCuda));
  const Tensor y = Tensor::from<std::int32_t>({4}, {0, 1, 2, 4}).to(Device::kCuda);
  Sgd sgd(net->registry(), {.momentum = 0.9});
  const CudaTraffic before = cuda_traffic();
  const Var loss = cross_entropy(net->logits(x), y, {});
  loss.backward();
  sgd.step(0.01);
  const CudaTraffic after = cuda_traffic();
  EXPECT_LT(after.bytes_to_device - before.bytes_to_device, 1024);
  EXPECT_LT(after.bytes_to_host - before.bytes_to_host, 1024);
  EXPECT_GT(after.copies_to_host, before.copies_to_host) << "the loss came back";
}

// One exchange unit: basic blocks, strided 3x3 chains down, 1x1 and resizing up; and the
// loss that upsamples its logits.
Trained exchange_unit(Device device, HrNetForm form, const std::vector<std::int64_t>& channels, double rate) {
  Registry root(1, device);
  const HrModule unit(root.scope() / "unit", channels, form);
  root.mode.training = true;
  std::vector<Var> x;
  for (std::size_t i = 0; i < channels.size(); ++i)
    x.emplace_back(drawn({2, channels[i], 8 >> i, 8 >> i}, ("map" + std::to_string(i)).c_str()).to(device));
  Tensor labels({2, 16, 16}, DType::kInt32);
  for (std::int64_t p = 0; p < labels.numel(); ++p)
    labels.data<std::int32_t>()[p] = static_cast<std::int32_t>(p / 5 % 4);
  labels = labels.to(device);
  return train(root, rate, [&] {
    const std::vector<Var> y = unit(x);
    const Var pulled = mean(y.back() * y.back());  // so that the last branch is trained too
    return upsampled_cross_entropy(y[0], labels, false, {}) + pulled * 0.1;
  });
}

TEST(CudaNetworks, HrNetUnitTrainsAsOnTheCpu) {
  const auto check = [](HrNetForm form, const std::vector<std::int64_t>& channels, double rate) {
    expect_same(exchange_unit(Device::kCuda, form, channels, rate),
                exchange_unit(Device::kCpu, form, channels, rate));
  };
  check(HrNetForm::kClassifier, {4, 8, 16}, 0.01);
  // Weights near 0.001 in front of a batch norm: gradients are a thousand times as large.
  check(HrNetForm::kPaddleSeg, {4, 8}, 1e-7);
}

// One explainer of each way of working on the device.
const char* const kExplainers[] = {"smoothgrad:samples=3",
                                   "cam",
                                   "gradcam",
                                   "ig:steps=3",
                                   "rise:samples=5:cells=4",
                                   "occlusion:window=12:stride=10",
                                   "permutation:grid=2:samples=2",
                                   "scorecam",
                                   "ablationcam",
                                   "lrp",
                                   "deeplift",
                                   "fullgrad",
                                   "conductance:steps=3",
                                   "layerig:steps=3",
                                   "extremal:iterations=4:area=0.3"};

Explanations explained(Device device) {
  const auto net = make_classifier({.name = "small_resnet", .classes = 5, .width = 0.5, .device = device});
  const ExplainInput input{.x = drawn({2, 3, 32, 32}, "pictures"),
                           .targets = {{.classes = {1}}, {.classes = {0, 3}}},
                           .items = {7, 8}};
  std::vector<ExplainOptions> options;
  for (const char* text : kExplainers) options.push_back(parse_explainer(text));
  return explain_all(*net, input, options);
}

TEST(CudaNetworks, ExplanationsAreThoseOfTheCpu) {
  const Explanations expected = explained(Device::kCpu);
  const test::WithSettings with(test::all_orders().back().settings);
  const Explanations got = explained(Device::kCuda);
  EXPECT_EQ(got.top1, expected.top1);
  for (std::size_t i = 0; i < expected.by_explainer.size(); ++i) {
    const Tensor wide = expected.by_explainer[i].maps.to(DType::kFloat64);
    double largest = 0;
    for (const double v : wide.values<double>()) largest = std::max(largest, std::abs(v));
    ASSERT_GT(largest, 0) << kExplainers[i];
    test::expect_close(got.by_explainer[i].maps, wide, 1e-4 * largest, kExplainers[i]);
  }
}

// Bytes on the way there and back while `explainer` looks at one picture of 32 x 32.
std::pair<std::int64_t, std::int64_t> traffic_of(const std::string& explainer, double width = 0.25) {
  const auto net =
      make_classifier({.name = "small_resnet", .classes = 5, .width = width, .device = Device::kCuda});
  const ExplainInput input{
      .x = drawn({1, 3, 32, 32}, "pictures"), .targets = {{.classes = {1}}}, .items = {7}};
  const CudaTraffic before = cuda_traffic();
  explain_all(*net, input, {parse_explainer(explainer)});
  const CudaTraffic after = cuda_traffic();
  return {after.bytes_to_device - before.bytes_to_device, after.bytes_to_host - before.bytes_to_host};
}

// Noise is drawn, pictures are masked and gradients are added up on the device: a further sample costs its
// logits on the way to the host, and what is said of it on the way there: their gradients, 5 floats; which
// pieces show; the bits of a mask, and once more when it is added up.
TEST(CudaNetworks, SamplesStayOnTheDevice) {
  struct Case {
    std::string few, many;
    std::int64_t samples, up;
  };
  const Case cases[] = {{"smoothgrad:samples=2", "smoothgrad:samples=6", 4, 5 * 4},
                        {"vargrad:samples=2", "vargrad:samples=6", 4, 5 * 4},
                        {"gradshap:samples=2", "gradshap:samples=6", 4, 5 * 4},
                        {"ig:steps=2", "ig:steps=6", 4, 5 * 4},
                        {"conductance:steps=2", "conductance:steps=6", 4, 5 * 4},
                        {"layerig:steps=2", "layerig:steps=6", 4, 5 * 4},
                        {"smooth_fullgrad:samples=2", "smooth_fullgrad:samples=6", 4, 5 * 4},
                        {"lime:samples=20:grid=4", "lime:samples=24:grid=4", 4, 16},
                        {"permutation:samples=1:grid=2", "permutation:samples=2:grid=2", 4, 4},
                        {"rise:samples=2:cells=4", "rise:samples=6:cells=4", 4, 2 * 16 * 4},
                        {"occlusion:window=32:stride=32", "occlusion:window=16:stride=16", 3, 0}};
  for (const Case& c : cases) {
    const auto [few_up, few_down] = traffic_of(c.few);
    const auto [many_up, many_down] = traffic_of(c.many);
    EXPECT_EQ(many_up - few_up, c.samples * c.up) << c.many;
    EXPECT_EQ(many_down - few_down, c.samples * 5 * 4) << c.many;
  }
}

// An iteration is a pass of its own, so that the tables of pooling windows go there again. A picture alone
// has 12 KiB, its mask 39.
TEST(CudaNetworks, SearchesForMasksStayOnTheDevice) {
  const auto [few_up, few_down] = traffic_of("extremal:iterations=2");
  const auto [many_up, many_down] = traffic_of("extremal:iterations=6");
  EXPECT_LT(many_up - few_up, 4 * 512);
  EXPECT_EQ(many_down - few_down, 4 * 5 * 4);
}

// A walk sends pictures, logits and tables, but no layer: twice the channels cost the weights of the last
// layer, 5 x 24 more of them, which the plain pass keeps on the host for CAM.
TEST(CudaNetworks, WalksStayOnTheDevice) {
  for (const char* text : {"lrp", "deeplift", "fullgrad", "guided"}) {
    const auto [up, down] = traffic_of(text, 0.25);
    const auto [wide_up, wide_down] = traffic_of(text, 0.5);
    EXPECT_EQ(wide_up, up) << text;
    EXPECT_EQ(wide_down - down, 5 * 24 * 4) << text;
  }
}

// 24 more feature maps are 24 more versions of the picture, which has 12 KiB: none of them is sent. Those of
// Ablation-CAM go on from one pass; the three batches of Score-CAM send pooling windows, 176 bytes each, and
// where the pixels of each map lie between its cells, two tables of at most 1 KiB.
TEST(CudaNetworks, MaskedVersionsStayOnTheDevice) {
  EXPECT_EQ(traffic_of("ablationcam", 0.5).first, traffic_of("ablationcam", 0.25).first);
  EXPECT_LT(traffic_of("scorecam", 0.5).first - traffic_of("scorecam", 0.25).first, 3 * 176 + 24 * 2048);
}

// Sizes of one step repeat in the next, so from the second on nothing is asked of the device.
TEST(CudaMemory, LaterStepsReuseTheBlocksOfTheFirst) {
  set_idle_cuda_memory_cap(std::size_t{1} << 30);
  const auto net =
      make_classifier({.name = "small_resnet", .classes = 5, .width = 0.25, .device = Device::kCuda});
  net->registry().mode.training = true;
  const Var x(drawn({4, 3, 32, 32}, "pictures").to(Device::kCuda));
  const Tensor y = Tensor::from<std::int32_t>({4}, {0, 1, 2, 4}).to(Device::kCuda);
  std::vector<std::int64_t> asked;
  for (int step = 0; step < 3; ++step) {
    for (Param* p : net->registry().params()) p->var().zero_grad();
    cross_entropy(net->logits(x), y, {}).backward();
    asked.push_back(cuda_memory_stats().system_allocations);
  }
  EXPECT_EQ(asked[2], asked[1]);
  EXPECT_GT(cuda_memory_stats().reuses, 100);
  EXPECT_GT(cuda_memory_stats().idle, 0u);
  set_idle_cuda_memory_cap(0);
  EXPECT_EQ(cuda_memory_stats().idle, 0u);
}

}  // namespace
}  // namespace clearcut
