#include "data/sampler.h"

#include <set>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace clearcut {

std::vector<std::int64_t> balanced_order(const Dataset& data, std::uint64_t seed, std::uint32_t epoch) {
  std::vector<std::vector<std::int64_t>> of_class(data.class_names.size());
  for (std::size_t i = 0; i < data.items.size(); ++i)
    for (const int c : data.items[i].classes)
      of_class.at(static_cast<std::size_t>(c)).push_back(static_cast<std::int64_t>(i));
  std::erase_if(of_class, [](const auto& items) { return items.empty(); });
  check(!of_class.empty(), "sampler", "no item of ", data.root, " has classes to balance");
  std::vector<std::int64_t> order;
  for (std::size_t k = 0; k < data.items.size(); ++k) {
    const RandomStream stream(seed, "balanced order", k, epoch);
    const auto& items =
        of_class[static_cast<std::size_t>(stream.below(0, static_cast<std::int64_t>(of_class.size())))];
    order.push_back(
        items[static_cast<std::size_t>(stream.below(1, static_cast<std::int64_t>(items.size())))]);
  }
  return order;
}

void take_classes_from_masks(Dataset& data) {
  if (data.masks == MaskFormat::kNone) return;
  const auto classes = static_cast<int>(data.class_names.size());
  parallel_for(static_cast<std::int64_t>(data.items.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      Item& item = data.items[static_cast<std::size_t>(i)];
      if (!item.classes.empty() || item.mask.empty()) continue;
      std::set<std::int32_t> found;
      try {
        for (const std::int32_t y : read_mask(data, item).values<std::int32_t>())
          if (y >= 0 && y < classes && y != data.ignore && y != data.background) found.insert(y);
      } catch (const Error&) {
        continue;
      }
      item.classes.assign(found.begin(), found.end());
    }
  });
}

}  // namespace clearcut
