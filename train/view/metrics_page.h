// What a training run measured, as a page.
#pragma once

#include <string>

namespace clearcut {

/// HTML of the curves in FOLDER/metrics.jsonl (loss, rate and pictures per second over steps, the score of
/// each evaluation) and of the last evaluation's numbers, class by class. A run that is still going on may be
/// looked at: with `reload` > 0 a browser loads the page again after so many seconds. Throws Error if the
/// file is damaged.
std::string metrics_page(const std::string& folder, int reload = 0);

/// Loss and score over steps as one SVG file.
std::string metrics_curves(const std::string& folder);

}  // namespace clearcut
