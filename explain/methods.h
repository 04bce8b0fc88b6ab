// The single explainers; explain() and explain_all() in explain/explainer.h runs them.
#pragma once

#include <vector>

#include "explain/explainer.h"
#include "explain/passes.h"

namespace clearcut {

/// The plain forward pass: probability and top1 of every picture, and the maps of those entries of `options`
/// that are cam, or a rule of explain/cam_rules.h. With features A [K, h, w] of the tap
///
///   cam   M = ReLU(sum over k of W_k A_k),  W = sum over c in the target of softmax_c W_{c,:}
///
/// Where a network pads its class maps (CamWeights::margin), the margin is cut off.
void plain_pass(Passes& passes, const ExplainInput& input, const std::vector<ExplainOptions>& options,
                Explanations& result);

/// An explainer that makes passes of its own. maps are [N, H, W].
using Method = Explanation(Passes& passes, const ExplainInput& input, const ExplainOptions& options);

/// G = ds/dx (Simonyan 2013, 1312.6034), and G = x ds/dx (Shrikumar 2016, 1605.01713).
Method saliency, grad_x_input;

/// With g_i = ds/dx at x + e_i,  e_i ~ N(0, (noise (max x - min x))^2),  i = 1 .. n:
///
///   smoothgrad      G = mean g_i
///   smoothgrad_sq   G = mean g_i^2
///   vargrad         G = mean g_i^2 - (mean g_i)^2
///
/// The noise of copy i of picture k is RandomStream(seed, "smoothgrad", items[k], i) for all three. With
/// noise 0 the plain gradient comes out, its square, and nothing.
Method smooth_grad, smooth_grad_squared, var_grad;

/// G = mean over i of (x_i - x') ds/dx at x' + a_i (x_i - x'),  x_i = x + e_i as above from "gradshap",  a_i
/// the first uniform number of RandomStream(seed, "gradshap point", items[k], i). Lundberg & Lee 2017
/// (1705.07874); x' is one start instead of a set of them, as in InterpretDL.
Method gradient_shap;

/// G = (x - x') sum over i of weight_i ds/dx at x' + a_i (x - x').  maps [N, H, W].
Method integrated_gradients;

/// Grad-CAM of s = sum over rivals j of q_j (z_t - alpha z_j), the rivals being the classes whose logits are
/// nearest to the target's z_t, q the softmax of their logits.  Zhang 2025 (2501.11309), weights as in
/// pytorch-grad-cam.
Method finer_cam;

/// Grad-CAM with w_k = mean of g_k - 1/2 (H A)_k, H the Hessian of s with respect to A. H A is the central
/// difference of g at A (1 + 1/128) and A (1 - 1/128): three passes.  Cai 2025 (2501.06261).
Method shapley_cam;

/// G by walks over the tape (explain/walk.h). A ReLU (or ReLU6) passes on of what arrives, g:
///
///   guided      g where g > 0 and its input is > 0    Springenberg 2014 (1412.6806)
///   deconvnet   g where g > 0                         Zeiler & Fergus 2013 (1311.2901)
///
/// and everything else its gradient. guided_gradcam: guided times Grad-CAM of the tap, brought to the
/// picture's size by nearest neighbours (Selvaraju 2016, 1610.02391).
Method guided_backprop, deconvnet, guided_grad_cam;

/// G = (x - x') m, the multipliers m passed back by the rescale rule: a function of one number passes on
/// m (y - y') / (x - x'). Shrikumar 2017 (1704.02685). deep_lift_shap: mean over x' = 0, the blurred picture
/// and its mean colour, for the set of starts of Lundberg & Lee 2017 (1705.07874).
Method deep_lift, deep_lift_shap;

/// Relevance of the pixels, from z at the logits of the target; see explain/walk_relevance.h.
Method lrp;

/// Probabilities of the winners at a tap, and those of the class less those of its opposite: the rule
/// `positive` of explain/walk_relevance.h from 1 at the class. maps [N, h, w] of the tap. Zhang 2016
/// (1608.00507).
Method excitation_backprop, contrastive_excitation;

/// psi(x ds/dx) + sum over layers of psi(b ds/dy), see explain/walk_fullgrad.h; psi(v): |v| stretched to [0,
/// 1] over all channels of the picture, enlarged bilinearly (corners on corners), summed over channels.
/// simple: ds/dy for b ds/dy; smooth: mean over noisy copies as of smoothgrad. Srinivas & Fleuret 2019
/// (1905.00780).
Method full_grad, simple_full_grad, smooth_full_grad;

/// Maps of a tap's values A, sums over channels:
///
///   linear        A ds/dA
///   conductance   integral of ds/dA dA along x' + a (x - x'), in steps between steps + 1 points
///   layerig       (A - A') integral of ds/dA along A' + a (A - A'): integrated gradients of the layer
Method linear_approximation, layer_conductance, layer_integrated_gradients;

/// The settings with their defaults filled in.
bool explains_probability(const ExplainOptions& options, const Target& target);
int samples_of(const ExplainOptions& options);
Reduction reduction_of(const ExplainOptions& options);
/// By their words; throws Error that lists them.
Reduction reduction_from(const std::string& word);
bool is_probability(const std::string& word);
/// One value per pixel from G [C, n] (double): see Reduction.
void reduce_channels(const double* g, std::int64_t channels, std::int64_t n, Reduction reduction, float* map);

/// Room for maps and squares of the size of the pictures.
Explanation pixel_maps(const ExplainInput& input);
/// Writes both for picture k from its G [3 H W].
void write_maps(const std::vector<double>& g, std::int64_t k, const ExplainOptions& options,
                Explanation& result);

/// x' of one picture x [3, H, W], float32.
Tensor baseline_of(const Tensor& x, PathStart baseline);

/// Points in [0, 1] and weights that sum to 1.
struct PathPoints {
  std::vector<double> at, weight;
};
PathPoints path_points(PathRule rule, int steps);
/// slot = from + a d in double, rounded once. from and slot float32, d float64 or float32, of one shape on
/// one device.
void write_path_point(const Tensor& from, double a, const Tensor& d, const Tensor& slot);

}  // namespace clearcut
