// What score_members(), score_kept() and the rows of a report share.
#pragma once

#include <array>
#include <map>

#include "explain/member_scores.h"

namespace clearcut {

/// Sums for the mean over classes of means over questions. An agreement that is not known (NaN) is left out.
struct ClassMeans {
  // pointing, energy, f1, auc, agreement, number, number with an agreement
  std::map<int, std::array<double, 7>> sums;
  void add(int label, const Localisation& l, double agreement);
  LocalisationMeans means() const;  // agreement NaN where no class has one
};

/// uint8: 1 where the truth is `label`, 255 where it is ignored.
Tensor object_of(const Tensor& truth, int label, int ignore);

/// A map float32 [h, w] at H x W, bilinear.
Tensor enlarged(const Tensor& map, std::int64_t H, std::int64_t W);

}  // namespace clearcut
