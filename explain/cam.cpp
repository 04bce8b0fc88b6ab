// The CAM family on the one plain forward pass.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "data/text_lines.h"
#include "explain/methods.h"
#include "explain/tap_pass.h"
#include "explain/target.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/resize.h"
#include "tensor/parallel.h"

namespace clearcut {

namespace {

// One tap of one entry of the options.
struct CamJob {
  std::size_t index;  // in the options
  std::string path;
  const CamRule* rule;  // null: CAM itself, by the classifier's weights
  bool relu;
  std::int64_t margin;
  Tensor maps = {};
  bool gradient() const { return rule != nullptr && rule->gradient; }
  const char* name() const { return rule == nullptr ? "cam" : rule->name; }
};

// (x - min) / (max - min + 1e-7) of every picture, as in pytorch-grad-cam.
Tensor from_0_to_1(const Tensor& maps) {
  Tensor y = empty_like(maps);
  const std::int64_t n = maps.numel() / maps.dim(0);
  for (std::int64_t k = 0; k < maps.dim(0); ++k) {
    const float* from = maps.data<const float>() + k * n;
    const auto [low, high] = std::minmax_element(from, from + n);
    const double scale = 1 / (static_cast<double>(*high) - *low + 1e-7);
    std::transform(from, from + n, y.data<float>() + k * n,
                   [&, low = *low](float v) { return static_cast<float>((v - low) * scale); });
  }
  return y;
}

std::vector<double> class_weights(const Tensor& W, const float* z, const Target& target) {
  const std::vector<double> share = group_weights(z, target);
  std::vector<double> weights(static_cast<std::size_t>(W.dim(1)));
  for (std::size_t i = 0; i < share.size(); ++i) {
    const float* row = W.data<const float>() + target.classes[i] * W.dim(1);
    for (std::size_t k = 0; k < weights.size(); ++k) weights[k] += share[i] * row[k];
  }
  return weights;
}

// The plain pass over one batch of explain() after another.
class PlainPass {
 public:
  PlainPass(Passes& passes, const ExplainInput& input, const std::vector<ExplainOptions>& options,
            Explanations& result)
      : passes_(passes), input_(input), result_(result), head_(passes.classifier().cam_weights()) {
    if (head_) head_->weights = head_->weights.to(Device::kCpu);
    for (std::size_t i = 0; i < options.size(); ++i) {
      if (options[i].explainer == "cam") add_cam(i, options[i]);
      if (const CamRule* rule = cam_rule(options[i].explainer)) add(i, options[i], rule);
    }
  }

  void batch(std::int64_t first, const Tensor& x) {
    std::map<std::string, std::unique_ptr<Tap>> taps;
    bool gradient = false;
    for (const CamJob& job : jobs_) {
      gradient = gradient || job.gradient();
      auto& tap = taps[job.path];
      if (!tap) tap = std::make_unique<Tap>(passes_.classifier().registry(), job.path);
    }
    const std::unique_ptr<NoGrad> guard = gradient ? nullptr : std::make_unique<NoGrad>();
    const Var z = passes_.classifier().logits(Var(x));
    for (const auto& [path, tap] : taps) tap->activation();  // throws if there is no such layer
    if (gradient)
      z.backward(target_gradients(z.value(), [&](std::int64_t i) -> const Target& {
        return input_.targets[static_cast<std::size_t>(first + i)];
      }));
    const Tensor logits = z.value().to(Device::kCpu);
    judge(first, logits);
    for (CamJob& job : jobs_) draw(job, first, logits, *taps.at(job.path));
  }

  // One tap: its maps. Several: each from 0 to 1 at the input's size, and of these the mean or the product.
  void finish() {
    for (std::size_t j = 0; j < jobs_.size();) {
      const CamJob& job = jobs_[j];
      std::size_t end = j;
      while (end < jobs_.size() && jobs_[end].index == job.index) ++end;
      result_.by_explainer[job.index].maps = end == j + 1 ? job.maps : joined(j, end);
      j = end;
    }
  }

