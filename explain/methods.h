// The single explainers; explain() and explain_all() in explain/explainer.h runs them.
#pragma once

#include <vector>

#include "explain/explainer.h"
#include "explain/passes.h"

namespace clearcut {

/// The plain forward pass: probability and top1 of every picture, and the maps of those entries of `options`
/// that are cam or gradcam. With features A [K, h, w] of the tap and Z = h w:
///
///   cam      M = ReLU(sum over k of W_k A_k),  W = sum over c in the target of softmax_c W_{c,:}
///   gradcam  M = ReLU(sum over k of w_k A_k),  w_k = 1/Z sum over i,j of ds/dA_k[i,j]
///
/// Where a network pads its class maps (CamWeights::margin), the margin is cut off.
void plain_pass(Passes& passes, const ExplainInput& input, const std::vector<ExplainOptions>& options,
                Explanations& result);

/// G = 1/n sum over i of ds/dx at x + e_i,  e_i ~ N(0, (noise (max x - min x))^2).  maps [N, H, W].
/// The noise of copy i of picture n: RandomStream(seed, "smoothgrad", items[n], i). With noise 0 the plain
/// gradient comes out.
Explanation smooth_grad(Passes& passes, const ExplainInput& input, const ExplainOptions& options);

/// G = (x - x') sum over i of weight_i ds/dx at x' + a_i (x - x').  maps [N, H, W].
Explanation integrated_gradients(Passes& passes, const ExplainInput& input, const ExplainOptions& options);

/// Spec of the authors' library: random superpixels off, weighted least squares on the scores.
///   d_i = 1 - sqrt(sum of bits_i / K),   weight pi_i = sqrt(exp(-d_i^2 / 0.25^2)),   first row all on
/// Bit j of row i: the top bit of number j of RandomStream(seed, "lime", items[n], i).
Explanation lime(Passes& passes, const ExplainInput& input, const ExplainOptions& options);

/// The settings with their defaults filled in.
bool explains_probability(const ExplainOptions& options, const Target& target);
int samples_of(const ExplainOptions& options);
Reduction reduction_of(const ExplainOptions& options);
/// One value per pixel from G [C, n] (double): see Reduction.
void reduce_channels(const double* g, std::int64_t channels, std::int64_t n, Reduction reduction, float* map);

/// x' of one picture x [3, H, W], float32.
Tensor baseline_of(const Tensor& x, PathStart baseline);

/// Points in [0, 1] and weights that sum to 1.
struct PathPoints {
  std::vector<double> at, weight;
};
PathPoints path_points(PathRule rule, int steps);

}  // namespace clearcut
