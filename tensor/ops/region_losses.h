// Losses of whole regions, from class probabilities: Dice, Lovasz-Softmax.
#pragma once

#include <optional>
#include <vector>

#include "tensor/views.h"

namespace clearcut::ops {

/// A loss, and what its backward pass needs.
struct RegionLoss {
  Tensor loss;                      // a scalar
  Tensor labels;                    // int32 [N, H, W]; -1 where a pixel does not count
  std::vector<double> same, other;  // dice: dloss/dp[c] where y = c, and elsewhere
  Tensor gradient;                  // lovasz: dloss/dp
};

/// Dice loss, the mean over all C classes of
///
///   1 - (2 I_c + smooth) / (P_c + Y_c + smooth),   I_c = sum of p[c] where y = c,   P_c = sum of p[c],
///   Y_c = number of pixels with y = c
///
/// over the pixels of the batch whose label is not `ignore`.
///
/// p       [N, C, H, W], probabilities in [0, 1], float32 or float64
/// labels  [N, H, W], int32 or int64
///
/// Throws Error on other shapes and on labels that are no classes. Sums run in double.
/// Source: Milletari et al., "V-Net", arXiv:1606.04797; sums of p, not of p^2, and smooth = 1 as in
/// PaddleSeg's DiceLoss (behaviour).
RegionLoss dice_loss(const Tensor& p, const Tensor& labels, std::optional<std::int64_t> ignore,
                     double smooth = 1);
Tensor dice_loss_backward(const Tensor& dloss, const Tensor& p, const RegionLoss& forward);

/// Lovasz-Softmax: the mean over the classes that the labels have of
///
///   sum over i of e_(i) * (J_i - J_(i-1)),   J_i = 1 - (Y - F_i) / (Y + i - F_i)
///
/// e = 1 - p[c] where y = c, else p[c]; e_(1) >= e_(2) >= ... (equal ones in the order of their pixels); F_i
/// of the first i pixels and Y of all have y = c; J_0 = 0. The pixels are those of the batch that count. 0 if
/// there are none.
///
/// p and labels as above. Errors in the type of p, all else in double. Cost: one sort of all pixels per
/// class. Source: Berman et al., "The Lovasz-Softmax loss", CVPR 2018, arXiv:1705.08790, with classes =
/// present and per_image = false.
RegionLoss lovasz_softmax(const Tensor& p, const Tensor& labels, std::optional<std::int64_t> ignore);
Tensor lovasz_softmax_backward(const Tensor& dloss, const RegionLoss& forward);

/// How far pixels are from the region of a class, negative inside: with d the Euclidean distance between
/// pixel centres,
///
///   phi[n, c, y, x] = d to the nearest pixel of class c, outside of it;  1 - d to the nearest pixel that is
///   not of class c, inside of it;  0 everywhere if the picture has no pixel of the class, or no other
///
/// labels   [N, H, W], int32 or int64, on the host
/// returns  [N, C, H, W], float64
///
/// A label outside [0, C), as the ignore index, belongs to no class. Exact: Felzenszwalb, Huttenlocher,
/// "Distance transforms of sampled functions", 2012. Source: Kervadec et al., "Boundary loss for highly
/// unbalanced segmentation", MIDL 2019, arXiv:1812.07032, whose loss is the mean of p * phi.
Tensor signed_distances(const Tensor& labels, std::int64_t classes);

}  // namespace clearcut::ops

namespace clearcut::kernels {

/// I_c, P_c and Y_c of all classes, in this order.
template <class T>
std::vector<double> region_sums(Reference, Nchw<const T> p, const std::int32_t* labels);
template <class T>
std::vector<double> region_sums(Cuda, Nchw<const T> p, const std::int32_t* labels);
/// dp[c] = same[c] where y = c, other[c] where it is another class, 0 where the pixel does not count.
template <class T>
void region_gradient(Reference, const std::int32_t* labels, const std::vector<double>& same,
                     const std::vector<double>& other, Nchw<T> dp);
template <class T>
void region_gradient(Cuda, const std::int32_t* labels, const std::vector<double>& same,
                     const std::vector<double>& other, Nchw<T> dp);

/// The sum over classes c with Y[c] > 0 of the formula above, and its gradient. Y: pixels per class.
template <class T>
double lovasz(Reference, Nchw<const T> p, const std::int32_t* labels, const std::vector<std::int64_t>& Y,
              Nchw<T> dp);
template <class T>
double lovasz(Cuda, Nchw<const T> p, const std::int32_t* labels, const std::vector<std::int64_t>& Y,
              Nchw<T> dp);

}  // namespace clearcut::kernels
