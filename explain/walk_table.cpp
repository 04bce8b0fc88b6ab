// The rows of the explainers that walk back by other rules than the gradient's, and of those of layers.
#include "explain/explainer_table.h"

namespace clearcut {

namespace {

ExplainerWork one(const ExplainOptions&) { return {2, 1}; }

ExplainerRow of_rectifiers(ExplainerRow row) {
  row.needs = "ReLU or ReLU6; all values of one pass";
  row.cost = "3";
  row.settings = {reduction_setting(), score_setting()};
  row.defaults = "score=logit";
  row.work = one;
  row.presets = {{"captum", "reduction=signed:score=logit"}};
  row.deviates =
      "ReLU6 counts as ReLU (in Captum it passes its gradient on). Other activations pass their gradient on; "
      "a network without ReLU is refused.";
  return row;
}

ExplainerRow guided_gradcam() {
  ExplainerRow row =
      of_rectifiers({.name = "guided_gradcam",
                     .formula = "G of guided times relu(gradcam), enlarged by nearest neighbours",
                     .paper = "Selvaraju 2017 (1610.02391)",
                     .run = guided_grad_cam});
  row.cost = "5";
  row.settings.insert(row.settings.begin(), layer_setting());
  row.work = [](const ExplainOptions&) { return ExplainerWork{4, 1}; };
  return row;
}

ExplainerRow of_differences(ExplainerRow row, ExplainerWork (*work)(const ExplainOptions&)) {
  row.needs = "all values of two passes";
  row.settings = {reduction_setting(), score_setting()};
  row.defaults = "score=logit";
  row.work = work;
  return row;
}

ExplainerRow deeplift() {
  ExplainerRow row = of_differences(
      {.name = "deeplift",
       .formula = "G = (x - x') m, where a function of one number passes on m (y - y') / (x - x'), its "
                  "gradient if |x - x'| < 1e-10; a maximum over a window through max(y, y')",
       .paper = "Shrikumar 2017 (1704.02685), rescale rule",
       .cost = "4",
       .run = deep_lift,
       .presets = {{"captum", "baseline=zero:reduction=signed:score=logit"}},
       .deviates =
           "Products of two values share evenly, as in SHAP (Captum: gradient). Overlapping windows of a "
           "max pooling add up (Captum keeps one). Softmax inside a network is centred row by row (Captum: "
           "over "
           "the batch). Groups and probabilities: the score's mean gradient from z' to z. So G sums to s(x) "
           "- "
           "s(x') wherever there is no softmax."},
      [](const ExplainOptions&) {
        return ExplainerWork{3, 1};
      });
  row.settings.insert(row.settings.begin(), baseline_setting());
  return row;
}

Setting relevance_setting() {
  static const Words<RelevanceRule> words = {{"epsilon", RelevanceRule::kEpsilon},
                                             {"gamma", RelevanceRule::kGamma},
                                             {"alphabeta", RelevanceRule::kAlphaBeta},
                                             {"apart", RelevanceRule::kApart},
                                             {"positive", RelevanceRule::kPositive}};
  return word_setting("rule", &ExplainOptions::relevance, words);
}

Setting bounds_setting() {
  static const Words<bool> words = {{"1", true}, {"0", false}};
  return word_setting("bounds", &ExplainOptions::bounds, words);
}

ExplainerRow lrp_row() {
  return {
      .name = "lrp",
      .formula =
          "R starts as z at the class; an operator with weights shares it among its inputs: rule=epsilon by "
          "x w / (z + epsilon), gamma with w + gamma w+, alphabeta by the positive x w alone, apart by x+ w+ "
          "and x- w- each in full, "
          "positive by x+ w+; bounds=1: z^B where a layer reads the picture",
      .paper = "Bach 2015 (10.1371/journal.pone.0130140), Montavon 2017 (1512.02479) and 2019",
      .needs = "all values of one pass; no softmax, erf, exp, log, sqrt nor quotients of two values",
      .cost = "about 6",
      .settings = {relevance_setting(), number_setting("epsilon", &ExplainOptions::epsilon, 1e-30),
                   number_setting("gamma", &ExplainOptions::gamma, 0.0), bounds_setting(),
                   reduction_setting()},
      .defaults = "reduction=signed",
      .work =
          [](const ExplainOptions&) {
            return ExplainerWork{5, 1};
          },
      .run = lrp,
      .presets = {{"interpretdl", "rule=apart:epsilon=1e-9:bounds=1:reduction=signed"},
                  {"captum", "rule=epsilon:epsilon=1e-9:bounds=0:reduction=signed"}},
      .deviates =
          "Explains logits; of a group, each weighted by softmax within it. InterpretDL counts x+ w+ and x- "
          "w- twice (rule=apart). "
          "Products of two values share evenly (2402.05602). Captum refuses other activations than ReLU and "
          "tanh; here all pass R on. epsilon and gamma divide by sums of both signs: a larger epsilon (0.01) "
          "keeps them quiet."};
}

constexpr const char* kFullGradPaper = "Srinivas & Fleuret 2019 (1905.00780)";

ExplainerRow of_biases(ExplainerRow row) {
  row.needs = "all values of one pass";
  row.cost = "3";
  row.settings = {score_setting()};
  row.defaults = "score=logit";
  row.work = one;
  return row;
}

std::vector<ExplainerRow> full_gradients() {
  ExplainerRow smooth = of_biases({.name = "smooth_fullgrad",
                                   .formula = "mean of fullgrad at x + e_i, e_i as in smoothgrad",
                                   .paper = kFullGradPaper,
                                   .run = smooth_full_grad});
  smooth.cost = "3 x samples";
  smooth.settings = {samples_setting(), noise_setting(), score_setting()};
  smooth.defaults = "samples=25:noise=0.15:score=logit";
  smooth.work = [](const ExplainOptions& o) { return ExplainerWork{2.0 * samples_of(o), samples_of(o)}; };
  return {of_biases(
              {.name = "fullgrad",
               .formula =
                   "psi(x ds/dx) + sum over layers of psi(b ds/dy), psi(v): |v| stretched to [0, 1] over the "
                   "channels, enlarged bilinearly, summed; b of a batch norm: beta - gamma mu / "
                   "sqrt(variance + eps)",
               .paper = kFullGradPaper,
               .run = full_grad,
               .deviates =
                   "Activations that are bent or have a ceiling give their implicit bias y - x f'(x), as the "
                   "paper says; the authors' code leaves it out."}),
          of_biases({.name = "simple_fullgrad",
                     .formula = "fullgrad with ds/dy for b ds/dy, in layers that have a bias",
                     .paper = kFullGradPaper,
                     .run = simple_full_grad}),
          smooth};
}

ExplainerRow of_layer(ExplainerRow row) {
  row.settings.insert(row.settings.begin(), layer_setting());
  return row;
}

Setting path_setting() {
  static const Words<PathRule> words = {
      {"gauss", PathRule::kGauss}, {"midpoint", PathRule::kMidpoint}, {"ends", PathRule::kEnds}};
  return word_setting("path", &ExplainOptions::path, words);
}

ExplainerWork per_step(const ExplainOptions& o) { return {2.0 * o.steps, o.steps}; }

std::vector<ExplainerRow> layer_paths() {
  const Setting steps = number_setting("steps", &ExplainOptions::steps, 1);
  return {of_layer({.name = "linear",
                    .formula = "sum over k of g_k A_k, with its sign",
                    .paper = "Kindermans 2016 (1611.07270); TorchRay's linear approximation",
                    .needs = "one forward pass, backward to the tap",
                    .cost = "about 2",
                    .settings = {score_setting()},
                    .defaults = "score=logit",
                    .work = one,
                    .run = linear_approximation}),
          of_layer({.name = "conductance",
                    .formula = "sum over k of the integral of g_k dA_k along x' + a (x - x')",
                    .paper = "Dhamdhere 2018 (1805.12233)",
                    .needs = "gradients of the tap",
                    .cost = "2 to 3 x (steps + 1)",
                    .settings = {steps, baseline_setting(), path_setting(), relu_setting(), score_setting()},
                    .defaults = "path=ends:score=logit",
                    .work = per_step,
                    .run = layer_conductance,
                    .presets = {{"captum", "steps=50:path=gauss:baseline=zero:relu=0:score=logit"}},
                    .deviates = "Trapezoidal rule over steps + 1 even points from x' to x (path=ends); with "
                                "other points the gradient at the lower end of each step, as in Captum."}),
          of_layer({.name = "layerig",
                    .formula = "sum over k of (A_k - A'_k) integral of g_k along A' + a (A - A')",
                    .paper = "Sundararajan 2017 (1703.01365), at a layer as in Captum",
                    .needs = "gradients of the tap",
                    .cost = "2 to 3 x steps",
                    .settings = {steps, baseline_setting(), path_setting(), relu_setting(), score_setting()},
                    .defaults = "score=logit",
                    .work = per_step,
                    .run = layer_integrated_gradients,
                    .presets = {{"captum", "steps=50:path=gauss:baseline=zero:relu=0:score=logit"}}})};
}

std::vector<ExplainerRow> excitations() {
  return {of_layer(
              {.name = "excitation",
               .formula =
                   "P starts as 1 at the class; an operator with weights passes on x+ w+ P / (sum of x+ w+); "
                   "sum over channels at the tap",
               .paper = "Zhang 2016 (1608.00507)",
               .needs = "as lrp, from the tap on",
               .cost = "about 2",
               .settings = {},
               .work = one,
               .run = excitation_backprop}),
          of_layer({.name = "contrastive",
                    .formula =
                        "excitation less that of the opposite class, whose last weights have the other sign",
                    .paper = "Zhang 2016 (1608.00507)",
                    .needs = "as lrp, from the tap on",
                    .cost = "about 2",
                    .settings = {relu_setting()},
                    .work = one,
                    .run = contrastive_excitation,
                    .deviates = "The difference is not normalised again as in TorchRay."})};
}

}  // namespace

ExplainerFamily walk_explainers() {
  ExplainerFamily family{
      .title = "Walks by other rules",
      .about =
          "The way back through the network by rules of their own in place of the gradient's: each operator "
          "says what it "
          "passes on. Meanwhile batch norms, additions and ReLUs run one by one and all values stay alive, "
          "about "
          "twice the memory of a gradient. An operator that the rules do not know is an error that names it. "
          "Maps of the picture's size; `reduction=` as for input gradients.",
      .rows = {
          of_rectifiers(
              {.name = "guided",
               .formula = "G = what arrives at x, where a ReLU passes on g if g > 0 and its input is > 0",
               .paper = "Springenberg 2014 (1412.6806)",
               .run = guided_backprop}),
          of_rectifiers({.name = "deconvnet",
                         .formula = "G = what arrives at x, where a ReLU passes on g if g > 0",
                         .paper = "Zeiler & Fergus 2013 (1311.2901)",
                         .run = deconvnet}),
          guided_gradcam(), deeplift(),
          of_differences(
              {.name = "deeplift_shap",
               .formula = "mean of deeplift over three starts: x' = 0, the blurred picture, its mean colour",
               .paper = "Lundberg & Lee 2017 (1705.07874)",
               .cost = "12",
               .run = deep_lift_shap,
               .deviates = "These three stand for the set of starts that Captum asks for. Else as deeplift."},
              [](const ExplainOptions&) {
                return ExplainerWork{9, 3};
              }),
          lrp_row()}};
  for (ExplainerRow& row : full_gradients()) family.rows.push_back(std::move(row));
  return family;
}

ExplainerFamily layer_explainers() {
  ExplainerFamily family{.title = "Layers",
                         .about =
                             "Maps of a feature map's size, by default of the last one (`layer=` takes any "
                             "path of `clearcut model layers`).",
                         .rows = layer_paths()};
  for (ExplainerRow& row : excitations()) family.rows.push_back(std::move(row));
  return family;
}

}  // namespace clearcut
