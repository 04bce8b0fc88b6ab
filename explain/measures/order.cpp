#include "explain/measures/order.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace clearcut {

std::vector<std::int64_t> salient_order(const Tensor& map) {
  const float* p = map.data<const float>();
  std::vector<std::int64_t> order(static_cast<std::size_t>(map.numel()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return p[a] > p[b]; });
  return order;
}

std::vector<double> ascending_values(const Tensor& map) {
  const float* p = map.data<const float>();
  std::vector<double> values(p, p + map.numel());
  std::sort(values.begin(), values.end());
  return values;
}

double percentile(const std::vector<double>& ascending, double q) {
  check(!ascending.empty() && q >= 0 && q <= 100, "percentile", "needs values and q in 0 .. 100; got ",
        ascending.size(), " values and q ", q);
  const double rank = q / 100 * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (rank - std::floor(rank)) * (ascending[above] - ascending[below]);
}

std::vector<double> mean_ranks(const Tensor& map) {
  const float* p = map.data<const float>();
  const std::vector<std::int64_t> order = salient_order(map);
  const std::size_t n = order.size();
  std::vector<double> ranks(n);
  for (std::size_t i = 0; i < n;) {
    std::size_t j = i;
    while (j < n && p[order[j]] == p[order[i]]) ++j;
    // Places i .. j-1 from the top are the ranks n-j+1 .. n-i.
    for (std::size_t k = i; k < j; ++k)
      ranks[static_cast<std::size_t>(order[k])] = static_cast<double>(2 * n - i - j + 1) / 2;
    i = j;
  }
  return ranks;
}

}  // namespace clearcut
