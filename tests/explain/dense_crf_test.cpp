#include "explain/dense_crf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gaussian_sum.h"
#include "explain/permutohedral.h"
#include "tensor/ops/gaussian_sum.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "tests/explain/golden_file.h"

namespace clearcut {
namespace {

// tests/golden/explain/dense_crf.py: the published update with the matrix of all pairs, in double.
Tensor golden(const std::string& name) { return test::explain_golden("dense_crf", name); }

CrfOptions exact(CrfOptions options) {
  options.filter = CrfFilter::kExact;
  return options;
}

double worst(const Tensor& a, const Tensor& b) {
  const auto x = a.to(Device::kCpu).to(DType::kFloat64).values<double>();
  const auto y = b.to(DType::kFloat64).values<double>();
  double most = x.size() == y.size() ? 0 : INFINITY;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  return most;
}

const CrfOptions kPlace = {.kernels = {{.xy = 3, .weight = 3}}, .steps = 4};
CrfOptions matrix() {
  return {.kernels = {{.xy = 3, .weight = 3}, {.xy = 30, .rgb = 60, .weight = 2}},
          .steps = 5,
          .compatibility = golden("mu")};
}

// Double against double; ten steps multiply the rounding of sums of 154 terms by a few.
TEST(DenseCrf, ExactIsThePublishedUpdate) {
  const Tensor p = golden("p"), picture = golden("picture");
  EXPECT_LT(worst(dense_crf(p, picture, exact(kPlace)), golden("place")), 1e-11);
  EXPECT_LT(worst(dense_crf(p, picture, exact(crf_preset("rrm"))), golden("rrm")), 1e-11);
  EXPECT_LT(worst(dense_crf(p, picture, exact(matrix())), golden("matrix")), 1e-11);
}

// Float32 of the emulated device: sums of 154 terms, ten steps.
TEST(DenseCrf, ExactOnTheCudaDevice) {
  const Tensor p = golden("p").to(DType::kFloat32).to(Device::kCuda), picture = golden("picture");
  const Tensor q = dense_crf(p, picture, exact(crf_preset("rrm")));
  EXPECT_EQ(q.device(), Device::kCuda);
  EXPECT_LT(worst(q, golden("rrm")), 1e-4);
  EXPECT_LT(worst(dense_crf(p, picture, exact(matrix())), golden("matrix")), 1e-4);
}

// The kernel of place is exact without a lattice too, up to the 1e-6 that its two passes leave out.
TEST(DenseCrf, KernelOfPlaceIsExactInTwoPasses) {
  EXPECT_LT(worst(dense_crf(golden("p"), golden("picture"), kPlace), golden("place")), 1e-4);
}

// The lattice blurs with (1/2 1 1/2) where the kernel is a Gaussian, so its numbers are near, not equal.
TEST(DenseCrf, LatticeIsNearTheExactOne) {
  for (const std::string& name : crf_preset_names()) {
    const Tensor q = dense_crf(golden("guess"), golden("scene"), crf_preset(name));
    const auto got = q.to(DType::kFloat64).values<double>();
    const auto expected = golden("scene." + name).to(DType::kFloat64).values<double>();
    double sum = 0, same = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      sum += std::abs(got[expected.size() + i] - expected[i]);
      same += (got[expected.size() + i] > 0.5) == (expected[i] > 0.5);
    }
    const auto n = static_cast<double>(expected.size());
    EXPECT_LT(sum / n, 0.01) << name;
    EXPECT_GT(same / n, 0.99) << name;
  }
}

// The guess is a third too small; colours say where the disc ends.
TEST(DenseCrf, FillsTheDisc) {
  const auto disc = golden("disc").values<std::uint8_t>();
  const auto right = [&](const std::vector<double>& object) {
    double same = 0;
    for (std::size_t i = 0; i < disc.size(); ++i) same += (object[disc.size() + i] > 0.5) == (disc[i] == 1);
    return same / static_cast<double>(disc.size());
  };
  const double before = right(golden("guess").values<double>());
  const Tensor q = dense_crf(golden("guess"), golden("scene"), crf_preset("rrm-mining"));
  EXPECT_GT(right(q.values<double>()), before + 0.02);
}

// The true disc costs less than the same disc moved aside.
TEST(DenseCrf, EnergyPrefersBordersOfThePicture) {
  const Tensor disc = golden("disc").to(DType::kFloat32);
  const std::int64_t H = disc.dim(0), W = disc.dim(1);
  const Tensor features = pair_features(golden("scene"), kRrmEnergy, DType::kFloat32);
  const auto energy = [&](std::int64_t moved) {
    Tensor p({1, 2, H, W});
    for (std::int64_t i = 0; i < H * W; ++i) {
      const float object = i % W >= moved ? disc.data<const float>()[i - moved] : 0.0F;
      p.data<float>()[i] = 1 - object;
      p.data<float>()[H * W + i] = object;
    }
    return kRrmEnergy.weight * gaussian_energy(features, Var(p)).value().item();
  };
  EXPECT_LT(energy(0), energy(4));
  EXPECT_LT(energy(4), energy(8));
}

// Kraehenbuehl's tables give no numbers: the sum over all pairs is the measure. Up to one factor for all
// pixels.
TEST(Permutohedral, IsNearTheSumOverAllPairs) {
  const Tensor features = pair_features(golden("scene"), {.xy = 20, .rgb = 20}, DType::kFloat64);
  Tensor q({1, 2, 36, 44}, DType::kFloat64);
  RandomStream(1, "lattice").fill_uniform(q, 0.5, 1.5);
  const auto near =
      Permutohedral(features).filter(q.to(DType::kFloat32)).to(DType::kFloat64).values<double>();
  const auto exact = ops::gaussian_sum(features, q).values<double>();
  double dot = 0, length = 0, rest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    dot += near[i] * exact[i];
    length += near[i] * near[i];
  }
  for (std::size_t i = 0; i < exact.size(); ++i) rest += std::pow(dot / length * near[i] - exact[i], 2);
  double energy = 0;
  for (const double value : exact) energy += value * value;
  EXPECT_LT(std::sqrt(rest / energy), 0.1);
}

