#include "explain/order.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

namespace clearcut {

namespace {

// A number that sorts as the float does; 0 and -0 are one value.
std::uint32_t key_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0F);
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000U;
}

// Radix sort from the lowest digit up: each pass keeps the order of equal digits. Knuth, The Art of Computer
// Programming, volume 3, 5.2.5.
std::vector<std::int32_t> order_of_keys(const Tensor& map, std::uint32_t flip) {
  constexpr int kBits = 11, kPasses = 3;  // 3 x 11 bits hold 32; 2048 counts fit the first cache
  constexpr std::uint32_t kMask = (1U << kBits) - 1;
  const std::int64_t n = map.numel();
  check(n <= std::numeric_limits<std::int32_t>::max(), "order", "a map has below 2^31 pixels; got ", n);
  struct Pixel {
    std::uint32_t key;
    std::int32_t index;
  };
  std::vector<Pixel> pixels(static_cast<std::size_t>(n)), sorted(pixels.size());
  std::array<std::array<std::uint32_t, kMask + 1>, kPasses> place{};
  const float* p = map.data<const float>();
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = {key_of(p[i]) ^ flip, static_cast<std::int32_t>(i)};
    for (int pass = 0; pass < kPasses; ++pass) ++place[pass][(pixels[i].key >> (kBits * pass)) & kMask];
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    std::uint32_t before = 0;
    for (std::uint32_t& count : place[pass]) before += std::exchange(count, before);
    for (const Pixel& pixel : pixels) sorted[place[pass][(pixel.key >> (kBits * pass)) & kMask]++] = pixel;
    pixels.swap(sorted);
  }
  std::vector<std::int32_t> order(pixels.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = pixels[i].index;
  return order;
}

}  // namespace

std::vector<std::int32_t> ascending_order(const Tensor& map) { return order_of_keys(map, 0); }
std::vector<std::int32_t> salient_order(const Tensor& map) { return order_of_keys(map, ~std::uint32_t{0}); }

double percentile(const std::vector<double>& ascending, double q) {
  check(!ascending.empty() && q >= 0 && q <= 100, "percentile", "needs values and q in 0 .. 100; got ",
        ascending.size(), " values and q ", q);
  const double rank = q / 100 * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (rank - std::floor(rank)) * (ascending[above] - ascending[below]);
}

std::vector<double> ascending_values(const Tensor& map) {
  const float* p = map.data<const float>();
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(map.numel()));
  for (const std::int32_t i : ascending_order(map)) values.push_back(p[i]);
  return values;
}

Tensor rank_shares(const Tensor& map) {
  Tensor shares = zeros_like(map);
  const float* p = map.data<const float>();
  float* y = shares.data<float>();
  const std::vector<std::int32_t> order = ascending_order(map);
  std::size_t below = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (p[order[i]] != p[order[below]]) below = i;
    y[order[i]] = static_cast<float>(static_cast<double>(below) / static_cast<double>(order.size()));
  }
  return shares;
}

std::vector<double> mean_ranks(const Tensor& map) {
  const float* p = map.data<const float>();
  const std::vector<std::int32_t> order = salient_order(map);
  const std::size_t n = order.size();
  std::vector<double> ranks(n);
  for (std::size_t i = 0; i < n;) {
    std::size_t j = i + 1;
    while (j < n && p[order[j]] == p[order[i]]) ++j;
    // Places i .. j-1 from the top are the ranks n-j+1 .. n-i.
    for (std::size_t k = i; k < j; ++k)
      ranks[static_cast<std::size_t>(order[k])] = static_cast<double>(2 * n - i - j + 1) / 2;
    i = j;
  }
  return ranks;
}

}  // namespace clearcut
