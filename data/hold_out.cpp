#include "data/hold_out.h"

#include <algorithm>
#include <filesystem>

#include "tensor/error.h"
#include "tensor/random.h"

namespace clearcut {

namespace {

double draw(const Item& item, const HoldOutOptions& options) {
  const std::uint64_t key = options.whole_folders
                                ? hash_name(std::filesystem::path(item.name).parent_path().generic_string())
                                : item.id;
  return RandomStream(options.seed, "hold out", key).uniform(0);
}

}  // namespace

std::vector<Part> hold_out(const Dataset& data, const HoldOutOptions& options) {
  check(options.val > 0 && options.test >= 0 && options.val + options.test < 1, "split",
        "needs val > 0, test >= 0 and val + test < 1; got ", options.val, " and ", options.test);
  std::vector<double> draws;
  for (const Item& item : data.items) draws.push_back(draw(item, options));
  const double least = draws.empty() ? 1 : *std::min_element(draws.begin(), draws.end());
  const double val = std::max(options.val, least);
  std::vector<Part> parts;
  std::int64_t sizes[3] = {};
  for (const double u : draws) {
    parts.push_back(u <= val ? Part::kVal : u <= val + options.test ? Part::kTest : Part::kTrain);
    ++sizes[static_cast<int>(parts.back())];
  }
  check(sizes[0] > 0 && sizes[1] > 0 && (sizes[2] > 0 || options.test == 0), "split", "of ",
        data.items.size(), " pictures ", sizes[1], " would be held out for val and ", sizes[2],
        " for test; each part needs some: change `val` or give more ",
        options.whole_folders ? "folders" : "pictures");
  return parts;
}

}  // namespace clearcut
