// Score-CAM and Ablation-CAM: feature maps weighted by what the score does when only they are looked at, or
// when they are missing.
#include <algorithm>
#include <cmath>

#include "explain/perturbation.h"
#include "explain/tap_pass.h"
#include "explain/target.h"
#include "explain/versions.h"
#include "tensor/memory.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/rearrange.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

// Picture n, `count` times, copied on the classifier's device.
InputRows copies_of(const Tensor& x, std::int64_t n, std::int64_t count) {
  return {.count = count,
          .shape = x.shape().without_leading(),
          .fill = [x, n](std::int64_t, const Tensor& slot) { slot.copy_from(x[n]); },
          .on_device = true};
}

// One row [1, ...] as many: [count, ...].
Tensor rows_of(const Tensor& row, std::int64_t count) {
  Tensor y(row.shape().with(0, count), row.dtype(), row.device());
  for (std::int64_t i = 0; i < count; ++i) y[i].copy_from(row[0]);
  return y;
}

// Feature maps at the tap of the explainers.
struct Features {
  Passes& passes;
  std::string path;
  std::int64_t margin;  // cells at each edge that lie outside the picture

  Features(Passes& p, const ExplainOptions& options)
      : passes(p), path(tap_path(p.classifier(), options)), margin(tap_margin(p.classifier(), path)) {}

  /// Of picture n, from one pass: float32 [K, h, w] on the device; s becomes the score of the picture as it
  /// is.
  Tensor of(const Tensor& x, std::int64_t n, const Target& target, const char* name, double& s) const {
    Tensor A;
    passes.batches(copies_of(x, n, 1), [&](std::int64_t, const Tensor& one) {
      const NoGrad guard;
      const Tap tap(passes.classifier().registry(), path);
      const Tensor z = passes.classifier().logits(Var(one)).value().to(Device::kCpu);
      s = target_score(z.data<const float>(), passes.classes(), target);
      A = tap.activation().clone();
    });
    check(A.rank() == 4 && A.dim(2) > 2 * margin && A.dim(3) > 2 * margin, name, "'", path,
          "' must give feature maps [N, K, h, w]; got ", A.shape(), "; `clearcut model layers` lists paths");
    return A[0];
  }

  /// Whether something of a picture reaches the logits around the tap: its gradient shows it.
  bool has_branch(const Tensor& x) const {
    Tap tap(passes.classifier().registry(), path);
    tap.replace([](const Tensor& value) { return value.clone(); });
    const Var picture(x.slice(0, 1).clone(), true);
    const Var z = passes.classifier().logits(picture);
    z.backward(Tensor::full(z.shape(), 1, z.dtype(), z.device()));
    return picture.grad().defined();
  }

  /// How many rows may go on from one pass of a picture within the budget; 0 where a branch goes around the
  /// tap, or where the network behind it takes one row only. From a trial with two.
  std::int64_t rows_behind(const Tensor& x, std::size_t budget) const {
    if (has_branch(x)) return 0;
    constexpr std::int64_t kTrial = 2, kMost = 16;  // times the pictures of a batch (Passes)
    Tap tap(passes.classifier().registry(), path);
    tap.replace_rows([](const Tensor& value) { return rows_of(value, kTrial); });
    const PeakMeter meter;
    try {
      const NoGrad guard;
      if (passes.classifier().logits(Var(x.slice(0, 1))).dim(0) != kTrial) return 0;
    } catch (const Error&) {
      return 0;
    }
    const std::size_t row = std::max<std::size_t>(1, meter.bytes_above_start() / kTrial);
    return std::clamp(static_cast<std::int64_t>(budget / row), std::int64_t{1}, kMost);
  }

