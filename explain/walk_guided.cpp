// Guided backpropagation, the deconvolution network, and guided Grad-CAM.
#include <algorithm>

#include "explain/walk_method.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/resize.h"

namespace clearcut {

namespace {

using namespace walk_ops;

// What is left of dy behind a ReLU: guided where the ReLU let the picture through too, else everywhere.
Grads rectified(const Step& step, bool guided) {
  const Tensor positive = ops::relu(step.dy);
  return guided ? step.plain(positive) : Grads{positive};
}

// ReLU, or clamp from 0 to 6 or more: with a lower ceiling it is the gate of a hard sigmoid.
bool is_rectifier(const Call& call) {
  const auto* clamp = std::any_cast<pointwise::clamp>(&call.options);
  return call.op == "relu" || (clamp != nullptr && clamp->parameter_low == 0 && clamp->parameter_high >= 6);
}

RuleSet rectified_rules(bool guided) {
  RuleSet rules;
  for (const Names& ops : {kWeights, kMoves, kMeans, kArithmetic, kMaxima, kActivations, kFunctions, kRows})
    set_rule(rules, ops, plain_rule);
  rules["batch_norm"] = plain_rule;
  rules["relu"] = [guided](const Step& step) { return rectified(step, guided); };
  rules["clamp"] = [guided](const Step& step) {
    return is_rectifier(step.call) ? rectified(step, guided) : step.plain();
  };
  return rules;
}

// Without a ReLU the walk would be the plain gradient under another name.
void check_has_relu(const std::string& name, const OpenPass& pass) {
  const bool any = std::any_of(pass.calls().begin(), pass.calls().end(), is_rectifier);
  check(any, name, "the network has no ReLU, so nothing is guided; use saliency");
}

using Factor = std::function<double(std::int64_t n, std::int64_t pixel)>;

// G of every picture by the rules, times factor(n, pixel) where there is one.
Explanation rectified_maps(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                           bool guided, const Factor& factor = {}) {
  Explanation result = pixel_maps(input);
  const std::int64_t n_pixels = input.x.dim(2) * input.x.dim(3);
  const WalkJob job{
      .name = options.explainer,
      .start = [&](const Tensor& z, std::int64_t first) { return score_gradients(z, input, first); },
      .rules =
          [&](const OpenPass& pass) {
            check_has_relu(options.explainer, pass);
            return rectified_rules(guided);
          }};
  walk_pictures(passes, input, job, [&](std::int64_t n, const float* values) {
    std::vector<double> g(values, values + 3 * n_pixels);
    for (std::int64_t i = 0; factor && i < 3 * n_pixels; ++i)
      g[static_cast<std::size_t>(i)] *= factor(n, i % n_pixels);
    write_maps(g, n, options, result);
  });
  return result;
}

}  // namespace

Explanation guided_backprop(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return rectified_maps(passes, input, options, true);
}

Explanation deconvnet(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return rectified_maps(passes, input, options, false);
}

Explanation guided_grad_cam(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  ExplainOptions cam = options;
  cam.explainer = "gradcam";
  cam.relu = true;
  const auto N = static_cast<std::size_t>(input.x.dim(0));
  Explanations plain{.by_explainer = std::vector<Explanation>(1),
                     .probability = std::vector<double>(N),
                     .top1 = std::vector<int>(N)};
  plain_pass(passes, input, {cam}, plain);
  const Tensor& maps = plain.by_explainer[0].maps;
  const std::int64_t H = input.x.dim(2), W = input.x.dim(3);
  const Tensor large =
      ops::resize_nearest(maps.reshape({maps.dim(0), 1, maps.dim(1), maps.dim(2)}), Size2(H, W), false);
  const float* weight = large.data<const float>();
  return rectified_maps(passes, input, options, true,
                        [=](std::int64_t n, std::int64_t pixel) { return weight[n * H * W + pixel]; });
}

}  // namespace clearcut
