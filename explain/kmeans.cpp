#include "explain/kmeans.h"

#include <algorithm>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

constexpr std::int64_t kPointGrain = 256;
constexpr int kMostRounds = 100;

void append(std::vector<double>& centres, const float* point, std::int64_t D) {
  centres.insert(centres.end(), point, point + D);
}

Tensor as_tensor(const std::vector<double>& centres, std::int64_t D) {
  return Tensor::from<double>({static_cast<std::int64_t>(centres.size()) / D, D}, centres);
}

// Points spread out: k-means++.
std::vector<double> first_centres(const Tensor& points, std::int64_t clusters, std::uint64_t seed) {
  const std::int64_t n = points.dim(0), D = points.dim(1);
  const float* p = points.data<const float>();
  const RandomStream random(seed, "kmeans");
  std::vector<double> centres, distance(static_cast<std::size_t>(n), -1);
  append(centres, p + random.below(0, n) * D, D);
  for (std::int64_t q = 1; q < clusters; ++q) {
    const Tensor last = as_tensor({centres.end() - D, centres.end()}, D);
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      double& least = distance[static_cast<std::size_t>(i)];
      double squared = 0;
      nearest_centre(p + i * D, last, &squared);
      least = least < 0 ? squared : std::min(least, squared);
      total += least;
    }
    if (!(total > 0)) break;
    const double drawn = random.uniform(q) * total;
    std::int64_t at = -1;
    double sum = 0;
    for (std::int64_t i = 0; i < n && (at < 0 || sum <= drawn); ++i) {
      const double own = distance[static_cast<std::size_t>(i)];
      sum += own;
      if (own > 0) at = i;
    }
    append(centres, p + at * D, D);
  }
  return centres;
}

// The mean of each group; a group without points keeps its centre.
Tensor means_of(const Tensor& points, const std::vector<std::int64_t>& group, const Tensor& before) {
  const std::int64_t D = points.dim(1);
  Tensor means = Tensor::zeros(before.shape(), DType::kFloat64);
  std::vector<std::int64_t> size(static_cast<std::size_t>(before.dim(0)));
  double* m = means.data<double>();
  const float* p = points.data<const float>();
  for (std::size_t i = 0; i < group.size(); ++i) {
    ++size[static_cast<std::size_t>(group[i])];
    for (std::int64_t d = 0; d < D; ++d) m[group[i] * D + d] += p[static_cast<std::int64_t>(i) * D + d];
  }
  for (std::int64_t q = 0; q < before.dim(0); ++q) {
    const std::int64_t count = size[static_cast<std::size_t>(q)];
    for (std::int64_t d = 0; d < D; ++d) {
      double& value = m[q * D + d];
      value = count > 0 ? value / static_cast<double>(count) : before.data<const double>()[q * D + d];
    }
  }
  return means;
}

}  // namespace

std::int64_t nearest_centre(const float* point, const Tensor& centres, double* squared_distance) {
  const std::int64_t D = centres.dim(1);
  const double* c = centres.data<const double>();
  std::int64_t nearest = -1;
  double least = 0;
  for (std::int64_t q = 0; q < centres.dim(0); ++q) {
    double sum = 0;
    for (std::int64_t d = 0; d < D; ++d) sum += (point[d] - c[q * D + d]) * (point[d] - c[q * D + d]);
    if (nearest >= 0 && !(sum < least)) continue;
    nearest = q;
    least = sum;
  }
  if (squared_distance != nullptr) *squared_distance = least;
  return nearest;
}

Tensor k_means(const Tensor& points, std::int64_t clusters, std::uint64_t seed) {
  check_rank("k_means", "points", points, 2, "[n, D]");
  check(points.numel() > 0 && clusters >= 1, "k_means", "there must be points and clusters; got ",
        points.shape(), " and ", clusters);
  const std::int64_t n = points.dim(0), D = points.dim(1);
  Tensor centres = as_tensor(first_centres(points, clusters, seed), D);
  std::vector<std::int64_t> group(static_cast<std::size_t>(n), -1), next(group);
  for (int round = 0; round < kMostRounds; ++round) {
    parallel_for(n, kPointGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        next[static_cast<std::size_t>(i)] = nearest_centre(points.data<const float>() + i * D, centres);
    });
    if (next == group) break;
    group = next;
    centres = means_of(points, group, centres);
  }
  return centres;
}

}  // namespace clearcut
