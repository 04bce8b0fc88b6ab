// Explainers that change the picture and look what the score does. explain() and explain_all() in
// explain/explainer.h run them; docs/explainers.md lists their settings.
//
// All of them draw their random numbers from RandomStream(seed, purpose, items[n], version), make versions of
// the pictures only while they run, and give maps [N, H, W] unless said otherwise. s is the score of the
// target, x the picture as the network sees it; sums are double.
#pragma once

#include <cstdint>
#include <vector>

#include "explain/methods.h"
#include "explain/pieces.h"
#include "tensor/window.h"

namespace clearcut {

/// A map of  s(x) - s(x with a window covered)  at the pixels of the window, over windows of window x window
/// pixels, stride apart; the last ones of a row or column end at the border. Pixels get the mean over the
/// windows that cover them, or the sum. Covered pixels show options.baseline. A window larger than the
/// picture covers all of it. Throws Error if stride > window. Source: Zeiler & Fergus 2013 (1311.2901); sums
/// as in InterpretDL, means as in Captum.
Method occlusion;

/// S = 1 / (samples keep) sum over i of s(x M_i) M_i, with the masks of RiseMasks.
/// Source: Petsiuk 2018 (1806.07421).
Method rise;

/// M [H, W]: a grid of cells x cells bits, each 1 with probability keep, brought up bilinearly to (cells + 1)
/// ceil(H / cells) x (cells + 1) ceil(W / cells), of which a random H x W part is cut out: ops::soft_grid().
class RiseMasks {
 public:
  RiseMasks(std::int64_t H, std::int64_t W, std::int64_t cells, double keep);
  /// Mask i of a picture, from stream = RandomStream(seed, "rise", item, i): it begins at row
  /// stream.below(0, ceil(H / cells)) and column stream.below(1, ceil(W / cells)); bit j is 1 where
  /// stream.uniform(2 + j) < keep. Made on `device`, where the bits go.
  Tensor draw(std::uint64_t seed, std::uint64_t item, std::int64_t i, Device device = Device::kCpu) const;

 private:
  std::int64_t H_, W_, cells_;
  double keep_;
  Size2 cell_;
};

/// Linear models of s over the bits of pieces (explain/pieces.h), on `samples` versions of the picture; the
/// map shows the coefficients.
///
///   lime        version 0 shows all pieces, others each with probability 1/2. Weights by nearness:
///               bits     sqrt(exp(-d^2 / 0.25^2)),  d = 1 - sqrt(pieces on / K)      InterpretDL, lime
///               picture  exp(-d^2 / 2),  d = 1 - the cosine between x and its version    Captum
///               fitted with options.penalty and penalty_weight, see LeastSquares::fit
///   kernelshap  version 0 shows all pieces, 1 none, both with weight 1e6; others k pieces, k drawn with
///               probability in proportion to 1 / (k (K - k)), with weight 1
///
/// With settle > 0 the fit is looked at every 100 versions; when no coefficient has moved by more than settle
/// times the largest at two looks in a row, the picture is done. Explanation::samples says how many were run.
/// Sources: Ribeiro 2016 (1602.04938), Lundberg & Lee 2017 (1705.07874).
Method lime, kernel_shap;

/// The pieces of version i of picture n. Bit j of lime: the top bit of number j of
/// RandomStream(seed, "lime", items[n], i). kernelshap: k from the first uniform number of "kernelshap size",
/// the first k pieces of permutation(RandomStream(seed, "kernelshap", items[n], i), K).
Bits lime_bits(const ExplainInput& input, std::int64_t n, std::int64_t i, std::int64_t K);
Bits kernel_shap_bits(const ExplainInput& input, std::int64_t n, std::int64_t i, std::int64_t K);

/// Per piece s(x) - s(x without it); for permutation the piece shows what stands elsewhere in the picture,
/// moved around by a random number of rows and columns, and the mean over `samples` such moves is taken. (As
/// in Captum, but there pieces show what stands in other pictures of the batch: maps would depend on it.
/// Version 1 + k samples + m of picture n: numbers 0 and 1 of RandomStream(seed, "permutation", items[n],
/// version).)
Method feature_ablation, feature_permutation;

/// Per piece the mean of what it adds to the score, over `samples` random orders in which pieces are switched
/// on, beginning with none: the values add up to s(all) - s(none).
/// Source: Castro 2009 (Computers & Operations Research 36), Strumbelj & Kononenko 2010.
Method shapley_sampling;
/// Order p of picture n: permutation(RandomStream(seed, "shapley", items[n], p), K).
std::vector<std::int64_t> shapley_order(const ExplainInput& input, std::int64_t n, std::int64_t p,
                                        std::int64_t K);

/// Weights of pieces that many pictures have in common, explain/global_prior.h.
///
///   normlime  the map shows the weight that options.prior gives each piece; one pass. Without a prior the
///             picture itself is all that it is learnt from
///   glime     lime with its coefficients pulled towards that prior, see LeastSquares::fit_towards; without a
///             prior towards 0
///
/// Sources: Ahern 2019 (1909.04200), Li 2023 (Artificial Intelligence 314).
Method norm_lime, g_lime;

/// m [H, W] of the area options.area that makes s(x blurred by 1 - m) large (tensor/ops/smooth_mask.h and
/// blur_by.h): with parameters of the mask p = 1 at the beginning, `iterations` steps of
///
///   minimise  -s + lambda_t mean (sorted m - r)^2,  r = 0 for the lower 1 - area of the pixels, 1 for the
///   others
///
/// by gradient descent (rate 0.01, momentum and dampening 0.9, p kept in [0, 1]), lambda_t = 300 * 1.0035^t,
/// mask step 7 and sigma 21 pixels, the picture mirrored at every other step. Source: Fong, Patrick & Vedaldi
/// 2019 (1910.08485), as in TorchRay.
Method extremal_perturbation;

/// sum over k of w_k A_k, with the feature maps A [K, h, w] of a tap; maps [N, h, w], below 0 cut unless
/// relu=0. One pass per feature map.
///
///   scorecam     w = s(x * A_k brought to the size of x and to [0, 1]); softmax over k of that, unless
///                weights=raw. A constant A_k hides the picture.            Wang 2019 (1910.01279)
///   ablationcam  w = (s(x) - s(x with A_k = 0)) / s(x)                     Desai & Ramaswamy 2020 (WACV)
Method score_cam, ablation_cam;

}  // namespace clearcut
