#include "explain/versions.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "explain/target.h"

namespace clearcut {

void score_versions(Passes& passes, const ExplainInput& input, const Versions& versions) {
  std::vector<std::int64_t> end(versions.count.size());  // rows up to the end of picture n
  std::partial_sum(versions.count.begin(), versions.count.end(), end.begin());
  const auto place = [&](std::int64_t r) -> std::pair<std::int64_t, std::int64_t> {
    const auto n = static_cast<std::size_t>(std::upper_bound(end.begin(), end.end(), r) - end.begin());
    const std::int64_t first = versions.first.empty() ? 0 : versions.first[n];
    return {static_cast<std::int64_t>(n), first + r - (end[n] - versions.count[n])};
  };
  const InputRows rows{.count = end.empty() ? 0 : end.back(),
                       .shape = input.x.shape().without_leading(),
                       .fill =
                           [&](std::int64_t r, const Tensor& slot) {
                             const auto [n, i] = place(r);
                             versions.fill(n, i, slot);
                           },
                       .on_device = versions.on_device};
  passes.scores(rows, [&](std::int64_t r, const float* z) {
    const auto [n, i] = place(r);
    versions.use(n, i, target_score(z, passes.classes(), input.targets[static_cast<std::size_t>(n)]));
  });
}

Tensor empty_maps(const ExplainInput& input) {
  return Tensor::zeros({input.x.dim(0), input.x.dim(2), input.x.dim(3)});
}

}  // namespace clearcut
