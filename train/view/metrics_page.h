// What a training run measured, as a page.
#pragma once

#include <string>

namespace clearcut {

/// HTML of the curves in FOLDER/metrics.jsonl (loss, rate and pictures per second over steps, the score of
/// each evaluation) and of the last evaluation's numbers, class by class. A run that is still going on may be
/// looked at. Throws Error if the file is damaged.
std::string metrics_page(const std::string& folder);

}  // namespace clearcut
