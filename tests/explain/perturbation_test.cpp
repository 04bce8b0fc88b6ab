// Explainers that change the picture: hand cases and axioms. tests/explain/perturbation_golden_test.cpp has
// their formulas.
#include "explain/perturbation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "autograd/arithmetic.h"
#include "tensor/parallel.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

using test::input_of;
using test::LinearNet;
using test::random_tensor;
using test::SmallNet;
using test::TestNet;

Explanation one(Classifier& net, const ExplainInput& input, const std::string& text) {
  return explain_all(net, input, {parse_explainer(text)}).by_explainer[0];
}

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// s of pictures as they are.
std::vector<double> scores_of(Classifier& net, const Tensor& x, const Target& target) {
  return explain_all(net, input_of(x, target), {}).probability;
}

// s = the sum over one row of channel 0 with values 1, 2, 4: windows of two pixels take away 3 and 6, at
// stride 2 they take away 3 and, cut at the border, 4.
TEST(Occlusion, ByHand) {
  std::vector<float> w(9);
  std::fill_n(w.begin(), 3, 1.0F);
  LinearNet net(Tensor::from<float>({1, 9}, w));
  const Tensor x = Tensor::from<float>({1, 3, 1, 3}, {1, 2, 4, 9, 9, 9, 9, 9, 9});
  const ExplainInput input = input_of(x, {.classes = {0}, .probability = false});
  const auto map = [&](const std::string& text) { return one(net, input, text).maps.values<float>(); };
  EXPECT_EQ(map("occlusion:window=1:stride=1"), (std::vector<float>{1, 2, 4}));
  EXPECT_EQ(map("occlusion:window=2:stride=1"), (std::vector<float>{3, 4.5, 6}));
  EXPECT_EQ(map("occlusion:window=2:stride=1:overlap=sum"), (std::vector<float>{3, 9, 6}));
  EXPECT_EQ(map("occlusion:window=2:stride=2"), (std::vector<float>{3, 3, 4}));
  // The mean of the channel is 7 / 3: what is covered by it takes away 1 - 7/3, 2 - 7/3 and 4 - 7/3.
  const auto mean = map("occlusion:window=1:stride=1:baseline=mean:reduction=signed");
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(mean[i], x.values<float>()[i] - 7.0 / 3, 1e-6);
  EXPECT_THROW(map("occlusion:window=2:stride=3"), Error);
}

TEST(Occlusion, AWindowLargerThanThePictureCoversAllOfIt) {
  LinearNet net(Tensor::full({1, 12}, 1));
  const ExplainInput input = input_of(Tensor::full({1, 3, 2, 2}, 2), {.classes = {0}, .probability = false});
  ExplainOptions options = parse_explainer("occlusion:window=9:stride=1");
  const Explanations e = explain_all(net, input, {options});
  EXPECT_TRUE(e.by_explainer[0].empty[0]);  // 24 everywhere: a constant map says nothing
}

// s(x M) = 3 whatever the mask: S = 3 / (n keep) sum of M. With keep = 1 all masks are 1.
TEST(Rise, ConstantModel) {
  TestNet net(1, [](TestNet&, const Var& x) { return Var(Tensor::full({x.dim(0), 1}, 3)); });
  const ExplainInput input =
      input_of(random_tensor({1, 3, 10, 14}, "x"), {.classes = {0}, .probability = false});
  const auto map = one(net, input, "rise:samples=5:cells=4:keep=0.25").maps.values<float>();
  const RiseMasks masks(10, 14, 4, 0.25);
  std::vector<double> sum(140);
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto mask = masks.draw(input.seed, input.items[0], i).values<float>();
    for (std::size_t j = 0; j < 140; ++j) sum[j] += mask[j];
  }
  for (std::size_t j = 0; j < 140; ++j) EXPECT_NEAR(map[j], 3 / (5 * 0.25) * sum[j], 1e-5);
  Passes passes(net, input.budget_bytes);
  const Explanation full = rise(passes, input, parse_explainer("rise:samples=4:keep=1"));
  for (const float value : full.maps.values<float>()) EXPECT_FLOAT_EQ(value, 3);
}

