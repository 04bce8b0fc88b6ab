// Parts of a data set that do not change when items are added or reordered.
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace clearcut {

struct HoldOutOptions {
  std::uint64_t seed = 0;
  double val = 0.1, test = 0;  // shares, together less than 1
  bool whole_folders = false;  // pictures of one folder (a film, a patient, a city) stay together
};

enum class Part { kTrain, kVal, kTest };

/// The part of each item. Its random number is keyed by (seed, item id), or by the name of the folder: at
/// most `val` is val, at most val + test is test. So the shares hold on average, the same items come out for
/// any order, and an item keeps its part when others are added. Val has at least the item with the lowest
/// number. Throws Error if a part that was asked for stays empty.
std::vector<Part> hold_out(const Dataset& data, const HoldOutOptions& options);

}  // namespace clearcut
