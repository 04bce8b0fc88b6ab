#include "explain/global_prior.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "explain/kmeans.h"
#include "tensor/parallel.h"
#include "tensor/safetensors.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

using test::random_tensor;
using test::SmallNet;

ExplainInput pictures(std::int64_t count, const std::vector<int>& classes) {
  ExplainInput input{.x = random_tensor({count, 3, 16, 16}, "pictures")};
  for (std::int64_t n = 0; n < count; ++n) {
    input.targets.push_back({.classes = classes});
    input.items.push_back(static_cast<std::uint64_t>(n));
  }
  return input;
}

// Three groups far from each other: their means, whatever was drawn first.
TEST(KMeans, FindsGroupsThatStandApart) {
  std::vector<float> points;
  const double centres[3][2] = {{0, 0}, {10, 0}, {0, 10}};
  for (int i = 0; i < 30; ++i)
    for (int d = 0; d < 2; ++d)
      points.push_back(static_cast<float>(centres[i % 3][d] + 0.25 * ((i / 3 + d) % 2 ? 1 : -1)));
  for (std::uint64_t seed = 1; seed < 6; ++seed) {
    const auto found = k_means(Tensor::from<float>({30, 2}, points), 3, seed).values<double>();
    ASSERT_EQ(found.size(), 6U);
    for (const auto& centre : centres) {
      double nearest = 1e9;
      for (std::size_t q = 0; q < 3; ++q)
        nearest = std::min(nearest, std::hypot(found[2 * q] - centre[0], found[2 * q + 1] - centre[1]));
      EXPECT_NEAR(nearest, 0, 1e-6) << seed;
    }
  }
}

TEST(KMeans, HasNoMoreCentresThanPoints) {
  const Tensor points = Tensor::from<float>({4, 1}, {1, 5, 1, 5});
  EXPECT_EQ(k_means(points, 9, 1).dim(0), 2);
  EXPECT_EQ(k_means(points, 1, 1).values<double>(), std::vector<double>{3});
  EXPECT_THROW(k_means(points, 0, 1), Error);
}

TEST(KMeans, SameBitsForAnyThreads) {
  const Tensor points = random_tensor({2000, 6}, "points");
  set_threads(4);
  const auto four = k_means(points, 10, 3).values<double>();
  set_threads(1);
  EXPECT_EQ(k_means(points, 10, 3).values<double>(), four);
  set_threads(0);
}

// One channel of 1 x 2 cells over 1 x 4 pixels: half-pixel centres give 0, 1, 3, 4. Piece 0 has the pixels 0
// and 3 with the mean 2 and its centroid at 1.5, rounded to 2; piece 1 has 1 and 2.
TEST(Descriptors, ByHand) {
  const Tensor A = Tensor::from<float>({1, 1, 2}, {0, 4});
  const auto got = piece_descriptors(A, Tensor::from<std::int32_t>({1, 4}, {0, 1, 1, 0})).values<float>();
  const double length = std::sqrt(3.0 * 3 + 2 * 2);
  EXPECT_NEAR(got[0], 3 / length, 1e-6);
  EXPECT_NEAR(got[1], 2 / length, 1e-6);
  EXPECT_NEAR(got[2], 3 / length, 1e-6);  // the centroid of pixels 1 and 2 is 1.5 as well
  EXPECT_NEAR(got[3], 2 / length, 1e-6);
}

// Every piece a cluster of its own: weights w^2 / |w|_1 of the picture's LIME.
TEST(NormLime, OnePictureOfManyClusters) {
  SmallNet net;
  const ExplainInput input = pictures(1, {2});
  const auto all = explain_all(net, input,
                               {parse_explainer("lime:samples=60:grid=3"),
                                parse_explainer("normlime:samples=60:grid=3:clusters=100")});
  const std::vector<double>& w = all.by_explainer[0].coefficients[0];
  const std::vector<double>& g = all.by_explainer[1].coefficients[0];
  double norm = 0;
  for (const double value : w) norm += std::abs(value);
  ASSERT_EQ(g.size(), 9U);
  for (std::size_t k = 0; k < 9; ++k) EXPECT_NEAR(g[k], w[k] * w[k] / norm, 1e-12) << k;
}

// One cluster: its weight is the mean of w^2 / |w|_1 over the pieces of all pictures with that target.
TEST(NormLime, WeightsAreMeansOverPicturesOfOneTarget) {
  SmallNet net;
  ExplainInput input = pictures(3, {1, 2});
  input.targets[2].classes = {0};
  const ExplainOptions options = parse_explainer("normlime:samples=60:grid=3:clusters=1");
  Passes passes(net, input.budget_bytes);
  PriorLearner learner(options);
  learner.add(passes, input);
  const GlobalPrior prior = learner.learn(1);
  const auto lime =
      explain_all(net, input, {parse_explainer("lime:samples=60:grid=3")}).by_explainer[0].coefficients;
  const auto share = [&](std::size_t n) {
    double squares = 0, norm = 0;
    for (const double w : lime[n]) {
      squares += w * w;
      norm += std::abs(w);
    }
    return squares / norm / 9;
  };
  ASSERT_EQ(prior.weights.size(), 2U);
  EXPECT_NEAR(prior.weights.at({1, 2})[0], (share(0) + share(1)) / 2, 1e-12);
  EXPECT_NEAR(prior.weights.at({0})[0], share(2), 1e-12);
  const Tensor any({2, prior.centres.dim(1)});
  EXPECT_EQ(prior.of_pieces(any, {.classes = {2, 1}}), std::vector<double>(2, prior.weights.at({1, 2})[0]));
  EXPECT_EQ(prior.of_pieces(any, {.classes = {4}}), std::vector<double>(2, 0));
}

TEST(GlobalPrior, FileRoundTripAndErrors) {
  const std::string path = (std::filesystem::path(testing::TempDir()) / "prior.safetensors").string();
  const GlobalPrior prior{.layer = "layer1.0",
                          .centres = Tensor::from<double>({2, 1}, {0.5, 1}),
                          .weights = {{{3, 17}, {0.25, 0}}, {{4}, {1, 2}}}};
  write_prior(path, prior);
  const GlobalPrior read = read_prior(path);
  EXPECT_EQ(read.layer, prior.layer);
  EXPECT_EQ(read.centres.values<double>(), prior.centres.values<double>());
  EXPECT_EQ(read.weights, prior.weights);
  for (const char* name : {"weights.x", "weights.3,y", "bias"}) {
    write_safetensors(path,
                      {.tensors = {{"centres", prior.centres}, {name, Tensor::from<double>({2}, {1, 2})}},
                       .metadata = {{"layer", "a"}}});
    EXPECT_THROW(read_prior(path), Error) << name;
  }
  write_safetensors(path, {.tensors = {{"centres", prior.centres}}, .metadata = {}});
  EXPECT_THROW(read_prior(path), Error);
  std::filesystem::remove(path);
  EXPECT_THROW(read_prior(path), Error);
}

// A prior of another network: descriptors of another length.
TEST(GlobalPrior, RefusesOtherDescriptors) {
  const GlobalPrior prior{
      .layer = "a", .centres = Tensor::zeros({1, 4}, DType::kFloat64), .weights = {{{1}, {1}}}};
  EXPECT_THROW(prior.of_pieces(Tensor::zeros({1, 6}), {.classes = {1}}), Error);
}

}  // namespace
}  // namespace clearcut
