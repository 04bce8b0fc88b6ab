// In which order a loader takes items.
#pragma once

#include "data/dataset.h"

namespace clearcut {

/// As many draws as there are items, with replacement: a class that the data set has, each with equal chance,
/// then one of its items (an item of several classes stands with each). Draw k of an epoch is keyed by (seed,
/// k, epoch). Throws Error if no item has classes.
std::vector<std::int64_t> balanced_order(const Dataset& data, std::uint64_t seed, std::uint32_t epoch);

/// Gives items without image labels those of their masks: every class but the background. Each mask is read
/// once; one that cannot be read gives none (the loader will say why).
void take_classes_from_masks(Dataset& data);

}  // namespace clearcut