  // sum over k of weights[k] A_k into row n of the result, made at the first picture.
  void write(const Tensor& A, const std::vector<double>& weights, const ExplainInput& input, std::int64_t n,
             bool relu, Explanation& result) const {
    const std::int64_t h = A.dim(1), w = A.dim(2), H = h - 2 * margin, W = w - 2 * margin;
    if (!result.maps.defined()) result.maps = Tensor({input.x.dim(0), H, W});
    const Tensor here = A.to(Device::kCpu);
    const CamInput in{.A = here.data<const float>(),
                      .g = nullptr,
                      .K = A.dim(0),
                      .n = h * w,
                      .random = RandomStream(input.seed, "none")};
    write_cam(weighted_sum(in, weights), h, w, margin, relu, result.maps.data<float>() + n * H * W);
  }
};

// A feature map [h, w] less its margin, brought to the picture's size and to [0, 1]: [H, W]. A constant map
// is 0 everywhere.
Tensor mask_of(const Tensor& A_k, std::int64_t margin, bool corners, Size2 size) {
  const Tensor inside = ops::pad2d_backward(A_k.reshape({1, 1, A_k.dim(0), A_k.dim(1)}), margin);
  const Tensor large = ops::resize_bilinear(inside, size, corners).reshape({size.h * size.w});
  const Tensor from_0 = ops::add(large, ops::max(ops::neg(large), 0).values);
  constexpr double kNothing = 1e-30;  // 0 / 0 is 0
  const Tensor range = ops::clamp(ops::max(from_0, 0).values, kNothing, 1 / kNothing);
  return ops::div(from_0, range).reshape({size.h, size.w});
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
  const Tensor x = input.x.to(passes.device());
  Explanation result;
  for (std::int64_t n = 0; n < input.x.dim(0); ++n) {
    double whole = 0;
    const Tensor A = features.of(x, n, input.targets[static_cast<std::size_t>(n)], "scorecam", whole);
    std::vector<double> weights(static_cast<std::size_t>(A.dim(0)));
    Versions versions{
        .count = std::vector<std::int64_t>(static_cast<std::size_t>(input.x.dim(0))),
        .fill =
            [&](std::int64_t, std::int64_t k, const Tensor& slot) {
              const Size2 size{x.dim(2), x.dim(3)};
              slot.copy_from(ops::mul(x[n], mask_of(A[k], features.margin, options.corners, size)));
            },
        .on_device = true,
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
  const Tensor x = input.x.to(passes.device());
  const std::int64_t behind = features.rows_behind(x, input.budget_bytes);
  const std::int64_t group = std::max<std::int64_t>(1, behind);
  Explanation result;
  for (std::int64_t n = 0; n < input.x.dim(0); ++n) {
    double whole = 0;
    const Target& target = input.targets[static_cast<std::size_t>(n)];
    const Tensor A = features.of(x, n, target, "ablationcam", whole);
    const Tensor nothing = Tensor::zeros({A.dim(1), A.dim(2)}, DType::kFloat32, passes.device());
    std::vector<double> weights;
    const std::int64_t K = A.dim(0);
    passes.batches(copies_of(x, n, (K + group - 1) / group), [&](std::int64_t from, const Tensor& batch) {
      const std::int64_t first = from * group, count = std::min(batch.dim(0) * group, K - first);
      const NoGrad guard;
      Tap tap(passes.classifier().registry(), features.path);
      tap.replace_rows([&](const Tensor& value) {  // row i without its feature map first + i
        const Tensor missing = behind > 0 ? rows_of(value, count) : value.clone();
        const Tensor planes = missing.reshape({-1, A.dim(1), A.dim(2)});
        for (std::int64_t i = 0; i < count; ++i) planes[i * K + first + i].copy_from(nothing);
        return missing;
      });
      const Var seen(behind > 0 ? batch.slice(0, 1) : batch);
      const Tensor z = passes.classifier().logits(seen).value().to(Device::kCpu);
      check(z.dim(0) == count, "ablationcam", "the network gave logits of ", z.dim(0), " rows for ", count);
      for (std::int64_t i = 0; i < count; ++i) {
        const float* row = z.data<const float>() + i * passes.classes();
        weights.push_back(whole != 0 ? (whole - target_score(row, passes.classes(), target)) / whole : 0);
      }
    });
    features.write(A, weights, input, n, options.relu, result);
  }
  return result;
}

}  // namespace clearcut
