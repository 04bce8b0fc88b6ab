#include "explain/cam_rules.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clearcut {

namespace {

double mean_of(const float* values, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += values[i];
  return sum / static_cast<double>(n);
}

// weight(A_k, g_k) for every channel; g_k is null where there is no gradient.
template <class Weight>
CamMap by_channel(const CamInput& in, const Weight& weight) {
  std::vector<double> weights;
  for (std::int64_t k = 0; k < in.K; ++k)
    weights.push_back(weight(in.A + k * in.n, in.g == nullptr ? nullptr : in.g + k * in.n));
  return weighted_sum(in, weights);
}

// The sum over channels of value(a, g) at every position.
template <class Value>
CamMap by_position(const CamInput& in, const Value& value) {
  CamMap map(static_cast<std::size_t>(in.n));
  for (std::int64_t j = 0; j < in.K * in.n; ++j)
    map[static_cast<std::size_t>(j % in.n)] += value(in.A[j], in.g[j]);
  return map;
}

CamMap grad_cam(const CamInput& in) {
  return by_channel(in, [&](const float*, const float* g) { return mean_of(g, in.n); });
}

CamMap grad_cam_plus_plus(const CamInput& in) {
  return by_channel(in, [&](const float* A, const float* g) {
    const double S = mean_of(A, in.n) * static_cast<double>(in.n);
    double weight = 0;
    for (std::int64_t i = 0; i < in.n; ++i) {
      const double d = g[i];
      if (d > 0) weight += d * d / (2 * d * d + S * d * d * d + 1e-6) * d;
    }
    return weight;
  });
}

CamMap x_grad_cam(const CamInput& in) {
  return by_channel(in, [&](const float* A, const float* g) {
    double product = 0, sum = 0;
    for (std::int64_t i = 0; i < in.n; ++i) {
      product += static_cast<double>(g[i]) * A[i];
      sum += A[i];
    }
    return product / (sum + 1e-7);
  });
}

CamMap layer_cam(const CamInput& in) {
  return by_position(in, [](double a, double g) { return std::max(0.0, g) * a; });
}
CamMap hi_res_cam(const CamInput& in) {
  return by_position(in, [](double a, double g) { return g * a; });
}
CamMap elementwise(const CamInput& in) {
  return by_position(in, [](double a, double g) { return std::max(0.0, g * a); });
}

CamMap fem(const CamInput& in) {
  return by_channel(in, [&](const float* A, const float*) {
    const double mean = mean_of(A, in.n);
    double squares = 0;
    for (std::int64_t i = 0; i < in.n; ++i) squares += (A[i] - mean) * (A[i] - mean);
    const double limit = mean + 2 * std::sqrt(squares / static_cast<double>(in.n));
    return static_cast<double>(std::count_if(A, A + in.n, [&](float a) { return a > limit; })) /
           static_cast<double>(in.n);
  });
}

CamMap random_cam(const CamInput& in) {
  std::vector<double> weights;
  for (std::int64_t k = 0; k < in.K; ++k) weights.push_back(in.random.uniform(k, -1, 1));
  return weighted_sum(in, weights);
}

double dot(const CamMap& a, const CamMap& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void scale(CamMap& map, double factor) {
  for (double& value : map) value *= factor;
}

// The eigenvector of length 1 with the eigenvalue of largest magnitude, by powers of the matrix: times(u) is
// the matrix times u. Zeros if the matrix gives zero. Where the two largest are nearly equal no map means
// anything, and what the last round has is taken.
template <class Times>
std::pair<CamMap, double> first_eigenvector(CamMap u, const Times& times) {
  constexpr int kRounds = 1000;
  constexpr double kSettled = 1e-10;
  double value = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double length = std::sqrt(dot(u, u));
    if (length == 0) return {u, 0};
    scale(u, 1 / length);
    CamMap next = times(u);
    value = dot(u, next);
    double change = 0;
    for (std::size_t i = 0; i < u.size(); ++i) change += (next[i] - value * u[i]) * (next[i] - value * u[i]);
    if (std::sqrt(change) <= kSettled * std::abs(value)) return {u, value};
    u = std::move(next);
  }
  scale(u, 1 / std::sqrt(dot(u, u)));
  return {u, value};
}

// The sign of a component is anybody's: the larger side is up.
CamMap upright(CamMap map) {
  const auto [low, high] = std::minmax_element(map.begin(), map.end());
  if (-*low > *high) scale(map, -1);
  return map;
}

// M [K, n]: value(a, g) less its mean over the positions.
template <class Value>
std::vector<CamMap> centred(const CamInput& in, const Value& value) {
  std::vector<CamMap> M;
  for (std::int64_t k = 0; k < in.K; ++k) {
    CamMap row;
    double sum = 0;
    for (std::int64_t j = k * in.n; j < (k + 1) * in.n; ++j) {
      row.push_back(value(in.A[j], in.g == nullptr ? 0.0F : in.g[j]));
      sum += row.back();
    }
    for (double& v : row) v -= sum / static_cast<double>(in.n);
    M.push_back(std::move(row));
  }
  return M;
}

// The channel that varies most: it cannot be at right angles to what explains most of the variation of all.
CamMap longest(const std::vector<CamMap>& M) {
  return *std::max_element(M.begin(), M.end(),
                           [](const CamMap& a, const CamMap& b) { return dot(a, a) < dot(b, b); });
}

// The positions' coordinates on the first principal axis.
CamMap first_component(const std::vector<CamMap>& M) {
  auto [u, variance] = first_eigenvector(longest(M), [&](const CamMap& v) {
    CamMap sum(v.size());
    for (const CamMap& row : M) {
      const double weight = dot(row, v);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * row[i];
    }
    return sum;
  });
  scale(u, std::sqrt(std::max(0.0, variance)));
  return upright(std::move(u));
}

CamMap eigen_cam(const CamInput& in) {
  return first_component(centred(in, [](double a, double) { return a; }));
}
CamMap eigen_grad_cam(const CamInput& in) {
  return first_component(centred(in, [](double a, double g) { return g * a; }));
}
CamMap seg_eigen_cam(const CamInput& in) {
  return first_component(centred(in, [](double a, double g) { return std::abs(g) * a; }));
}

// Kernel principal component analysis (Schoelkopf 1998): the kernel between positions, centred in the space
// it stands for.
CamMap kpca_cam(const CamInput& in) {
  constexpr std::int64_t kMostPositions = 4096;  // their kernel takes 128 MiB
  check(in.n <= kMostPositions, "kpcacam", "the tap may have at most ", kMostPositions, " positions; got ",
        in.n, "; take a later layer");
  const std::vector<CamMap> M = centred(in, [](double a, double) { return a; });
  const auto n = static_cast<std::size_t>(in.n);
  std::vector<CamMap> kernel(n, CamMap(n));
  for (const CamMap& row : M)
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) kernel[i][j] += row[i] * row[j];
  CamMap mean(n);
  double all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (double& value : kernel[i]) {
      value = std::tanh(value / static_cast<double>(in.K) + 1);
      mean[i] += value / static_cast<double>(n);
    }
    all += mean[i] / static_cast<double>(n);
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) kernel[i][j] += all - mean[i] - mean[j];
  auto [u, value] = first_eigenvector(longest(kernel), [&](const CamMap& v) {
    CamMap product(n);
    for (std::size_t i = 0; i < n; ++i) product[i] = dot(kernel[i], v);
    return product;
  });
  scale(u, std::sqrt(std::abs(value)));
  return upright(std::move(u));
}

}  // namespace

