// The rows of the explainers by input gradients.
#include "explain/explainer_table.h"

namespace clearcut {

namespace {

ExplainerWork plain(const ExplainOptions&) { return {2, 1}; }
ExplainerWork per_sample(const ExplainOptions& o) { return {2.0 * samples_of(o), samples_of(o)}; }
ExplainerWork per_step(const ExplainOptions& o) { return {2.0 * o.steps, o.steps}; }

// Left out of describe() unless it is given.
Setting deviation_setting() {
  Setting setting = number_setting("deviation", &ExplainOptions::deviation, 0.0);
  setting.write = [](const ExplainOptions& o) { return o.deviation > 0 ? cat(o.deviation) : ""; };
  return setting;
}

ExplainerRow of_noise(ExplainerRow row) {
  row.needs = "gradients of the input";
  row.cost = "3 x samples";
  row.settings = {samples_setting(), noise_setting(), deviation_setting(), score_setting()};
  row.defaults = "samples=50";
  row.presets = {{"interpretdl", "samples=50:noise=0.1:score=probability"},
                 {"captum", "samples=5:deviation=1:score=logit"}};
  row.work = per_sample;
  return row;
}

Setting path_setting() {
  static const Words<PathRule> words = {
      {"gauss", PathRule::kGauss}, {"midpoint", PathRule::kMidpoint}, {"ends", PathRule::kEnds}};
  return word_setting("path", &ExplainOptions::path, words);
}

ExplainerRow smoothgrad() {
  ExplainerRow row =
      of_noise({.name = "smoothgrad",
                .formula = "G = mean of ds/dx at x + e_i, e_i ~ N(0, (noise (max x - min x))^2)",
                .paper = "Smilkov 2017 (1706.03825)",
                .run = smooth_grad,
                .deviates = "`deviation=` gives the noise itself, whatever the picture's range."});
  row.settings.insert(row.settings.begin() + 3, reduction_setting());
  row.presets = {{"interpretdl", "samples=50:noise=0.1:reduction=abs:score=probability"},
                 {"captum", "samples=5:deviation=1:reduction=signed:score=logit"}};
  return row;
}

std::vector<ExplainerRow> plain_gradients() {
  const std::vector<Setting> settings = {reduction_setting(), score_setting()};
  return {{.name = "saliency",
           .formula = "G = ds/dx",
           .paper = "Simonyan 2013 (1312.6034)",
           .needs = "gradients of the input",
           .cost = "3",
           .settings = settings,
           .work = plain,
           .run = saliency,
           .presets = {{"captum", "reduction=abs:score=logit"}}},
          {.name = "gradxinput",
           .formula = "G = x ds/dx",
           .paper = "Shrikumar 2016 (1605.01713)",
           .needs = "gradients of the input",
           .cost = "3",
           .settings = settings,
           .work = plain,
           .run = grad_x_input,
           .presets = {{"captum", "reduction=signed:score=logit"}}}};
}

std::vector<ExplainerRow> path_gradients() {
  return {
      {.name = "gradshap",
       .formula = "G = mean of (x_i - x') ds/dx at x' + a_i (x_i - x'), x_i = x + e_i, a_i uniform in [0, 1)",
       .paper = "Lundberg & Lee 2017 (1705.07874)",
       .needs = "gradients of the input",
       .cost = "3 x samples",
       .settings = {samples_setting(), noise_setting(), baseline_setting(), reduction_setting(),
                    score_setting()},
       .defaults = "samples=5",
       .work = per_sample,
       .run = gradient_shap,
       .presets = {{"interpretdl", "samples=5:noise=0.1:baseline=zero:reduction=abs:score=probability"},
                   {"captum", "samples=5:noise=0:baseline=zero:reduction=signed:score=logit"}},
       .deviates = "One start x' as in InterpretDL; Captum draws from a set of them."},
      {.name = "ig",
       .formula = "G = (x - x') integral over a in [0, 1] of ds/dx at x' + a (x - x')",
       .paper = "Sundararajan 2017 (1703.01365)",
       .needs = "gradients of the input",
       .cost = "3 x steps",
       .settings = {number_setting("steps", &ExplainOptions::steps, 1), baseline_setting(), path_setting(),
                    reduction_setting(), score_setting()},
       .work = per_step,
       .run = integrated_gradients,
       .presets = {{"interpretdl", "steps=50:path=ends:baseline=zero:score=probability"},
                   {"captum", "steps=50:path=gauss:baseline=zero:reduction=signed:score=logit"}}}};
}

}  // namespace

ExplainerFamily gradient_explainers() {
  ExplainerFamily family{
      .title = "Input gradients",
      .about =
          "A value per channel and pixel, G [3, H, W], then `reduction=` to one value per pixel: abs "
          "(sum of |G_c|), square (mean of G_c^2), positive (max(0, sum of G_c)) or signed (sum of G_c).",
      .rows = plain_gradients()};
  family.rows.push_back(smoothgrad());
  family.rows.push_back(of_noise({.name = "smoothgrad_sq",
                                  .formula = "G = mean of the squared gradients of smoothgrad",
                                  .paper = "Hooker 2018 (1806.10758)",
                                  .run = smooth_grad_squared}));
  family.rows.push_back(of_noise({.name = "vargrad",
                                  .formula = "G = variance of the gradients of smoothgrad (biased)",
                                  .paper = "Adebayo 2018 (1810.03292)",
                                  .run = var_grad}));
  for (ExplainerRow& row : path_gradients()) family.rows.push_back(std::move(row));
  return family;
}

}  // namespace clearcut
