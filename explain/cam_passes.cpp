// Methods of the CAM family with passes of their own: Finer-CAM and Shapley-CAM.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "explain/methods.h"
#include "explain/tap_pass.h"
#include "explain/target.h"
#include "tensor/ops/arithmetic.h"

namespace clearcut {

namespace {

// maps [N, h - 2 margin, w - 2 margin] are made with the first picture.
struct Maps {
  std::int64_t N, margin;
  bool relu;
  Tensor maps = {};
  void write(std::size_t n, const CamMap& values, std::int64_t h, std::int64_t w) {
    const std::int64_t H = h - 2 * margin, W = w - 2 * margin;
    if (!maps.defined()) maps = Tensor({N, H, W});
    write_cam(values, h, w, margin, relu, maps.data<float>() + static_cast<std::int64_t>(n) * H * W);
  }
};

// The classes outside the target whose logits are nearest to its own, nearest first.
std::vector<int> rivals_of(const float* z, std::int64_t C, const Target& target, double score, int count) {
  std::vector<int> order(static_cast<std::size_t>(C));
  std::iota(order.begin(), order.end(), 0);
  std::erase_if(order, [&](int c) {
    return std::find(target.classes.begin(), target.classes.end(), c) != target.classes.end();
  });
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return std::abs(z[a] - score) < std::abs(z[b] - score); });
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  return order;
}

// s = sum over rivals j of q_j d_j,  d_j = z_t - alpha z_j,  q = softmax of the rivals' logits, so
// ds/dz_j = q_j (d_j - s - alpha) and ds/dz_t = 1.
void finer_seed(const float* z, std::int64_t C, Target target, const ExplainOptions& options, float* dz) {
  target.probability = false;
  const double own = target_score(z, C, target);
  target_gradient(z, C, target, dz);
  const Target rivals{.classes = rivals_of(z, C, target, own, options.rivals), .probability = false};
  check(!rivals.classes.empty(), "finercam", "there is no class to compare with: the network has ", C,
        " classes, the target ", target.classes.size());
  const std::vector<double> q = group_weights(z, rivals);
  double s = 0;
  for (std::size_t j = 0; j < q.size(); ++j) s += q[j] * (own - options.alpha * z[rivals.classes[j]]);
  for (std::size_t j = 0; j < q.size(); ++j) {
    const int c = rivals.classes[j];
    dz[c] = static_cast<float>(q[j] * (own - options.alpha * z[c] - s - options.alpha));
  }
}

// The mean of g_k over positions, for every k.
std::vector<double> channel_means(const CamInput& in) {
  std::vector<double> means(static_cast<std::size_t>(in.K));
  for (std::int64_t j = 0; j < in.K * in.n; ++j)
    means[static_cast<std::size_t>(j / in.n)] += in.g[j] / static_cast<double>(in.n);
  return means;
}

Tensor scaled_by(const Tensor& y, double factor) {
  return ops::mul(y, Tensor::full({}, factor, y.dtype(), y.device()));
}

}  // namespace

Explanation finer_cam(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const std::string path = tap_path(passes.classifier(), options);
  Maps maps{.N = input.x.dim(0), .margin = tap_margin(passes.classifier(), path), .relu = options.relu};
  const TapPass pass{.path = path, .seed = [&](std::size_t n, const float* z, float* dz) {
                       finer_seed(z, passes.classes(), input.targets[n], options, dz);
                     }};
  run_tap_pass(passes, input, pass, "finercam", [&](std::size_t n, const CamInput& in, auto h, auto w) {
    maps.write(n, weighted_sum(in, channel_means(in)), h, w);
  });
  return {.maps = maps.maps};
}

Explanation shapley_cam(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  constexpr double kStep =
      1.0 / 128;  // of A: the error of the difference is its square, rounding 1e-7 / step
  const std::string path = tap_path(passes.classifier(), options);
  Maps maps{.N = input.x.dim(0), .margin = tap_margin(passes.classifier(), path), .relu = options.relu};
  TapPass pass{.path = path, .seed = [&](std::size_t n, const float* z, float* dz) {
                 target_gradient(z, passes.classes(), input.targets[n], dz);
               }};
  std::vector<std::vector<double>> above(input.items.size()), below(input.items.size());
  for (auto* side : {&above, &below}) {
    const double factor = side == &above ? 1 + kStep : 1 - kStep;
    pass.replacement = [=](const Tensor& y) { return scaled_by(y, factor); };
    run_tap_pass(passes, input, pass, "shapleycam",
                 [&](std::size_t n, const CamInput& in, auto, auto) { (*side)[n] = channel_means(in); });
  }
  pass.replacement = {};
  run_tap_pass(passes, input, pass, "shapleycam", [&](std::size_t n, const CamInput& in, auto h, auto w) {
    std::vector<double> weights = channel_means(in);
    for (std::size_t k = 0; k < weights.size(); ++k)
      weights[k] -= (above[n][k] - below[n][k]) / (2 * kStep) / 2;
    maps.write(n, weighted_sum(in, weights), h, w);
  });
  return {.maps = maps.maps};
}

}  // namespace clearcut
