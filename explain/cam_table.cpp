// The rows of the CAM family.
#include "explain/explainer_table.h"

namespace clearcut {

namespace {

ExplainerRow of_gradient(ExplainerRow row) {
  row.needs = "one forward pass, backward to the tap";
  row.cost = "about 1, shared by all of the family";
  row.settings = {layer_setting(), relu_setting(), scales_setting(), flip_setting(), score_setting()};
  row.defaults = "score=logit";
  row.work = [](const ExplainOptions&) { return ExplainerWork{1, 1}; };
  return row;
}

ExplainerRow of_features(ExplainerRow row) {
  row.needs = "one forward pass";
  row.cost = "0, in the shared pass";
  row.settings = {layer_setting(), relu_setting(), scales_setting(), flip_setting()};
  row.work = [](const ExplainOptions&) { return ExplainerWork{1, 1}; };
  return row;
}

ExplainerRow cam() {
  ExplainerRow row = of_features(
      {.name = "cam",
       .formula = "sum over k of W_ck A_k, W the weights of the linear layer behind the mean",
       .paper = "Zhou 2015 (1512.04150)",
       .deviates = "Groups of classes: the class maps weighted by softmax of the logits within the group."});
  row.needs = "one forward pass; logits linear in the channel means of one feature map";
  row.settings = {relu_setting(), scales_setting(), flip_setting()};
  return row;
}

ExplainerRow finercam() {
  ExplainerRow row =
      of_gradient({.name = "finercam",
                   .formula = "gradcam of sum over rivals j of q_j (z_t - alpha z_j), q = softmax of "
                              "their logits; rivals: the classes with logits nearest to z_t",
                   .paper = "Zhang 2025 (2501.11309)",
                   .run = finer_cam});
  row.cost = "2";
  row.settings = {layer_setting(),
                  relu_setting(),
                  scales_setting(),
                  flip_setting(),
                  number_setting("rivals", &ExplainOptions::rivals, 1),
                  number_setting("alpha", &ExplainOptions::alpha, 0.0)};
  row.defaults = "";
  return row;
}

ExplainerRow shapleycam() {
  ExplainerRow row =
      of_gradient({.name = "shapleycam",
                   .formula = "w_k = mean of g_k - 1/2 (H A)_k, H the Hessian of s with respect to A",
                   .paper = "Cai 2025 (2501.06261)",
                   .run = shapley_cam,
                   .deviates = "H A by central differences of gradients, at A (1 +- 1/128)."});
  row.cost = "6";
  row.work = [](const ExplainOptions&) { return ExplainerWork{3, 3}; };
  return row;
}

std::vector<ExplainerRow> weighted_sums() {
  return {
      cam(),
      of_gradient({.name = "gradcam",
                   .formula = "sum over k of w_k A_k, w_k = mean of g_k",
                   .paper = "Selvaraju 2017 (1610.02391)",
                   .presets = {{"interpretdl", "relu=1:score=probability"},
                               {"captum", "relu=0:score=logit"},
                               {"grad-cam", "relu=1:score=logit"}},
                   .deviates = "InterpretDL takes the mean over k where the paper has the sum, and the "
                               "gradient of the probability (`score=probability`)."}),
      of_gradient({.name = "gradcampp",
                   .formula = "w_k = sum of a relu(g_k), a = g^2 / (2 g^2 + S_k g^3 + 1e-6), 0 where g = 0",
                   .paper = "Chattopadhay 2018 (1710.11063)"}),
      of_gradient({.name = "xgradcam",
                   .formula = "w_k = sum of g_k A_k / (S_k + 1e-7), S_k = sum of A_k",
                   .paper = "Fu 2020 (2008.02312)"}),
      of_gradient({.name = "layercam",
                   .formula = "sum over k of relu(g_k) A_k, each position for itself",
                   .paper = "Jiang 2021 (TIP 30)"}),
      of_gradient(
          {.name = "hirescam", .formula = "sum over k of g_k A_k", .paper = "Draelos 2020 (2011.08891)"}),
      of_gradient(
          {.name = "elementwise", .formula = "sum over k of relu(g_k A_k)", .paper = "pytorch-grad-cam"})};
}

std::vector<ExplainerRow> components() {
  return {of_features({.name = "eigencam",
                       .formula = "projection of A [positions, K], each channel less its mean, on its first "
                                  "right singular vector",
                       .paper = "Muhammad 2020 (2008.00299)",
                       .deviates = "Of the two signs that one whose largest magnitude is positive."}),
          of_gradient({.name = "eigengradcam",
                       .formula = "eigencam of g A",
                       .paper = "pytorch-grad-cam",
                       .deviates = "Sign as in eigencam."}),
          of_gradient({.name = "segeigencam",
                       .formula = "eigencam of |g| A",
                       .paper = "pytorch-grad-cam",
                       .deviates = "Sign as in eigencam."}),
          of_features(
              {.name = "kpcacam",
               .formula = "first kernel principal component of the centred A, kernel tanh(<a, b> / K + 1)",
               .paper = "Karmani 2024 (2410.00267)",
               .deviates = "Sign as in eigencam."}),
          of_features({.name = "fem",
                       .formula = "w_k = share of positions with A_k > mean + 2 deviations",
                       .paper = "Fuad 2020 (IPTA)"})};
}

std::vector<ExplainerRow> others() {
  return {of_gradient({.name = "refinecam",
                       .formula = "product over taps of gradcam, each from 0 to 1",
                       .paper = "pytorch-grad-cam",
                       .deviates = "Without `layer=`: the last maps of the three coarsest resolutions."}),
          finercam(), shapleycam(),
          of_features({.name = "randomcam",
                       .formula = "w_k uniform in [-1, 1): what a map looks like that knows nothing",
                       .paper = "pytorch-grad-cam"})};
}

}  // namespace

ExplainerFamily cam_explainers() {
  ExplainerFamily family{
      .title = "Class activation maps",
      .about =
          "Maps of the size of a feature map, by default the last one (`layer=` takes any path of "
          "`clearcut model layers`; of several, `layer=A+B`, the mean of their maps, each from 0 to 1; not "
          "for finercam and shapleycam). "
          "`scales=0.5+1+1.5+2` and `flip=1` average over sizes of the picture and its mirror image. "
          "Negative values become 0 unless `relu=0`. The score is the logit "
          "unless `score=probability`.",
      .rows = weighted_sums()};
  for (const auto& rows : {components(), others()})
    family.rows.insert(family.rows.end(), rows.begin(), rows.end());
  return family;
}

}  // namespace clearcut
