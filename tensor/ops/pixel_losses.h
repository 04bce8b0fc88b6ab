// Which pixels a cross-entropy looks at: the hard ones (OHEM), or all of them, the easy ones less (focal).
#pragma once

#include "tensor/ops/resize.h"
#include "tensor/views.h"

namespace clearcut::ops {

/// Online hard example mining. p = exp(-l) is the probability of a pixel's own class. Of the pixels that
/// count those with p <= threshold are kept, and at least the min_kept hardest (with those that tie).
/// Source: Shrivastava et al., arXiv:1604.03540; thresholds as in PaddleSeg's OhemCrossEntropyLoss
/// (behaviour).
struct HardPixels {
  double threshold = 0.7;
  std::int64_t min_kept = 10'000;  // of the batch
};

/// The smallest loss that is kept. losses: -1 where a pixel does not count.
double hardest_bound(const Tensor& losses, const HardPixels& rule);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// losses[p] = log_sum_exp[p] - z[y_p, p], at least 0; -1 where labels[p] < 0. rows and cols interpolate the
/// logits z [N, C, h, w] to the pixels; z is read at the label's class alone.
template <class T>
void pixel_losses(Reference, Nchw<const T> z, const Taps& rows, const Taps& cols, const std::int32_t* labels,
                  Flat<const T> log_sum_exp, Flat<T> losses);
template <class T>
void pixel_losses(Cuda, Nchw<const T> z, const Taps& rows, const Taps& cols, const std::int32_t* labels,
                  Flat<const T> log_sum_exp, Flat<T> losses);

struct FocusRule {
  double bound = 0;  // pixels of smaller loss do not count
  double gamma = 0;  // of the focal loss
};
struct FocusedSums {
  double loss = 0, weight = 0;
};
/// With q_p the weight of pixel p, 0 where l_p < bound: returns the sums of q_p (1 - p)^gamma l_p and of q_p,
/// and replaces q_p by the factor that the gradient of cross-entropy gets at that pixel:
///
///   q_p ((1 - p)^gamma + gamma p (1 - p)^(gamma - 1) l_p),   p = exp(-l_p)
///
/// since d/dz of (1 - p)^gamma l is that times (softmax(z) - [k = y]).
/// Source: Lin et al., "Focal loss for dense object detection", arXiv:1708.02002.
template <class T>
FocusedSums focus(Reference, Flat<const T> losses, const FocusRule& rule, T* weights);
template <class T>
FocusedSums focus(Cuda, Flat<const T> losses, const FocusRule& rule, T* weights);

}  // namespace clearcut::kernels
