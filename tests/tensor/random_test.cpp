#include "tensor/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "tensor/cpu/isa.h"

namespace clearcut {
namespace {

using Words = std::array<std::uint32_t, 4>;

// Known-answer vectors of Random123 (kat_vectors, philox4x32 10): zeros, ones, and digits of pi.
TEST(Philox, KnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Offset basis and "a", from the FNV authors' test vectors.
TEST(HashName, KnownAnswers) {
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(hash_name("a"), 0xaf63dc4c8601ec8cULL);
}

// Quantiles by mpmath with 60 digits: the root z of erfc(-z / sqrt(2)) / 2 = p.
TEST(InverseNormal, KnownQuantiles) {
  struct Quantile {
    double p, z;
  };
  const std::vector<Quantile> quantiles = {{1e-300, -37.047096299361199237},
                                           {1e-15, -7.9413453261709967713},
                                           {1e-11, -6.7060231554951362961},
                                           {1.1641532182693481e-10, -6.3379577545537892525},
                                           {1e-06, -4.7534243088228989573},
                                           {0.001, -3.0902323061678135354},
                                           {0.0749999, -1.4395321773759005864},
                                           {0.0750001, -1.4395307645017296865},
                                           {0.1, -1.2815515655446004353},
                                           {0.25, -0.6744897501960817432},
                                           {0.49999, -0.000025066282748960008527},
                                           {0.6, 0.25334710313579974132},
                                           {0.9, 1.2815515655446005935},
                                           {0.9250001, 1.4395321773759004884},
                                           {0.975, 1.9599639845400538556},
                                           {0.999999, 4.7534243088170877657},
                                           {0.9999999998835847, 6.3379577545537892525},
                                           {0.9999999999999991, 7.9560381254815309622}};
  for (const auto& [p, z] : quantiles)
    EXPECT_NEAR(inverse_normal(p), z, 2e-15 * std::max(1.0, std::abs(z))) << "p = " << p;
  EXPECT_EQ(inverse_normal(0.5), 0);
}

TEST(RandomStream, FillsAreTheNumbersOfTheStream) {
  const RandomStream stream(3, "fills", 4, 5);
  const Tensor uniform(Shape{1000}, DType::kFloat64), normal(Shape{1000}, DType::kFloat64);
  stream.fill_uniform(uniform, -1, 3, 17);
  stream.fill_normal(normal, 0, 1, 17);
  for (std::int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(uniform.data<const double>()[i], stream.uniform(17 + i, -1, 3));
    EXPECT_EQ(normal.data<const double>()[i], stream.normal(17 + i));
  }
}

// The loops of each instruction set give the bits of the plain formulas; 300001 normals include all branches.
TEST(RandomStream, SameBitsForEveryInstructionSet) {
  const RandomStream stream(1, "isa");
  const std::int64_t n = 300001;
  std::vector<double> expected(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i)
    expected[static_cast<std::size_t>(i)] = std::fma(stream.normal(i + 3), 0.15, 0.5);
  std::vector<double> uniforms(expected.size());
  for (std::int64_t i = 0; i < n; ++i) uniforms[static_cast<std::size_t>(i)] = stream.uniform(i + 2, -0.1, 7);
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const Tensor y(Shape{n}, DType::kFloat64);
    stream.fill_normal(y, 0.5, 0.15, 3);
    EXPECT_TRUE(y.values<double>() == expected) << isa;
    stream.fill_uniform(y, -0.1, 7, 2);
    EXPECT_TRUE(y.values<double>() == uniforms) << isa;
  }
  set_isa("");
}

// The edges of the formula's branches, as words: the smallest and largest p, and both sides of |q| = 0.425.
TEST(RandomStream, FastNormalsAgreeAtTheEdges) {
  std::vector<std::uint32_t> words = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  for (const double p : {0.075, 0.925})
    for (int d = -3; d <= 3; ++d) words.push_back(static_cast<std::uint32_t>(std::lround(p * 0x1p32) + d));
  for (const std::string_view isa : supported_isas()) {
    set_isa(isa);
    const auto fast = isa_table().random->normal;
    if (fast == nullptr) continue;
    std::vector<double> y(words.size());
    fast(words.data(), y.data(), static_cast<std::int64_t>(words.size()), 0, 1);
    for (std::size_t i = 0; i < words.size(); ++i)
      EXPECT_EQ(y[i], inverse_normal((words[i] + 0.5) * 0x1p-32)) << isa << ", word " << words[i];
  }
  set_isa("");
}

TEST(RandomStream, KeysGiveStreamsOfTheirOwn) {
  const RandomStream base(1, "a", 2, 3);
  for (const RandomStream& other : {RandomStream(2, "a", 2, 3), RandomStream(1, "b", 2, 3),
                                    RandomStream(1, "a", 3, 3), RandomStream(1, "a", 2, 4)}) {
    int equal = 0;
    for (std::int64_t i = 0; i < 100; ++i) equal += base.bits(i) == other.bits(i);
    EXPECT_EQ(equal, 0);  // of 100 pairs of words, one is equal by chance with probability 2e-8
  }
  EXPECT_EQ(RandomStream(1, "a", 2, 3).bits(70), base.bits(70));
}

// Moments of 10^6 numbers, within 5 standard errors of those of the distributions.
TEST(RandomStream, Moments) {
  const std::int64_t n = 1000000;
  const Tensor y(Shape{n}, DType::kFloat64);
  const auto moment = [&](int power) {
    double sum = 0;
    for (const double v : y.values<double>()) sum += std::pow(v, power);
    return sum / static_cast<double>(n);
  };
  RandomStream(9, "moments").fill_normal(y, 0, 1);
  EXPECT_NEAR(moment(1), 0, 5e-3);                    // 5 / sqrt(n)
  EXPECT_NEAR(moment(2), 1, 5e-3 * std::sqrt(2.0));   // variance of z^2 is 2
  EXPECT_NEAR(moment(4), 3, 5e-3 * std::sqrt(96.0));  // of z^4: 105 - 9
  RandomStream(9, "moments").fill_uniform(y, 0, 1);
  EXPECT_NEAR(moment(1), 0.5, 5e-3 * std::sqrt(1.0 / 12));
  EXPECT_NEAR(moment(2), 1.0 / 3, 5e-3 * std::sqrt(4.0 / 45));
}

TEST(RandomStream, BelowStaysInBoundsAndIsUniform) {
  const RandomStream stream(1, "below");
  std::array<int, 7> count{};
  for (std::int64_t i = 0; i < 70000; ++i) {
    const std::int64_t v = stream.below(i, 7);
    ASSERT_TRUE(v >= 0 && v < 7);
    ++count[static_cast<std::size_t>(v)];
  }
  for (const int c : count) EXPECT_NEAR(c, 10000, 5 * std::sqrt(10000 * 6.0 / 7));
  EXPECT_EQ(stream.below(5, 1), 0);
  EXPECT_LT(stream.below(6, (std::int64_t{1} << 31) - 1), (std::int64_t{1} << 31) - 1);
  EXPECT_THROW(stream.below(0, 0), Error);
  EXPECT_THROW(stream.below(0, std::int64_t{1} << 31), Error);
}

TEST(RandomStream, PermutationHoldsEachNumberOnce) {
  auto order = permutation(RandomStream(1, "permutation"), 1000);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  EXPECT_NE(order, permutation(RandomStream(2, "permutation"), 1000));
  std::sort(order.begin(), order.end());
  for (std::int64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace clearcut
