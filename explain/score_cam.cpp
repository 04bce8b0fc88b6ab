// Score-CAM and Ablation-CAM: feature maps weighted by what the score does when only they are looked at, or
// when they are missing.
#include <algorithm>
#include <cmath>

#include "explain/perturbation.h"
#include "explain/tap_pass.h"
#include "explain/target.h"
#include "explain/versions.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

// Feature maps at the tap of the explainers.
struct Features {
  Passes& passes;
  std::string path;
  std::int64_t margin;  // cells at each edge that lie outside the picture

  Features(Passes& p, const ExplainOptions& options)
      : passes(p), path(tap_path(p.classifier(), options)), margin(tap_margin(p.classifier(), path)) {}

  /// Of picture n, from one pass: float32 [K, h, w]; s becomes the score of the picture as it is.
  Tensor of(const ExplainInput& input, std::int64_t n, const char* name, double& s) const {
    Tensor A;
    const InputRows row{.count = 1,
                        .shape = input.x.shape().without_leading(),
                        .fill = [&](std::int64_t, const Tensor& slot) { slot.copy_from(input.x[n]); }};
    passes.batches(row, [&](std::int64_t, const Tensor& x) {
      const NoGrad guard;
      const Tap tap(passes.classifier().registry(), path);
      const Tensor z = passes.classifier().logits(Var(x)).value().to(Device::kCpu);
      s = target_score(z.data<const float>(), passes.classes(), input.targets[static_cast<std::size_t>(n)]);
      A = tap.activation().to(Device::kCpu).clone();
    });
    check(A.rank() == 4 && A.dim(2) > 2 * margin && A.dim(3) > 2 * margin, name, "'", path,
          "' must give feature maps [N, K, h, w]; got ", A.shape(), "; `clearcut model layers` lists paths");
    return A[0];
  }

  /// The cells of one map that lie inside the picture: float32 [1, 1, h, w].
  Tensor inside(const Tensor& A_k) const {
    const std::int64_t h = A_k.dim(0), w = A_k.dim(1);
    Tensor y({1, 1, h - 2 * margin, w - 2 * margin});
    const float* from = A_k.data<const float>();
    write_cam(CamMap(from, from + h * w), h, w, margin, false, y.data<float>());
    return y;
  }

  // sum over k of weights[k] A_k into row n of the result, made at the first picture.
  void write(const Tensor& A, const std::vector<double>& weights, const ExplainInput& input, std::int64_t n,
             bool relu, Explanation& result) const {
    const std::int64_t h = A.dim(1), w = A.dim(2), H = h - 2 * margin, W = w - 2 * margin;
    if (!result.maps.defined()) result.maps = Tensor({input.x.dim(0), H, W});
    const CamInput in{.A = A.data<const float>(),
                      .g = nullptr,
                      .K = A.dim(0),
                      .n = h * w,
                      .random = RandomStream(input.seed, "none")};
    write_cam(weighted_sum(in, weights), h, w, margin, relu, result.maps.data<float>() + n * H * W);
  }
};

// The picture under one feature map, brought to its size and to [0, 1]; a constant map hides everything.
void mask_by(const Tensor& A_k, bool corners, const Tensor& x, const Tensor& slot) {
  const std::int64_t pixels = x.dim(1) * x.dim(2);
  const Tensor mask = ops::resize_bilinear(A_k, {x.dim(1), x.dim(2)}, corners);
  const float* m = mask.data<const float>();
  const float* from = x.data<const float>();
  float* to = slot.data<float>();
  const auto [low, high] = std::minmax_element(m, m + pixels);
  const float start = *low, scale = *high > *low ? 1 / (*high - *low) : 0;
  for (std::int64_t j = 0; j < 3 * pixels; ++j) to[j] = from[j] * ((m[j % pixels] - start) * scale);
}

std::vector<double> softmax_of(std::vector<double> values) {
  const double top = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (double& value : values) sum += value = std::exp(value - top);
  for (double& value : values) value /= sum;
  return values;
}

}  // namespace

Explanation score_cam(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const Features features(passes, options);
  Explanation result;
  for (std::int64_t n = 0; n < input.x.dim(0); ++n) {
    double whole = 0;
    const Tensor A = features.of(input, n, "scorecam", whole);
    std::vector<double> weights(static_cast<std::size_t>(A.dim(0)));
    Versions versions{.count = std::vector<std::int64_t>(static_cast<std::size_t>(input.x.dim(0))),
                      .fill =
                          [&](std::int64_t, std::int64_t k, const Tensor& slot) {
                            mask_by(features.inside(A[k]), options.corners, input.x[n], slot);
                          },
                      .use = [&](std::int64_t, std::int64_t k,
                                 double score) { weights[static_cast<std::size_t>(k)] = score; }};
    versions.count[static_cast<std::size_t>(n)] = A.dim(0);
    score_versions(passes, input, versions);
    if (options.softmax) weights = softmax_of(std::move(weights));
    features.write(A, weights, input, n, options.relu, result);
  }
  return result;
}

Explanation ablation_cam(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  const Features features(passes, options);
  Explanation result;
  for (std::int64_t n = 0; n < input.x.dim(0); ++n) {
    double whole = 0;
    const Tensor A = features.of(input, n, "ablationcam", whole);
    const std::int64_t size = A.dim(1) * A.dim(2);
    const Target& target = input.targets[static_cast<std::size_t>(n)];
    std::vector<double> weights;
    const InputRows rows{.count = A.dim(0),
                         .shape = input.x.shape().without_leading(),
                         .fill = [&](std::int64_t, const Tensor& slot) { slot.copy_from(input.x[n]); }};
    passes.batches(rows, [&](std::int64_t first, const Tensor& x) {
      const NoGrad guard;
      Tap tap(passes.classifier().registry(), features.path);
      tap.replace([&](const Tensor& value) {  // row i without its feature map first + i
        const Tensor missing = value.to(Device::kCpu).clone();
        float* p = missing.data<float>();
        for (std::int64_t i = 0; i < value.dim(0); ++i)
          std::fill_n(p + (i * A.dim(0) + first + i) * size, size, 0.0F);
        return missing.to(value.device());
      });
      const Tensor z = passes.classifier().logits(Var(x)).value().to(Device::kCpu);
      for (std::int64_t i = 0; i < x.dim(0); ++i) {
        const float* row = z.data<const float>() + i * passes.classes();
        weights.push_back(whole != 0 ? (whole - target_score(row, passes.classes(), target)) / whole : 0);
      }
    });
    features.write(A, weights, input, n, options.relu, result);
  }
  return result;
}

}  // namespace clearcut