const std::vector<CamRule>& cam_rules() {
  static const std::vector<CamRule> rules = {{"gradcam", true, grad_cam},
                                             {"gradcampp", true, grad_cam_plus_plus},
                                             {"xgradcam", true, x_grad_cam},
                                             {"layercam", true, layer_cam},
                                             {"hirescam", true, hi_res_cam},
                                             {"elementwise", true, elementwise},
                                             {"eigencam", false, eigen_cam},
                                             {"eigengradcam", true, eigen_grad_cam},
                                             {"segeigencam", true, seg_eigen_cam},
                                             {"kpcacam", false, kpca_cam},
                                             {"fem", false, fem},
                                             {"refinecam", true, grad_cam, true},
                                             {"randomcam", false, random_cam}};
  return rules;
}

const CamRule* cam_rule(const std::string& name) {
  for (const CamRule& rule : cam_rules())
    if (name == rule.name) return &rule;
  return nullptr;
}

CamMap weighted_sum(const CamInput& in, const std::vector<double>& weights) {
  CamMap sum(static_cast<std::size_t>(in.n));
  for (std::int64_t k = 0; k < in.K; ++k) {
    const double weight = weights[static_cast<std::size_t>(k)];
    if (weight == 0) continue;
    for (std::int64_t i = 0; i < in.n; ++i) sum[static_cast<std::size_t>(i)] += weight * in.A[k * in.n + i];
  }
  return sum;
}

}  // namespace clearcut