// In one dimension corners stand sqrt(3) / 2 * 2 deviations apart; a constant comes back constant inside.
TEST(Permutohedral, PixelsOfOnePlaceShareTheirValues) {
  const Tensor features = Tensor::zeros({1, 3, 2, 4});
  const Permutohedral lattice(features);
  EXPECT_EQ(lattice.corners(), 4);
  const auto y = lattice.filter(Tensor::from<float>({1, 1, 2, 4}, {8, 0, 0, 0, 0, 0, 0, 0})).values<float>();
  for (const float value : y) EXPECT_EQ(value, y[0]);
  EXPECT_GT(y[0], 0);
}

TEST(DenseCrf, SameBitsForAnyNumberOfThreads) {
  set_threads(1);
  const auto one = dense_crf(golden("guess"), golden("scene")).values<double>();
  set_threads(3);
  EXPECT_EQ(dense_crf(golden("guess"), golden("scene")).values<double>(), one);
  set_threads(0);
}

TEST(DenseCrf, LabelsBecomeProbabilities) {
  const Tensor labels = Tensor::from<std::int32_t>({1, 3}, {0, 2, 255});
  const auto p = label_probabilities(labels, 3, 0.7).values<float>();
  const std::vector<float> expected = {0.7F, 0.15F, 1.F / 3, 0.15F, 0.15F, 1.F / 3, 0.15F, 0.7F, 1.F / 3};
  for (std::size_t i = 0; i < 9; ++i) EXPECT_FLOAT_EQ(p[i], expected[i]);
  expect_error([&] { label_probabilities(labels, 2, 0.7); },
               "pixel 1 has label 2; labels are 0 to 1 and 255");
}

TEST(DenseCrf, RefusesWrongInput) {
  const Tensor picture = Tensor::zeros({2, 3, 3}, DType::kUInt8), p = Tensor::zeros({2, 2, 3});
  expect_error([&] { crf_preset("psp"); },
               "the presets are rrm, rrm-mining, pmm, pmm-test, labels; got 'psp'");
  expect_error([&] { dense_crf(Tensor::zeros({2, 3, 3}), picture); }, "must agree in size");
  expect_error([&] { dense_crf(p, picture, {.kernels = {{.xy = 0}}}); }, "deviations must be positive");
  expect_error(
      [&] {
        dense_crf(p, picture, {.compatibility = Tensor::zeros({3, 3})});
      },
      "compatibility must be [C, C] for 2 labels");
}

}  // namespace
}  // namespace clearcut
