// ROAD: remove pixels without leaving the shape of the hole behind. Rows: road_measures().
#pragma once

#include <vector>

#include "explain/measures/measure.h"

namespace clearcut {

/// (LeRF - MoRF) / 2 of ROAD, each the mean over `percentiles` q of p(x imputed) - p(x):
///   MoRF removes the pixels at or above the q-th percentile of the map,
///   LeRF those at or below its (100 - q)-th.
/// The noise of imputed pixels is N(0, noise^2) in normalised space, from RandomStream(seed, "road", item,
/// row); row = MoRF's percentiles in order, then LeRF's. parts: morf, lerf. Rong 2022 (2202.00449).
Verdict road(Trial& trial, const std::vector<double>& percentiles, double noise);

}  // namespace clearcut
