#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tensor/cpu/conv/kernel.h"
#include "tensor/kernel_wishes.h"
#include "tensor/work.h"
#include "tests/errors.h"
#include "train/bench/plan_review.h"

namespace clearcut {
namespace {

// All of ResNet-50's multiply-adds as torch counts them (see tests/models/work_test.cpp) without the last
// layer's 2048 x 1000; torchvision's network has 53 convolutions.
TEST(BenchLayers, ResNet50IsComplete) {
  std::int64_t multiply_adds = 0, layers = 0;
  for (const LayerShape& layer : bench_layers()) {
    if (layer.suite != "resnet50") continue;
    const Shape y = ops::conv2d_shape(layer.x(), layer.w(), layer.options());
    multiply_adds += layer.count * y[1] * y[2] * y[3] * layer.w()[1] * layer.kernel * layer.kernel;
    layers += layer.count;
  }
  EXPECT_EQ(multiply_adds, 4089184256 - 2048 * 1000);
  EXPECT_EQ(layers, 53);
}

// MobileNet v2 (Sandler et al. 2018, table 2): 17 bottlenecks, one depthwise layer each.
TEST(BenchLayers, MobileNetHasSeventeenDepthwiseLayers) {
  int layers = 0;
  for (const LayerShape& layer : bench_layers())
    if (layer.suite == "mobilenet") layers += layer.count;
  EXPECT_EQ(layers, 17);
}

TEST(BenchLayers, LayersCanBeWritten) {
  const LayerShape plain = parse_layer("64:56:128:3");
  EXPECT_EQ(plain.x(), Shape({8, 64, 56, 56}));
  EXPECT_EQ(plain.w(), Shape({128, 64, 3, 3}));
  EXPECT_EQ(plain.name(), "3x3 64-128 @56 b8");
  const LayerShape full = parse_layer("32:14:32:5:2:3:32");
  EXPECT_EQ(full.w(), Shape({32, 1, 5, 5}));
  EXPECT_EQ(full.name(), "5x5 s2 d3 depthwise 32-32 @14 b8");
  for (const char* wrong : {"", "64", "64:56:64", "64:56:64:x", "64:56:64:3:", "64:0:64:3", "1:2:3:1:1:1:1:1",
                            "64:56:64:3:1:1:1:"})
    expect_error([&] { parse_layer(wrong); }, "a layer is C:side:K:kernel");
}

std::vector<KernelTask> tasks_of(const KernelBenchOptions& options) {
  std::vector<KernelTask> tasks;
  for_each_task(options, [&](KernelTask& task) { tasks.push_back(task); });
  return tasks;
}

TEST(BenchKernels, EveryCandidateThatFitsIsThereAndOneIsPlanned) {
  const auto tasks = tasks_of({.layers = {"16:12:24:3", "16:12:16:3:1:1:16"}, .batch = 2});
  ASSERT_EQ(tasks.size(), 6u);  // two layers, three directions
  for (const KernelTask& task : tasks) {
    EXPECT_GE(task.candidates.size(), 1u);
    EXPECT_EQ(std::ranges::count_if(task.candidates, &KernelCandidate::planned), 1) << task.name;
    for (const KernelCandidate& c : task.candidates)
      EXPECT_EQ(c.estimate > 0, !c.kernel.ends_with("+kept")) << c.kernel;
  }
  EXPECT_EQ(tasks[0].operations, 2.0 * 2 * 12 * 12 * 24 * 16 * 9);
  EXPECT_EQ(tasks[0].bytes, 4.0 * (2 * 16 * 144 + 24 * 16 * 9 + 2 * 24 * 144));
}

TEST(BenchKernels, ThePreferredKernelIsPlanned) {
  prefer_kernels("input:fold");
  const auto tasks = tasks_of({.layers = {"16:12:24:3"}, .directions = {"input"}, .batch = 1});
  prefer_kernels("");
  ASSERT_EQ(tasks.size(), 1u);
  for (const KernelCandidate& c : tasks[0].candidates) EXPECT_EQ(c.planned, c.kernel == "fold");
}

// A product asks for what its shape says, whichever side is stored transposed; each pass over memory runs.
TEST(BenchKernels, ProductsAndMemoryPassesRun) {
  for (const KernelTask& task : tasks_of({.suites = {"products"}, .filter = "1x1"})) {
    const WorkMeter meter;
    task.candidates[0].run();
    EXPECT_EQ(2.0 * static_cast<double>(meter.multiply_adds()), task.operations) << task.name;
  }
  for_each_task({.suites = {"memory"}, .filter = "x28"}, [](KernelTask& task) {
    task.candidates[0].run();
    EXPECT_GT(task.bytes, 1e6) << task.name;
  });
}

TEST(BenchKernels, AllSuitesHaveShapes) {
  std::set<std::string> suites{"products", "memory"};
  for (const LayerShape& layer : bench_layers()) suites.insert(layer.suite);
  const std::vector<std::string> named = kernel_suites();
  EXPECT_EQ(suites, std::set<std::string>(named.begin(), named.end()));
}

KernelCandidate timed(const std::string& name, bool planned, double estimate, double seconds) {
  return {.kernel = name, .planned = planned, .estimate = estimate, .run = {}, .timing = {.min = seconds}};
}

// With a peak of 2 operations a second an estimate of n multiply-adds is n seconds.
TEST(PlanReview, CountsByHand) {
  MachineLimits machine;
  machine.flops = 2;
  KernelTask good{.name = "a", .direction = "forward", .count = 2, .candidates = {}};
  good.candidates = {timed("x", true, 9.5, 10), timed("y", false, 20, 9.8), timed("x+kept", false, 0, 1)};
  KernelTask bad{.name = "b", .direction = "input", .candidates = {}};
  bad.candidates = {timed("x", true, 2, 6), timed("y", false, 3, 4)};
  KernelTask product{.name = "c", .direction = "product", .candidates = {timed("gemm", true, 0, 1)}};
  PlanReview review;
  for (const KernelTask& task : {good, bad, product}) review.add(task, machine);
  EXPECT_EQ(review.tasks, 2);
  EXPECT_EQ(review.fastest, 1);
  EXPECT_EQ(review.estimated, 1);
  EXPECT_DOUBLE_EQ(review.planned, 2 * 10 + 6);
  EXPECT_DOUBLE_EQ(review.possible, 2 * 9.8 + 4);
  EXPECT_EQ(review.worst, 1.5);
  EXPECT_EQ(review.worst_task, "b input");
  EXPECT_NE(review.text().find("in 1 of 2 cases; all together 10.2 % more"), std::string::npos)
      << review.text();
  EXPECT_EQ(PlanReview().text(), "");
}

TEST(BenchKernels, TheReportHasEveryCandidateWithItsShare) {
  std::string text;
  const JsonObject json = JsonObject::parse(
      bench_kernels(
          {.layers = {"8:10:8:3"}, .batch = 1, .samples = {.warm_up = 0, .repetitions = 1, .at_most = 1}},
          [&](const std::string& part) { text += part; })
          .line(),
      "bench");
  const double peak = json.object("machine").number("flops");
  const auto tasks = json.objects("tasks");
  ASSERT_EQ(tasks.size(), 3u);
  for (const JsonObject& task : tasks)
    for (const JsonObject& c : task.objects("candidates")) {
      EXPECT_NEAR(c.number("share_of_peak"), task.number("operations") / c.number("median") / peak, 1e-9);
      EXPECT_NE(text.find(c.text("kernel")), std::string::npos);
    }
  EXPECT_NE(text.find("3x3 8-8 @10 b1"), std::string::npos);
  expect_error([] { tasks_of({.filter = "no such shape"}); }, "no shape of the suites has 'no such shape'");
}

}  // namespace
}  // namespace clearcut
