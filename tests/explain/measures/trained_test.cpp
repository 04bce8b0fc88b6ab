// Measures that need a network which learned something: a patch, and labels that mean nothing.
#include <gtest/gtest.h>

#include "autograd/cross_entropy.h"
#include "data/resize.h"
#include "explain/measures/measure_table.h"
#include "explain/measures/patch.h"
#include "tests/explain/small_net.h"
#include "train/optimiser.h"

namespace clearcut {
namespace {

constexpr std::int64_t kSide = 16;
constexpr int kPatch = 1;

/// conv 3x3 - ReLU - conv 3x3 - ReLU - mean - linear, two classes, drawn from `seed`.
struct PatchNet : test::TestNet {
  explicit PatchNet(std::uint64_t seed)
      : TestNet(2, [this](TestNet&, const Var& x) { return forward(x); }),
        conv1(registry().scope() / "conv1" / "weight", drawn({8, 3, 3, 3}, 0.3, seed)),
        conv2(registry().scope() / "conv2" / "weight", drawn({8, 8, 3, 3}, 0.2, seed + 1)),
        weight(registry().scope() / "fc" / "weight", drawn({2, 8}, 0.5, seed + 2)),
        bias(registry().scope() / "fc" / "bias", Tensor::zeros({2})) {}
  static Tensor drawn(const Shape& shape, double deviation, std::uint64_t seed) {
    Tensor x(shape);
    RandomStream(seed, "patch net").fill_normal(x, 0, deviation);
    return x;
  }
  Var forward(const Var& x) {
    Var y = relu(conv2d(x, conv1, {.padding = {1, 1, 1, 1}}));
    y = relu(conv2d(y, conv2, {.padding = {1, 1, 1, 1}}));
    return linear(mean(registry().observe("features", y), {2, 3}), weight, bias);
  }
  Param conv1, conv2, weight, bias;
};

// Noise in colours, every second picture with a yellow patch of 4 x 4 pixels.
Tensor picture(std::uint64_t index) {
  Tensor noise({kSide, kSide, 3});
  RandomStream(1, "picture", index).fill_uniform(noise, 0, 255);
  const Tensor pixels = noise.to(DType::kUInt8);
  return index % 2 == 0 ? pixels : paste_patch(pixels, patch_place(kSide, kSide, 4, 2, index));
}

Tensor batch_of(std::uint64_t first, std::int64_t count) {
  Tensor x({count, 3, kSide, kSide});
  for (std::int64_t i = 0; i < count; ++i)
    x[i].copy_from(to_network_input(picture(first + static_cast<std::uint64_t>(i))));
  return x;
}

// 60 steps of 16 pictures. With `shuffled` each picture has a drawn label.
void train(PatchNet& net, bool shuffled) {
  Sgd sgd(net.registry(), {.momentum = 0.9, .groups = {.weight_decay = 0}});
  net.registry().require_grad(true);
  for (std::uint64_t step = 0; step < 60; ++step) {
    std::vector<std::int32_t> labels;
    for (std::uint64_t i = 0; i < 16; ++i) {
      const std::uint64_t index = 16 * (step % 8) + i;
      labels.push_back(shuffled ? static_cast<std::int32_t>(RandomStream(3, "label", index).below(0, 2))
                                : static_cast<std::int32_t>(index % 2));
    }
    net.registry().zero_grad();
    cross_entropy(net.logits(Var(batch_of(16 * (step % 8), 16))), Tensor::from<std::int32_t>({16}, labels))
        .backward();
    sgd.step(0.1);
  }
  net.registry().require_grad(false);
}

Verdict judged(Classifier& net, Classifier* shuffled, std::uint64_t index, const char* measure) {
  ExplainInput input{.x = batch_of(index, 1)};
  input.targets = {{.classes = {kPatch}}};
  input.items = {index};
  const ExplainOptions explainer = parse_explainer("gradcam");
  const Explanation said = explain_all(net, input, {explainer}).by_explainer[0];
  const Box whole{0, 0, kSide, kSide};
  Subject subject(
      net, input, {whole, kSide, kSide, kSide, kSide},
      {.inside = {}, .consensus = {}, .shuffled = shuffled, .patch = Target{.classes = {kPatch}}});
  Trial trial(subject, explainer, said);
  return parse_measure(measure).judge(trial);
}

// The maps of a network that finds the patch find it; those of the same network before training do not.
TEST(PastedPatch, IsFoundByTheMapsOfANetworkThatDetectsIt) {
  PatchNet net(20), untrained(20);
  train(net, false);
  int right = 0;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const auto z = net.logits(Var(batch_of(1000 + i, 1))).value().values<float>();
    right += (z[1] > z[0]) == (i % 2 == 1);
  }
  EXPECT_GE(right, 19);  // it does detect the patch
  double found = 0, guessed = 0;
  for (std::uint64_t i = 0; i < 10; ++i) {
    found += judged(net, nullptr, 2000 + 2 * i, "pasted_patch").value / 10;
    guessed += judged(untrained, nullptr, 2000 + 2 * i, "pasted_patch").value / 10;
  }
  // 16 of 256 pixels: a map that knows nothing has an average precision near 0.06.
  EXPECT_GT(found, 0.8);
  EXPECT_LT(guessed, found / 2);
}

// Maps of a network that learned the patch are less like those of one that learned noise than like those of
// another one that learned the patch.
TEST(LabelRandomisation, MapsOfShuffledLabelsDiffer) {
  PatchNet net(20), twin(30), shuffled(30);
  train(net, false);
  train(twin, false);
  train(shuffled, true);
  double alike = 0, noise = 0;
  for (std::uint64_t i = 0; i < 10; ++i) {
    alike += judged(net, &twin, 2001 + 2 * i, "label_randomisation").value / 10;
    noise += judged(net, &shuffled, 2001 + 2 * i, "label_randomisation").value / 10;
  }
  EXPECT_LT(noise, alike);
}

TEST(PastedPatch, LiesWhereItsPlaceSays) {
  const Tensor pasted =
      paste_patch(Tensor::zeros({3, 4, 3}, DType::kUInt8), {.top = 1, .left = 2, .side = 2});
  const auto values = pasted.values<std::uint8_t>();
  const auto inside = patch_mask(3, 4, {.top = 1, .left = 2, .side = 2}).values<std::uint8_t>();
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(inside[i], i == 6 || i == 7 || i == 10 || i == 11);
    EXPECT_EQ(values[3 * i], inside[i] * 255);
    EXPECT_EQ(values[3 * i + 2], 0);
  }
  EXPECT_EQ(patch_side(224, 300), 60);
  for (std::uint64_t item = 0; item < 50; ++item) {
    const PatchPlace place = patch_place(10, 8, 7, 1, item);
    EXPECT_TRUE(place.top >= 0 && place.top <= 3 && place.left >= 0 && place.left <= 1);
  }
  EXPECT_THROW(patch_place(10, 8, 9, 1, 0), Error);
}

}  // namespace
}  // namespace clearcut
