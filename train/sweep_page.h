// What `label sweep` tried and chose, as curves on a page and as a rule for `label fuse`.
#pragma once

#include <string>

#include "explain/unlabelled.h"
#include "train/label_scores.h"

namespace clearcut {

/// A rule and how it was found, for `label fuse --rule picked:FILE`:
///   {"rule", "fusion", "how" (one sentence)} and the numbers that it was chosen by.
JsonObject picked_rule(const UnlabelledChoice& choice, const UnlabelledOptions& options, const Fusion& fusion,
                       const std::string& pictures);
/// The same of the ensemble of all members (else the consensus maps that were kept, else the first row).
JsonObject picked_rule(const LabelScores& scores);

/// Agreement with its 95 % interval and share of foreground over thresholds, one pair of charts per measure.
void write_sweep_page(const std::string& path, const UnlabelledChoice& choice, const JsonObject& picked);
/// mIoU and precision over thresholds on the choosing pictures, one pair of charts per row, a curve per
/// fusion and measure; and the table of the scored pictures with its intervals.
void write_sweep_page(const std::string& path, const LabelScores& scores, const JsonObject& picked);

}  // namespace clearcut