// The mean of a mask is keep at every pixel: over 4000 masks of 16 bits, each weighing at most 1, the
// deviation of the mean is at most sqrt(0.3 * 0.7 / 4000) = 0.0073; four of them.
TEST(Rise, MasksKeepTheShareThatTheyShould) {
  const RiseMasks masks(9, 12, 4, 0.3);
  std::vector<double> sum(108);
  for (std::int64_t i = 0; i < 4000; ++i) {
    const auto mask = masks.draw(1, 7, i).values<float>();
    for (std::size_t j = 0; j < 108; ++j) {
      EXPECT_TRUE(mask[j] >= 0 && mask[j] <= 1);
      sum[j] += mask[j];
    }
  }
  for (std::size_t j = 0; j < 108; ++j) EXPECT_NEAR(sum[j] / 4000, 0.3, 0.03) << j;
}

// A net that is linear in the picture, pieces that go to 0: s is the sum of the shares of the pieces that
// show.
struct Planted {
  Planted() : w(random_tensor({2, 768}, "w")), net(w) {
    input = input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {1}, .probability = false});
    const Tensor labels = grid_labels(16, 16, 4);
    for (std::size_t i = 0; i < 768; ++i)
      shares[static_cast<std::size_t>(labels.data<const std::int32_t>()[i % 256])] +=
          static_cast<double>(w.data<const float>()[768 + i]) * input.x.data<const float>()[i];
  }
  void expect_shares(const std::string& text) {
    const Explanation e = one(net, input, text + ":grid=4:off=zero");
    ASSERT_EQ(e.coefficients[0].size(), 16U);
    // float32 logits of size 30 are exact to about 1e-5
    for (std::size_t k = 0; k < 16; ++k)
      EXPECT_NEAR(e.coefficients[0][k], shares[k], 1e-4) << text << " " << k;
  }
  Tensor w;
  LinearNet net;
  ExplainInput input;
  std::vector<double> shares = std::vector<double>(16);
};

TEST(Pieces, ExplainersRecoverALinearModel) {
  Planted planted;
  for (const char* text : {"lime:samples=60", "kernelshap:samples=60", "ablation", "shapley:samples=2"})
    planted.expect_shares(text);
  planted.expect_shares("lime:samples=60:nearness=picture");
  planted.expect_shares("lime:samples=60:penalty=ridge:alpha=1e-9");
  planted.expect_shares("lime:samples=60:penalty=lasso:alpha=1e-9");
}

// A linear model is found exactly as soon as there are enough rows, so nothing moves after the first look.
TEST(Lime, StopsWhenItsWeightsSettle) {
  Planted planted;
  const Explanation all = one(planted.net, planted.input, "lime:samples=1000:grid=4:off=zero");
  const Explanation few = one(planted.net, planted.input, "lime:samples=1000:grid=4:off=zero:settle=0.001");
  EXPECT_EQ(all.samples[0], 1000);
  EXPECT_EQ(few.samples[0], 300);
  for (std::size_t k = 0; k < 16; ++k) EXPECT_NEAR(few.coefficients[0][k], planted.shares[k], 1e-4);
  // One that is not linear takes longer, and each picture its own time.
  SmallNet net;
  const ExplainInput input = input_of(random_tensor({3, 3, 16, 16}, "x"), {.classes = {2}});
  const Explanation slow = one(net, input, "lime:samples=900:grid=4:settle=0.02");
  for (std::int64_t n = 0; n < 3; ++n) {
    ExplainInput alone = input_of(input.x.slice(n, n + 1), {.classes = {2}});
    alone.items = {input.items[static_cast<std::size_t>(n)]};
    EXPECT_EQ(one(net, alone, "lime:samples=900:grid=4:settle=0.02").samples[0],
              slow.samples[static_cast<std::size_t>(n)]);
    EXPECT_GT(slow.samples[static_cast<std::size_t>(n)], 300);
  }
}

