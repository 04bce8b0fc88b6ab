// The rows of the explainers by perturbation.
#include "explain/explainer_table.h"
#include "explain/perturbation.h"

namespace clearcut {

namespace {

const Words<bool> kSwitch = {{"1", true}, {"0", false}};

ExplainerWork per_sample(const ExplainOptions& o) { return {1.0 * samples_of(o), samples_of(o)}; }

Setting grid_setting() { return number_setting("grid", &ExplainOptions::grid, 0); }
Setting settle_setting() { return number_setting("settle", &ExplainOptions::settle, 0.0); }
Setting prior_setting() {
  return {"prior", [](ExplainOptions& o, const std::string& word) { o.prior = word; },
          [](const ExplainOptions& o) { return o.prior; }};
}

// Settings of explainers of pieces, with those of their own before them.
std::vector<Setting> of_pieces(std::vector<Setting> own) {
  for (Setting& setting :
       std::vector<Setting>{segments_setting(), compactness_setting(), superpixels_setting(), grid_setting(),
                            off_setting(), reduction_setting(), score_setting()})
    own.push_back(std::move(setting));
  return own;
}

ExplainerRow occlusion_row() {
  static const Words<Overlap> overlaps = {{"mean", Overlap::kMean}, {"sum", Overlap::kSum}};
  return {
      .name = "occlusion",
      .formula = "s(x) - s(x with a window covered), as mean or sum over the windows that cover a pixel",
      .paper = "Zeiler & Fergus 2013 (1311.2901)",
      .needs = "forward passes",
      .cost = "1 + windows: (ceil((H - window) / stride) + 1) (ceil((W - window) / stride) + 1)",
      .settings = {number_setting("window", &ExplainOptions::window, 1),
                   number_setting("stride", &ExplainOptions::stride, 1),
                   word_setting("overlap", &ExplainOptions::overlap, overlaps), baseline_setting(),
                   reduction_setting(), score_setting()},
      .defaults = "reduction=positive",
      .run = occlusion,
      .presets = {{"interpretdl", "stride=1:overlap=sum:baseline=zero:reduction=signed:score=probability"},
                  {"captum", "stride=1:overlap=mean:baseline=zero:reduction=signed:score=logit"}},
      .deviates = "The libraries have no default window; a stride above the window is an error."};
}

ExplainerRow rise_row() {
  return {.name = "rise",
          .formula =
              "S = 1 / (samples keep) sum of s(x M_i) M_i; M_i: cells x cells random bits, each 1 with "
              "probability keep, brought up bilinearly and cut out at a random place",
          .paper = "Petsiuk 2018 (1806.07421)",
          .needs = "forward passes",
          .cost = "samples",
          .settings = {samples_setting(), number_setting("cells", &ExplainOptions::cells, 1),
                       number_setting("keep", &ExplainOptions::keep, 1e-6), score_setting()},
          .defaults = "samples=8000",
          .work = per_sample,
          .run = rise,
          .presets = {{"authors", "samples=6000:cells=8:keep=0.1:score=probability"}},
          .deviates = "TorchRay takes the sigmoid of the logit and does not divide by keep."};
}

ExplainerRow lime_row() {
  static const Words<Nearness> nearness = {{"bits", Nearness::kBits}, {"picture", Nearness::kPicture}};
  static const Words<Penalty> penalties = {
      {"none", Penalty::kNone}, {"ridge", Penalty::kRidge}, {"lasso", Penalty::kLasso}};
  return {.name = "lime",
          .formula = "weighted least squares of the score on which superpixels are shown",
          .paper = "Ribeiro 2016 (1602.04938)",
          .needs = "forward passes; superpixels",
          .cost = "samples",
          .settings = of_pieces({samples_setting(), settle_setting(),
                                 word_setting("nearness", &ExplainOptions::nearness, nearness),
                                 word_setting("penalty", &ExplainOptions::penalty, penalties),
                                 number_setting("alpha", &ExplainOptions::penalty_weight, 0.0)}),
          .defaults = "samples=1000:reduction=positive",
          .work = per_sample,
          .run = lime,
          .presets = {{"interpretdl",
                       "samples=1000:superpixels=quickshift/"
                       "sigma=1:nearness=bits:penalty=none:off=mean:score=probability"},
                      {"original",
                       "samples=1000:superpixels=quickshift/kernel_size=4/max_dist=200/"
                       "ratio=0.2:nearness=bits:penalty=ridge:"
                       "alpha=1:off=mean:score=probability"},
                      {"captum",
                       "samples=25:nearness=picture:penalty=lasso:alpha=0.01:off=zero:reduction=signed:"
                       "score=logit"}},
          .deviates =
              "SLIC superpixels unless a preset says otherwise; the first version shows all, which "
              "Captum leaves to chance. settle= stops when the weights stand still."};
}

ExplainerRow kernel_shap_row() {
  return {.name = "kernelshap",
          .formula =
              "least squares of the score on random sets of superpixels; sets of k of K drawn in "
              "proportion to 1 / (k (K - k)), all and none with weight 1e6",
          .paper = "Lundberg & Lee 2017 (1705.07874)",
          .needs = "forward passes; superpixels",
          .cost = "samples",
          .settings = of_pieces({samples_setting(), settle_setting()}),
          .defaults = "samples=1000:reduction=positive",
          .work = per_sample,
          .run = kernel_shap,
          .presets = {{"captum", "samples=25:off=zero:reduction=signed:score=logit"}}};
}

std::vector<ExplainerRow> ablation_rows() {
  return {
      {.name = "ablation",
       .formula = "s(x) - s(x without the superpixel)",
       .paper = "Zeiler & Fergus 2013 (1311.2901), for superpixels",
       .needs = "forward passes; superpixels",
       .cost = "1 + superpixels",
       .settings = of_pieces({}),
       .defaults = "reduction=positive",
       .run = feature_ablation,
       .presets = {{"captum", "off=zero:reduction=signed:score=logit"}}},
      {.name = "permutation",
       .formula = "s(x) - mean of s(x, the superpixel showing what stands elsewhere in the picture)",
       .paper = "Fisher 2019 (1801.01489), for superpixels",
       .needs = "forward passes; superpixels",
       .cost = "1 + samples x superpixels",
       .settings = of_pieces({samples_setting()}),
       .defaults = "samples=1:reduction=positive",
       .run = feature_permutation,
       .deviates = "Captum shows what stands in other pictures of the batch; maps would depend on it."},
      {.name = "shapley",
       .formula = "mean over random orders of what the superpixel adds to the score when it is switched on",
       .paper = "Castro 2009 (Computers & Operations Research 36)",
       .needs = "forward passes; superpixels",
       .cost = "2 + samples x (superpixels - 1)",
       .settings = of_pieces({samples_setting()}),
       .defaults = "samples=25:reduction=positive",
       .run = shapley_sampling,
       .presets = {{"captum", "samples=25:off=zero:reduction=signed:score=logit"}}}};
}

std::vector<ExplainerRow> prior_rows() {
  const char* const descriptors =
      "Superpixels are described by early features of the classifier itself: the library's network and its "
      "clusters are a file that is not published with it.";
  return {
      {.name = "normlime",
       .formula =
           "mean of w^2 / |w|_1 over superpixels that look alike, w the weights of LIME in the pictures "
           "that a prior was learnt from; without a prior in this picture",
       .paper = "Ahern 2019 (1909.04200)",
       .needs = "forward passes; superpixels; a file of `clearcut explain-prior`, or samples",
       .cost = "1 with a prior, 2 + samples without",
       .settings = of_pieces({samples_setting(), prior_setting(),
                              number_setting("clusters", &ExplainOptions::clusters, 1), layer_setting()}),
       .defaults = "samples=1000:reduction=positive",
       .run = norm_lime,
       .deviates = descriptors},
      {.name = "glime",
       .formula = "LIME of columns of length 1 with its weights pulled towards a prior: "
                  "(X'X + pull I)^-1 (X'y + pull w0)",
       .paper = "Li 2023 (Artificial Intelligence 314)",
       .needs = "forward passes; superpixels; a file of `clearcut explain-prior`, or none: then towards 0",
       .cost = "samples, 1 more with a prior",
       .settings = of_pieces({samples_setting(), settle_setting(), prior_setting(),
                              number_setting("pull", &ExplainOptions::pull, 1e-9)}),
       .defaults = "samples=1000:reduction=positive",
       .work = per_sample,
       .run = g_lime,
       .deviates = descriptors}};
}

std::vector<ExplainerRow> feature_map_rows() {
  static const Words<bool> weights = {{"softmax", true}, {"raw", false}};
  return {
      {.name = "scorecam",
       .formula = "M = relu(sum of w_k A_k), w = softmax over k of s(x times A_k brought to [0, 1])",
       .paper = "Wang 2019 (1910.01279)",
       .needs = "forward passes; feature maps",
       .cost = "1 + feature maps",
       .settings = {layer_setting(), relu_setting(),
                    word_setting("weights", &ExplainOptions::softmax, weights),
                    word_setting("corners", &ExplainOptions::corners, kSwitch), scales_setting(),
                    flip_setting(), score_setting()},
       .defaults = "score=logit",
       .run = score_cam,
       .presets = {{"grad-cam", "weights=softmax:corners=1:relu=1:score=logit"},
                   {"interpretdl", "weights=raw:corners=0:relu=0:score=probability"}},
       .deviates = "A constant feature map hides the picture; InterpretDL divides by zero there."},
      {.name = "ablationcam",
       .formula = "M = relu(sum of w_k A_k), w_k = (s - s with A_k = 0) / s",
       .paper = "Desai & Ramaswamy 2020 (WACV)",
       .needs = "forward passes; feature maps",
       .cost = "1 + feature maps; of the layers behind them alone where no branch goes around them",
       .settings = {layer_setting(), relu_setting(), scales_setting(), flip_setting(), score_setting()},
       .defaults = "score=logit",
       .run = ablation_cam,
       .deviates = "pytorch-grad-cam sets maps far below their minimum where the smallest value is not 0."}};
}

ExplainerRow extremal_row() {
  return {.name = "extremal",
          .formula =
              "the smooth mask of a given area under which the picture, blurred elsewhere, has the highest "
              "score; by gradient descent on -s + lambda |sorted m - r|^2",
          .paper = "Fong 2019 (1910.08485)",
          .needs = "gradients of the input",
          .cost = "3 x iterations",
          .settings = {number_setting("area", &ExplainOptions::area, 1e-6),
                       number_setting("iterations", &ExplainOptions::iterations, 1), score_setting()},
          .defaults = "score=logit",
          .work =
              [](const ExplainOptions& o) {
                return ExplainerWork{2.0 * o.iterations, o.iterations};
              },
          .run = extremal_perturbation,
          .deviates =
              "As TorchRay: the area counts a margin of 21 pixels around the picture too. Equal values "
              "of the mask are ranked by place."};
}

}  // namespace

ExplainerFamily perturbation_explainers() {
  ExplainerFamily family{.title = "Perturbations",
                         .about =
                             "What the score loses when parts of the picture are hidden. Superpixels are "
                             "those of `superpixels=`, or with `grid=` "
                             "the cells of a grid with so many per side; one that is hidden shows its mean "
                             "colour or 0 (`off=`).",
                         .rows = {occlusion_row(), rise_row(), lime_row(), kernel_shap_row()}};
  for (const auto& rows : {ablation_rows(), prior_rows(), feature_map_rows()})
    family.rows.insert(family.rows.end(), rows.begin(), rows.end());
  family.rows.push_back(extremal_row());
  return family;
}

}  // namespace clearcut
