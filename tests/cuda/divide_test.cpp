// Division by a product and a shift against the machine's own.
#include "cuda/divide.cuh"

#include <gtest/gtest.h>

#include "tensor/random.h"

namespace clearcut {
namespace {

TEST(CudaDivisor, IsTheMachinesDivision) {
  constexpr std::int64_t kMost = 2'147'483'647;
  const RandomStream stream(1, "divide");
  std::vector<std::int64_t> divisors = {kMost, kMost - 1};
  for (std::int64_t d = 1; d < 300; ++d) divisors.push_back(d);
  for (int bit = 9; bit < 31; ++bit)
    for (const std::int64_t d : {-1, 0, 1}) divisors.push_back((std::int64_t{1} << bit) + d);
  for (std::int64_t i = 0; i < 300; ++i) divisors.push_back(1 + stream.below(i, kMost - 1));
  for (const std::int64_t d : divisors) {
    const cuda::Divisor divisor(d);
    std::vector<std::int64_t> numbers = {0, 1, kMost - 1, kMost};
    for (const std::int64_t around : {d, 2 * d, kMost / d * d})
      for (const std::int64_t n : {around - 1, around, around + 1})
        if (n <= kMost) numbers.push_back(n);
    for (std::int64_t i = 0; i < 50; ++i) numbers.push_back(stream.below(1000 + 50 * d % 100000 + i, kMost));
    for (const std::int64_t n : numbers) {
      const auto [quotient, rest] = divisor.divide(static_cast<int>(n));
      ASSERT_EQ(quotient, n / d) << n << " / " << d;
      ASSERT_EQ(rest, n % d) << n << " / " << d;
    }
  }
}

}  // namespace
}  // namespace clearcut