// Efficiency: values add up to s(all) - s(none). For Kernel SHAP the two ends weigh a million, the other 198
// rows, whose scores are off a line by up to 0.1, pull by 1e-5 at most.
TEST(Shapley, ValuesAddUpToTheWholeDifference) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const Target target{.classes = {1, 3}};
  const double difference = scores_of(net, x, target)[0] - scores_of(net, zeros_like(x), target)[0];
  ASSERT_GT(std::abs(difference), 0.01);
  const auto sum = [&](const char* text) {
    return sum_of(one(net, input_of(x, target), text).coefficients[0]);
  };
  EXPECT_NEAR(sum("shapley:samples=4:grid=3:off=zero"), difference, 1e-12);
  EXPECT_NEAR(sum("kernelshap:samples=200:grid=3:off=zero"), difference, 1e-5);
}

TEST(Shapley, OnePieceHasAllOfIt) {
  SmallNet net;
  const Tensor x = random_tensor({1, 3, 16, 16}, "x");
  const Target target{.classes = {1}};
  const double difference = scores_of(net, x, target)[0] - scores_of(net, zeros_like(x), target)[0];
  for (const char* text : {"shapley:samples=2:grid=1:off=zero", "kernelshap:samples=5:grid=1:off=zero",
                           "ablation:grid=1:off=zero", "lime:samples=9:grid=1:off=zero"})
    EXPECT_NEAR(one(net, input_of(x, target), text).coefficients[0][0], difference, 1e-6) << text;
}

// Sizes of Kernel SHAP's sets: probability in proportion to 1 / (k (K - k)), for K = 4 that is 4, 3, 4 of 11.
// Deviation of a share of 4000 draws: at most 0.008; four of them.
TEST(KernelShap, SizesFollowTheShapleyKernel) {
  const ExplainInput input{.x = {}, .items = {3}};
  std::vector<double> count(5), on(4);
  for (std::int64_t i = 2; i < 4002; ++i) {
    const Bits bits = kernel_shap_bits(input, 0, i, 4);
    ++count[static_cast<std::size_t>(std::accumulate(bits.begin(), bits.end(), 0))];
    for (std::size_t k = 0; k < 4; ++k) on[k] += bits[k];
  }
  EXPECT_EQ(count[0] + count[4], 0);
  EXPECT_NEAR(count[1] / 4000, 4.0 / 11, 0.032);
  EXPECT_NEAR(count[2] / 4000, 3.0 / 11, 0.032);
  EXPECT_NEAR(count[3] / 4000, 4.0 / 11, 0.032);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(on[k] / 4000, 0.5, 0.032);
}

TEST(Permutation, APictureOfOneColourLooksTheSameElsewhere) {
  SmallNet net;
  const Explanation e =
      one(net, input_of(Tensor::full({1, 3, 16, 16}, 0.3), {.classes = {1}}), "permutation:samples=3:grid=4");
  EXPECT_TRUE(e.empty[0]);
}

TEST(GridLabels, ByHand) {
  EXPECT_EQ(grid_labels(2, 5, 2).values<std::int32_t>(),
            (std::vector<std::int32_t>{0, 0, 0, 1, 1, 2, 2, 2, 3, 3}));
  EXPECT_EQ(grid_labels(1, 2, 9).values<std::int32_t>(), (std::vector<std::int32_t>{0, 1}));
}

// Features are the input itself and s is linear in their means, so to switch channel k off takes W_k mean_k
// away.
TEST(AblationCam, ByHand) {
  const Tensor W = Tensor::from<float>({1, 3}, {1, -1, 2});
  TestNet net(1, [&](TestNet& self, const Var& x) {
    return linear(mean(self.registry().observe("features", x), {2, 3}), Var(W));
  });
  const Tensor x = Tensor::from<float>({1, 3, 1, 2}, {1, 3, 4, 0, 5, 3});
  // means 2, 2, 4; s = 2 - 2 + 8 = 8; w = 2/8, -2/8, 8/8
  const auto map = one(net, input_of(x, {.classes = {0}, .probability = false}), "ablationcam:relu=0");
  EXPECT_EQ(map.maps.values<float>(), (std::vector<float>{0.25F - 1 + 5, 0.75F + 3}));
}

