// Relevance of pixels: LRP, and excitation backprop down to a tap.
#include "explain/layer_maps.h"
#include "explain/walk_method.h"
#include "explain/walk_relevance.h"
#include "tensor/ops/arithmetic.h"
#include "tensor/ops/elementwise.h"

namespace clearcut {

namespace {

Relevance relevance_of(const ExplainOptions& o) {
  check(o.epsilon > 0 && o.gamma >= 0, "lrp", "epsilon must be > 0 and gamma >= 0; got ", o.epsilon, " and ",
        o.gamma);
  return {.rule = o.relevance, .epsilon = o.epsilon, .gamma = o.gamma, .bounded_first = o.bounds};
}

// At the last layer with weights, the class against what speaks for its opposite: the same layer with the
// other sign. What is passed on below is linear in what arrives, so one walk does for the difference.
Grads against_opposite(const Step& step) {
  const Tensor over = ops::relu(step.x());
  const Var for_class(over, true), against(over, true);
  const Tensor w = step.x(1), zero_below = ops::relu(w), zero_above = ops::relu(ops::neg(w));
  Grads grads(step.call.inputs.size());
  const Tensor yes = shares({for_class}, with_weights(step, for_class, zero_below), step.dy, 1e-9);
  const Tensor no = shares({against}, with_weights(step, against, zero_above), step.dy, 1e-9);
  grads[0] = ops::sub(yes, no);
  return grads;
}

// Probabilities of the winners at a layer, from the class down.
Explanation excitation_maps(Passes& passes, const ExplainInput& input, const ExplainOptions& options,
                            bool contrast) {
  LayerMaps maps(passes.classifier(), input, options);
  const ExplainInput logits = of_logits(input);
  passes.batches(picture_rows(input), [&](std::int64_t first, const Tensor& x) {
    const Tap tap(passes.classifier().registry(), maps.path());
    const OpenPass pass(passes.classifier(), Var(x));
    tap.activation();  // throws if there is no such layer
    RuleSet rules = relevance_rules({.rule = RelevanceRule::kPositive, .bounded_first = false}, pass);
    if (contrast)
      set_rule(rules, walk_ops::kWeights,
               [last = last_weights(pass), plain = rules.at("conv2d")](const Step& step) {
                 return step.node.id == last ? against_opposite(step) : plain(step);
               });
    pass.walk(score_gradients(pass.logits().value(), logits, first), options.explainer, rules);
    for (std::int64_t i = 0; i < x.dim(0); ++i) maps.write(first + i, tap.gradient()[i]);
  });
  return maps.take();
}

}  // namespace

Explanation lrp(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  Explanation result = pixel_maps(input);
  const ExplainInput logits = of_logits(input);
  const Relevance settings = relevance_of(options);
  const std::int64_t n_values = input.x.numel() / input.x.dim(0);
  const WalkJob job{
      .name = options.explainer,
      .start = [&](const Tensor& z,
                   std::int64_t first) { return ops::mul(z, score_gradients(z, logits, first)); },
      .rules = [&](const OpenPass& pass) { return relevance_rules(settings, pass); }};
  walk_pictures(passes, input, job, [&](std::int64_t n, const float* values) {
    write_maps(std::vector<double>(values, values + n_values), n, options, result);
  });
  return result;
}

Explanation excitation_backprop(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return excitation_maps(passes, input, options, false);
}

Explanation contrastive_excitation(Passes& passes, const ExplainInput& input, const ExplainOptions& options) {
  return excitation_maps(passes, input, options, true);
}

}  // namespace clearcut
