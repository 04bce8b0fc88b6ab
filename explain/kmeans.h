// K-means clusters.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace clearcut {

/// Centres of `clusters` groups of points [n, D] (float32): float64 [Q, D], Q <= clusters; fewer where there
/// are fewer distinct points.
///
/// The first centre is a random point, each next one a point drawn in proportion to its squared distance from
/// the nearest centre so far (RandomStream(seed, "kmeans"), number q for centre q); then Lloyd's rounds, at
/// most 100, until no point changes sides. Distances in double; of equally near centres the first counts.
/// Throws Error unless n, D and clusters are >= 1. Cost n D Q per round.
/// Sources: Lloyd 1982 (IEEE Information Theory 28), Arthur & Vassilvitskii 2007 (SODA).
Tensor k_means(const Tensor& points, std::int64_t clusters, std::uint64_t seed);

/// The centre nearest to a point [D]; squared_distance, if asked for, becomes that to it.
std::int64_t nearest_centre(const float* point, const Tensor& centres, double* squared_distance = nullptr);

}  // namespace clearcut