// What lies before the feature maps runs for one row of a batch where nothing goes around them, and for all
// where something does.
TEST(AblationCam, RowsBeforeTheTap) {
  const Tensor W = Tensor::from<float>({1, 3}, {1, -1, 2});
  const Tensor x = Tensor::from<float>({1, 3, 1, 2}, {1, 3, 4, 0, 5, 3});
  for (const bool around : {false, true}) {
    std::int64_t before = 0, behind = 0;
    TestNet net(1, [&](TestNet& self, const Var& picture) {
      before += picture.dim(0);
      const Var maps = self.registry().observe("features", picture);
      behind += maps.dim(0);
      const Var z = linear(mean(maps, {2, 3}), Var(W));
      return around ? z + mean(reshape(picture, {picture.dim(0), 1, 6}), {2}) : z;
    });
    // s = 8, and 16/6 of the branch.
    const auto map = one(net, input_of(x, {.classes = {0}, .probability = false}), "ablationcam:relu=0");
    const double s = around ? 8 + 16.0 / 6 : 8;
    const std::vector<float> values = map.maps.values<float>();
    EXPECT_NEAR(values[0], (2 * 1 - 2 * 4 + 8 * 5) / s, 1e-5);
    EXPECT_NEAR(values[1], (2 * 3 - 2 * 0 + 8 * 3) / s, 1e-5);
    // What Passes asks for, the trials (of a branch, of two rows), the picture as it is, and the versions.
    EXPECT_EQ(before, around ? 1 + 1 + 1 + 3 : 1 + 1 + 1 + 1 + 1);
    EXPECT_EQ(behind, around ? 1 + 1 + 1 + 3 : 1 + 1 + 2 + 1 + 3);
  }
}

// One channel is constant: it hides the picture. Scores 0 and s decide over the softmax.
TEST(ScoreCam, ByHand) {
  TestNet net(1, [&](TestNet& self, const Var& x) {
    self.registry().observe("features", x);
    return sum(reshape(x, {x.dim(0), 1, 6}), {2});
  });
  const Tensor x = Tensor::from<float>({1, 3, 1, 2}, {0, 1, 7, 7, 2, 0});
  const ExplainInput input = input_of(x, {.classes = {0}, .probability = false});
  // masks (0, 1), (0, 0), (1, 0): scores 1 + 7 + 0, 0, 0 + 7 + 2
  EXPECT_EQ(one(net, input, "scorecam:weights=raw").maps.values<float>(), (std::vector<float>{18, 8}));
  const double total = std::exp(8) + 1 + std::exp(9);
  const auto map = one(net, input, "scorecam").maps.values<float>();
  EXPECT_NEAR(map[0], (7 + 2 * std::exp(9)) / total, 1e-6);
  EXPECT_NEAR(map[1], (std::exp(8) + 7) / total, 1e-6);
}

// dL/dp by central differences, at random parameters; p = 0 hides all, and nothing is more than 1.
// A chessboard that only counts inside a square: the mask keeps its area (counted with a margin of 21 pixels,
// 71 x 71 in all, of which up to half may lie outside the picture) and shows the square more than the rest.
TEST(Extremal, MaskKeepsItsAreaAndShowsWhatCounts) {
  Tensor x({1, 3, 32, 32}), w({1, 3072});
  for (std::int64_t i = 0; i < 3072; ++i) {
    const std::int64_t row = i / 32 % 32, column = i % 32;
    const bool inside = row >= 4 && row < 16 && column >= 4 && column < 16, bright = (row + column) % 2 == 0;
    x.data<float>()[i] = bright ? 1 : 0;
    w.data<float>()[i] = !inside ? 0.0F : bright ? 0.05F : -0.05F;
  }
  LinearNet net(w);
  for (const double area : {0.05, 0.1}) {
    const auto map = one(net, input_of(x, {.classes = {0}}), cat("extremal:iterations=100:area=", area))
                         .maps.values<float>();
    double sum = 0, inside = 0;
    for (std::size_t i = 0; i < map.size(); ++i) {
      EXPECT_TRUE(map[i] >= 0 && map[i] <= 1);
      sum += map[i];
      if (i / 32 >= 4 && i / 32 < 16 && i % 32 >= 4 && i % 32 < 16) inside += map[i];
    }
    EXPECT_LT(sum / (71 * 71), 1.05 * area);
    EXPECT_GT(sum / (71 * 71), 0.5 * area);
    EXPECT_GT(inside / 144, 1.1 * sum / 1024);
  }
  EXPECT_THROW(one(net, input_of(x, {.classes = {0}}), "extremal:area=1"), Error);
}

