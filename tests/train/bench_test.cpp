#include "train/bench/report.h"

#include <gtest/gtest.h>

#include "models/build.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/work.h"
#include "train/config.h"

namespace clearcut {
namespace {

std::vector<Sample> samples_of(const std::vector<double>& clean, const std::vector<double>& disturbed) {
  std::vector<Sample> samples;
  for (const double s : disturbed) samples.push_back({.seconds = s, .cpu = s / 2, .clean = false});
  for (const double s : clean) samples.push_back({.seconds = s, .cpu = s / 2, .clean = true});
  return samples;
}

TEST(BenchSamples, QuartilesOfTheCleanOnes) {
  const Timing t = timing_of(samples_of({4, 1, 3, 2}, {9, 9}));
  EXPECT_EQ(t.samples, 6);
  EXPECT_EQ(t.clean, 4);
  EXPECT_TRUE(t.clean_only);
  EXPECT_EQ(t.min, 1);
  EXPECT_EQ(t.least_cpu, 0.5);
  EXPECT_EQ(t.lower_quartile, 1.75);
  EXPECT_EQ(t.median, 2.5);
  EXPECT_EQ(t.upper_quartile, 3.25);
}

TEST(BenchSamples, TooFewCleanOnesAreNotEnough) {
  const Timing t = timing_of(samples_of({1, 2}, {6, 7, 8}));
  EXPECT_FALSE(t.clean_only);
  EXPECT_EQ(t.median, 6);
  EXPECT_EQ(t.min, 1);
  EXPECT_TRUE(timing_of(samples_of({5}, {})).clean_only);
  EXPECT_THROW(timing_of({}), Error);
}

TEST(BenchSamples, WarmUpDoesNotCount) {
  int runs = 0;
  const auto samples = take_samples({.warm_up = 2, .repetitions = 3, .at_most = 3}, [&] { ++runs; });
  EXPECT_EQ(samples.size(), 3u);
  EXPECT_EQ(runs, 5);
  EXPECT_THROW(take_samples({.repetitions = 0}, [] {}), Error);
}

std::int64_t asked_by(const Workload& work) {
  const WorkMeter meter;
  work.run();
  return meter.multiply_adds();
}

// small_resnet starts with a convolution of stride 2, whose input gradient a training step does not need.
TEST(BenchWork, ATrainingStepAsksForThreeForwardPassesLessTheFirstInputGradient) {
  const Workload w = bench_training(
      {.model = "small_resnet", .batch = 2, .height = 32, .width = 40, .classes = 5, .width_factor = 0.5});
  EXPECT_EQ(w.batch, 2);
  EXPECT_EQ(w.items, 2);
  EXPECT_EQ(w.operations, 6.0 * static_cast<double>(w.forward_multiply_adds));
  const auto net = make_classifier({.name = "small_resnet", .classes = 5, .width = 0.5});
  EXPECT_EQ(w.parameters, net->registry().parameter_count());
  const Tensor& first = net->registry().params()[0]->value();
  ASSERT_EQ(first.rank(), 4);
  const std::int64_t input_gradient = 2 * 16 * 20 * first.numel();
  EXPECT_EQ(asked_by(w), 3 * w.forward_multiply_adds - input_gradient);
  EXPECT_EQ(asked_by(w), 3 * w.forward_multiply_adds - input_gradient);  // and again: it can be repeated
}

// Nothing but forward passes and input gradients: weight gradients would make it three.
TEST(BenchWork, AnExplanationAsksForNoWeightGradients) {
  const BenchOptions o{.model = "small_resnet", .classes = 5, .width_factor = 0.5};
  const auto of = [&](const std::string& explainer) {
    BenchOptions with = o;
    with.explainer = explainer;
    return bench_explanation(with);
  };
  const Workload three = of("smoothgrad:samples=3"), six = of("smoothgrad:samples=6");
  EXPECT_EQ(six.items, 6);
  EXPECT_EQ(asked_by(six) - asked_by(three), 3 * 2 * three.forward_multiply_adds);
  const Workload lime = of("lime:samples=4"), larger = of("lime:samples=10");
  EXPECT_EQ(asked_by(larger) - asked_by(lime), 6 * lime.forward_multiply_adds);
  EXPECT_EQ(of("cam").item, "picture");
  EXPECT_EQ(asked_by(of("cam")), lime.forward_multiply_adds);
}

TEST(BenchWork, AForwardPassIsOneForwardPass) {
  const Workload net = bench_prediction({.model = "small_mobilenet", .batch = 3, .width_factor = 0.5});
  EXPECT_EQ(asked_by(net), net.forward_multiply_adds);
  const Workload segmenter = bench_prediction({.model = "pspnet_small_resnet", .width_factor = 0.25});
  EXPECT_EQ(asked_by(segmenter), segmenter.forward_multiply_adds);  // no auxiliary output
}

TEST(BenchWork, UnknownNetworksAndWrongKindsAreRefused) {
  EXPECT_THROW(bench_training({.model = "resnet51"}), ConfigError);
  EXPECT_THROW(bench_prediction({.model = "/nowhere/net.onnx"}), ConfigError);
  EXPECT_THROW(bench_explanation({.model = "pspnet_small_resnet"}), ConfigError);
}

// On one thread: with several, how many scratch blocks live at a time depends on when the threads meet, so a
// later step may ask the system for one more.
TEST(BenchReport, TheNumbersOfOneRunFitTogether) {
  const int before = threads();
  set_threads(1);
  const Workload work = bench_training(
      {.model = "pspnet_small_resnet", .batch = 2, .height = 32, .classes = 3, .width_factor = 0.25});
  const BenchResult r = measure(work, {.warm_up = 3, .repetitions = 2, .at_most = 2});
  const JsonObject json = JsonObject::parse(to_json(r).pretty(), "bench");
  EXPECT_EQ(json.text("work"), "train");
  EXPECT_EQ(json.text("model"), "pspnet_small_resnet");
  EXPECT_EQ(json.integer("threads"), threads());
  const double median = json.object("seconds").number("median"),
               peak = json.object("machine").number("flops");
  EXPECT_GT(json.object("seconds").number("min"), 0);
  EXPECT_LE(json.object("seconds").number("min"), median);
  EXPECT_NEAR(json.number("share_of_peak"), json.number("operations") / median / peak, 1e-12);
  EXPECT_NEAR(json.number("pictures_per_second"), 2 / median, 1e-9 / median);
  EXPECT_EQ(json.integer("system_allocations"), 0);  // the fifth step reuses the blocks of those before
  // Weights, velocities and gradients, four bytes each, are all there at the end of a step.
  EXPECT_GT(json.integer("peak_bytes"), 12 * json.integer("parameters"));
  const std::string text = to_text(r);
  EXPECT_NE(text.find("train pspnet_small_resnet: batch 2, 32 x 32"), std::string::npos) << text;
  EXPECT_NE(text.find("of the machine's multiply-add peak"), std::string::npos) << text;
  set_threads(before);
}

}  // namespace
}  // namespace clearcut
