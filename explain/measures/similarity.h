// How alike two maps are.
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

/// Pearson's correlation of two maps of one size; 0 if one of them is constant.
double pearson(const Tensor& a, const Tensor& b);

/// Spearman's rank correlation: pearson() of the ranks, equal values sharing their mean rank. 0 if one of
/// them is constant.
double rank_correlation(const Tensor& a, const Tensor& b);

/// Structural similarity of two maps, each min-max scaled to [0, 1]: the mean over all 7 x 7 windows inside
/// of
///   (2 m_a m_b + 0.01^2) (2 cov + 0.03^2) / ((m_a^2 + m_b^2 + 0.01^2) (var_a + var_b + 0.03^2))
/// with sample variances (divided by 48). As scikit-image's structural_similarity with data_range 1. Throws
/// Error for maps below 7 x 7. Wang 2004 (IEEE TIP 13).
double structural_similarity(const Tensor& a, const Tensor& b);

}  // namespace clearcut