const char* const kFamily[] = {
    "occlusion:window=5:stride=4",
    "rise:samples=9:cells=4",
    "lime:samples=40:segments=9",
    "lime:samples=150:segments=9:settle=0.5:nearness=picture:penalty=lasso:alpha=0.001",
    "kernelshap:samples=40:segments=9",
    "ablation:segments=9",
    "permutation:segments=9:samples=2",
    "shapley:segments=9:samples=2",
    "normlime:samples=40:segments=9:clusters=3",
    "glime:samples=40:segments=9",
    "scorecam",
    "ablationcam",
    "extremal:iterations=4"};

std::vector<ExplainOptions> family() {
  std::vector<ExplainOptions> all;
  for (const char* text : kFamily) all.push_back(parse_explainer(text));
  return all;
}

std::vector<std::vector<float>> bits_of(const Explanations& e) {
  std::vector<std::vector<float>> bits;
  for (const Explanation& x : e.by_explainer) bits.push_back(x.maps.values<float>());
  return bits;
}

TEST(Perturbation, SameBitsForAnyBatchBudgetAndThreads) {
  SmallNet net;
  ExplainInput all = input_of(random_tensor({3, 3, 16, 16}, "x"), {.classes = {2}});
  for (std::size_t n = 0; n < 3; ++n) all.targets[n].classes = {static_cast<int>(n)};
  set_threads(4);
  const auto together = bits_of(explain_all(net, all, family()));
  set_threads(1);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto i = static_cast<std::int64_t>(n);
    ExplainInput alone = input_of(all.x.slice(i, i + 1), all.targets[n]);
    alone.items = {all.items[n]};
    alone.budget_bytes = 1;
    const auto bits = bits_of(explain_all(net, alone, family()));
    for (std::size_t e = 0; e < bits.size(); ++e)
      EXPECT_TRUE(std::equal(bits[e].begin(), bits[e].end(),
                             together[e].begin() + static_cast<std::ptrdiff_t>(n * bits[e].size())))
          << "picture " << n << ", " << kFamily[e];
  }
  set_threads(0);
}

TEST(Perturbation, HalvesTheBatchWhenMemoryRunsOut) {
  SmallNet roomy, tight(Device::kCpu, 3);
  const ExplainInput input = input_of(random_tensor({2, 3, 16, 16}, "x"), {.classes = {2}});
  EXPECT_EQ(bits_of(explain_all(tight, input, family())), bits_of(explain_all(roomy, input, family())));
}

TEST(Perturbation, TheSeedChangesWhatIsDrawn) {
  SmallNet net;
  ExplainInput input = input_of(random_tensor({1, 3, 16, 16}, "x"), {.classes = {2}});
  const auto drawn = {"rise:samples=9:cells=4", "lime:samples=20:grid=3",   "kernelshap:samples=9:grid=4",
                      "permutation:grid=3",     "shapley:grid=3:samples=1", "glime:samples=20:grid=3"};
  for (const char* text : drawn) {
    input.seed = 1;
    const auto first = one(net, input, text).maps.values<float>();
    input.seed = 2;
    EXPECT_NE(one(net, input, text).maps.values<float>(), first) << text;
  }
}

}  // namespace
}  // namespace clearcut
