// The CAM family: from the feature maps A of a tap, and mostly the gradient g of the score with respect to
// them, to one map of their size. All of it comes from one pass. Sums and means run over the positions i,
// S_k = sum of A_k; ReLU comes after the rule, if at all.
//
//   gradcam      sum over k of w_k A_k,  w_k = mean g_k                        Selvaraju 2017 (1610.02391)
//   gradcampp    w_k = sum a relu(g_k),  a = g^2 / (2 g^2 + S_k g^3 + 1e-6), 0 where g = 0
//                                                                              Chattopadhay 2018 (1710.11063)
//   xgradcam     w_k = sum g_k A_k / (S_k + 1e-7)                              Fu 2020 (2008.02312)
//   layercam     sum over k of relu(g_k) A_k, each position for itself         Jiang 2021 (TIP 30)
//   hirescam     sum over k of g_k A_k; without ReLU the linear approximation  Draelos 2020 (2011.08891)
//   elementwise  sum over k of relu(g_k A_k)                                   pytorch-grad-cam
//   eigencam     projection on the first right singular vector of A [positions, K], each channel less its
//                mean; the class plays no part                                 Muhammad 2020 (2008.00299)
//   eigengradcam, segeigencam   the same of g A and of |g| A                   pytorch-grad-cam
//   kpcacam      first kernel principal component of the centred A, kernel tanh(<a, b> / K + 1)
//                                                                              Karmani 2024 (2410.00267)
//   fem          w_k = share of positions with A_k > mean + 2 deviations       Fuad 2020 (IPTA)
//   refinecam    gradcam of several taps, the product of their maps             pytorch-grad-cam
//   randomcam    w_k uniform in [-1, 1): what a map looks like that knows nothing
//
// A principal component has no sign: that one is taken whose largest magnitude is positive.
#pragma once

#include <string>
#include <vector>

#include "tensor/random.h"

namespace clearcut {

/// The features of one picture.
struct CamInput {
  const float* A;  // [K, n]
  const float* g;  // [K, n], null unless the rule needs it
  std::int64_t K, n;
  RandomStream random;  // of this picture
};

/// Values at the n positions; sums in double.
using CamMap = std::vector<double>;

struct CamRule {
  const char* name;
  bool gradient;  // needs g
  CamMap (*map)(const CamInput&);
  bool product = false;  // of several taps: the product of their maps, not the mean
};

const std::vector<CamRule>& cam_rules();
/// Null if there is none of that name.
const CamRule* cam_rule(const std::string& name);

/// sum over k of weights[k] A_k.
CamMap weighted_sum(const CamInput& in, const std::vector<double>& weights);

}  // namespace clearcut
