// Whether a map points at the object of the true mask. Rows: localisation_measures().
#pragma once

#include "tensor/tensor.h"

namespace clearcut {

/// Area under precision over recall by steps: the sum over thresholds t, falling, of (R_t - R_before) P_t.
/// Equal values count together. map float32 and inside uint8 (1 on the object, 255 does not count) of one
/// size. NaN if nothing is inside. As in scikit-learn's average_precision_score.
double average_precision(const Tensor& map, const Tensor& inside);

/// Mean of the IoU of the object and of the background, where {map >= threshold max map} is called object;
/// everything is background if the maximum is not positive. Pixels with 255 count nowhere, not as the
/// maximum either. NaN if nothing is inside.
double mask_iou(const Tensor& map, const Tensor& inside, double threshold);

}  // namespace clearcut
