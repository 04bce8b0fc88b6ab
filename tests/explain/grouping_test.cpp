#include "explain/grouping.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/errors.h"
#include "tests/explain/golden_file.h"

namespace clearcut {
namespace {

// tests/golden/explain/grouping.py: the formulas in NumPy, all pairs compared anew at each step.
Tensor golden(const std::string& name) { return test::explain_golden("grouping", name); }

TEST(Grouping, IsThatOfTheFormulas) {
  for (const std::string space : {"rgb", "lab"}) {
    const Grouping grouping =
        group_regions(golden("picture"), golden("superpixels"), {.lab = space == "lab"});
    const auto parts = golden(space + ".parts").values<std::int32_t>();
    const auto boxes = golden(space + ".boxes").values<std::int32_t>();
    const auto similarity = golden(space + ".similarity").values<double>();
    const std::size_t K = similarity.size() + 1;
    ASSERT_EQ(grouping.regions.size(), 2 * K - 1);
    for (std::size_t i = 0; i < grouping.regions.size(); ++i) {
      const Region& region = grouping.regions[i];
      EXPECT_EQ(region.box, (PixelBox{boxes[4 * i], boxes[4 * i + 1], boxes[4 * i + 2], boxes[4 * i + 3]}))
          << i;
      if (i < K) continue;
      EXPECT_EQ(region.first, parts[2 * (i - K)]) << space << " " << i;
      EXPECT_EQ(region.second, parts[2 * (i - K) + 1]) << space << " " << i;
      EXPECT_NEAR(region.similarity, similarity[i - K], 1e-9) << space << " " << i;  // sums of 315 bins
    }
  }
}

TEST(Grouping, MasksAreThoseOfTheParts) {
  const Grouping grouping = group_regions(golden("picture"), golden("superpixels"));
  const int last = static_cast<int>(grouping.regions.size()) - 1;
  for (int k = 0; k <= last; ++k) {
    const auto mask = region_mask(grouping, k).values<std::uint8_t>();
    EXPECT_EQ(std::count(mask.begin(), mask.end(), 1), grouping.regions[static_cast<std::size_t>(k)].size);
  }
  EXPECT_EQ(grouping.regions.back().size, grouping.superpixels.numel());
  expect_error([&] { region_mask(grouping, last + 1); }, "there are 35 regions; got 35");
}

TEST(Grouping, BoxesComeOnceAndTheWholePictureFirst) {
  const Grouping grouping = group_regions(golden("picture"), golden("superpixels"));
  const std::vector<PixelBox> boxes = proposal_boxes(grouping);
  EXPECT_EQ(boxes.front(), (PixelBox{0, 0, 30, 36}));
  for (std::size_t i = 0; i < boxes.size(); ++i)
    EXPECT_EQ(std::count(boxes.begin(), boxes.end(), boxes[i]), 1) << i;
  for (const Region& region : grouping.regions)
    EXPECT_EQ(std::count(boxes.begin(), boxes.end(), region.box), 1);
}

// Two grey squares of one pixel each: equal histograms, sizes and a full box by hand.
TEST(Grouping, SimilarityByHand) {
  const Tensor picture = Tensor::full({1, 2, 3}, 90, DType::kUInt8);
  const Tensor two = Tensor::from<std::int32_t>({1, 2}, {0, 1});
  EXPECT_NEAR(group_regions(picture, two).regions.back().similarity, 1 + 1 + 0 + 1, 1e-12);
  EXPECT_NEAR(group_regions(picture, two, {.colour = 0, .texture = 0.5, .size = 3, .fill = 0.25})
                  .regions.back()
                  .similarity,
              0.5 + 0.25, 1e-12);
}

}  // namespace
}  // namespace clearcut