 private:
  void add_cam(std::size_t index, const ExplainOptions& o) {
    check(head_.has_value(), "cam", "the logits of ", passes_.classifier().name(),
          " are not linear in the channel means of one feature map; use gradcam");
    jobs_.push_back({index, head_->path, nullptr, o.relu, head_->margin});
  }
  void add(std::size_t index, const ExplainOptions& o, const CamRule* rule) {
    const Classifier& classifier = passes_.classifier();
    std::vector<std::string> paths = split_at(tap_path(classifier, o), "+");
    if (rule->product && o.layer.empty())
      paths =
          stage_paths(passes_.classifier(), input_.x[0].reshape({1, 3, input_.x.dim(2), input_.x.dim(3)}));
    for (const std::string& path : paths)
      jobs_.push_back({index, path, rule, o.relu, tap_margin(classifier, path)});
  }

  Tensor joined(std::size_t begin, std::size_t end) const {
    const std::int64_t N = input_.x.dim(0), H = input_.x.dim(2), W = input_.x.dim(3);
    Tensor all;
    for (std::size_t j = begin; j < end; ++j) {
      const Tensor& maps = jobs_[j].maps;
      const Tensor one =
          ops::resize_bilinear(from_0_to_1(maps).reshape({N, 1, maps.dim(1), maps.dim(2)}), {H, W}, false);
      all = !all.defined() ? one : jobs_[j].rule->product ? ops::mul(all, one) : ops::add(all, one);
    }
    return from_0_to_1(all.reshape({N, H, W}));
  }

  void judge(std::int64_t first, const Tensor& z) {
    const std::int64_t C = z.dim(1);
    for (std::int64_t i = 0; i < z.dim(0); ++i) {
      const float* row = z.data<const float>() + i * C;
      const auto n = static_cast<std::size_t>(first + i);
      result_.probability[n] = target_probability(row, C, input_.targets[n]);
      result_.top1[n] = static_cast<int>(std::max_element(row, row + C) - row);
    }
  }

  void draw(CamJob& job, std::int64_t first, const Tensor& z, const Tap& tap) {
    const Tensor A = tap.activation().to(Device::kCpu);
    const Tensor gradient = job.gradient() ? tap.gradient().to(Device::kCpu) : Tensor();
    check(A.rank() == 4 && A.dim(2) > 2 * job.margin && A.dim(3) > 2 * job.margin, job.name(), "'", job.path,
          "' must give feature maps [N, K, h, w]; got ", A.shape(), "; `clearcut model layers` lists paths");
    const std::int64_t K = A.dim(1), h = A.dim(2), w = A.dim(3), C = z.dim(1), N = input_.x.dim(0);
    if (!job.maps.defined()) job.maps = Tensor({N, h - 2 * job.margin, w - 2 * job.margin});
    const std::int64_t size = job.maps.dim(1) * job.maps.dim(2);
    float* to = job.maps.data<float>();
    const float* from = A.data<const float>();
    const float* g = job.gradient() ? gradient.data<const float>() : nullptr;
    parallel_for(A.dim(0), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto n = static_cast<std::size_t>(first + i);
        const CamInput in{.A = from + i * K * h * w,
                          .g = g == nullptr ? nullptr : g + i * K * h * w,
                          .K = K,
                          .n = h * w,
                          .random = RandomStream(input_.seed, job.name(), input_.items[n])};
        const float* row = z.data<const float>() + i * C;
        const CamMap map = job.rule != nullptr
                               ? job.rule->map(in)
                               : weighted_sum(in, class_weights(head_->weights, row, input_.targets[n]));
        write_cam(map, h, w, job.margin, job.relu, to + (first + i) * size);
      }
    });
  }

  Passes& passes_;
  const ExplainInput& input_;
  Explanations& result_;
  std::optional<CamWeights> head_;
  std::vector<CamJob> jobs_;
};

}  // namespace

void plain_pass(Passes& passes, const ExplainInput& input, const std::vector<ExplainOptions>& options,
                Explanations& result) {
  PlainPass pass(passes, input, options, result);
  passes.batches(picture_rows(input), [&](std::int64_t first, const Tensor& x) { pass.batch(first, x); });
  pass.finish();
}

}  // namespace clearcut
