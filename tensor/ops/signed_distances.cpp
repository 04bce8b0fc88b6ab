// Distances to the borders of classes, for the boundary loss; see tensor/ops/region_losses.h.
#include <cmath>
#include <limits>

#include "tensor/ops/region_losses.h"
#include "tensor/parallel.h"

namespace clearcut::ops {

namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();

// d[i] = min over j of (i - j)^2 + f[j]: the lower envelope of parabolas, whose vertices are at `at` and
// which rule from `from` on.
void squared_distances(std::vector<double>& f, std::vector<double>& d, std::vector<std::size_t>& at,
                       std::vector<double>& from) {
  std::size_t count = 0;
  for (std::size_t j = 0; j < f.size(); ++j) {
    if (f[j] == kFar) continue;
    const auto height = [&](std::size_t k) { return f[k] + static_cast<double>(k) * static_cast<double>(k); };
    double start = -kFar;
    while (count > 0) {
      const std::size_t k = at[count - 1];
      start = (height(j) - height(k)) / (2 * static_cast<double>(j - k));
      if (start > from[count - 1]) break;
      --count;
      start = -kFar;
    }
    at[count] = j;
    from[count++] = start;
  }
  for (std::size_t i = 0, k = 0; i < f.size(); ++i) {
    const auto x = static_cast<double>(i);
    while (k + 1 < count && from[k + 1] < x) ++k;
    const double gap = count == 0 ? kFar : x - static_cast<double>(at[k]);
    d[i] = count == 0 ? kFar : gap * gap + f[at[k]];
  }
}

/// The squared distance of each pixel to the nearest one where `inside` is `wanted`.
std::vector<double> distances_to(const std::vector<bool>& inside, bool wanted, std::size_t H, std::size_t W) {
  std::vector<double> all(H * W);
  for (std::size_t i = 0; i < H * W; ++i) all[i] = inside[i] == wanted ? 0 : kFar;
  const std::size_t longest = std::max(H, W);
  std::vector<double> from(longest);
  std::vector<std::size_t> at(longest);
  const auto along = [&](std::size_t lines, std::size_t length, std::size_t step, std::size_t stride) {
    std::vector<double> f(length), d(length);
    for (std::size_t line = 0; line < lines; ++line) {
      for (std::size_t i = 0; i < length; ++i) f[i] = all[line * step + i * stride];
      squared_distances(f, d, at, from);
      for (std::size_t i = 0; i < length; ++i) all[line * step + i * stride] = d[i];
    }
  };
  along(W, H, 1, W);
  along(H, W, W, 1);
  return all;
}

template <class L>
void signed_map(const L* labels, std::int64_t c, std::size_t H, std::size_t W, double* phi) {
  std::vector<bool> inside(H * W);
  std::size_t count = 0;
  for (std::size_t i = 0; i < H * W; ++i) {
    inside[i] = labels[i] == c;
    count += inside[i] ? 1 : 0;
  }
  if (count == 0 || count == H * W) {
    std::fill(phi, phi + H * W, 0.0);
    return;
  }
  const auto to_class = distances_to(inside, true, H, W), to_rest = distances_to(inside, false, H, W);
  for (std::size_t i = 0; i < H * W; ++i)
    phi[i] = inside[i] ? 1 - std::sqrt(to_rest[i]) : std::sqrt(to_class[i]);
}

}  // namespace

Tensor signed_distances(const Tensor& labels, std::int64_t classes) {
  check_rank("signed_distances", "labels", labels, 3, "[N, H, W]");
  const std::int64_t plane = labels.dim(1) * labels.dim(2);
  const Tensor phi({labels.dim(0), classes, labels.dim(1), labels.dim(2)}, DType::kFloat64);
  double* out = phi.data<double>();
  const auto H = static_cast<std::size_t>(labels.dim(1)), W = static_cast<std::size_t>(labels.dim(2));
  on_host<Labels>("signed_distances", labels.device(), labels.dtype(), [&]<class L>(auto) {
    const L* y = labels.data<const L>();
    parallel_for(labels.dim(0) * classes, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t map = begin; map < end; ++map)
        signed_map(y + map / classes * plane, map % classes, H, W, out + map * plane);
    });
  });
  return phi;
}

}  // namespace clearcut::ops
