#include "train/arms.h"

#include <gtest/gtest.h>

#include "tests/errors.h"
#include "tests/train/folder.h"
#include "train/evaluate.h"

namespace clearcut {
namespace {

/// A picture of 10 pixels of class 0 and 10 of class 1, `right` of each labelled so, the others swapped.
ConfusionMatrix picture(std::int64_t right) {
  ConfusionMatrix counts(2);
  for (const int c : {0, 1}) {
    counts.add_count(c, c, right);
    counts.add_count(c, 1 - c, 10 - right);
  }
  return counts;
}

class Arms : public testing::Test {
 protected:
  TrainedRun run(const std::string& variant, std::uint64_t seed, const std::vector<std::int64_t>& right) {
    Evaluation e(2);
    for (std::size_t i = 0; i < right.size(); ++i) {
      e.names.push_back(std::string(1, static_cast<char>('a' + i)));
      const ConfusionMatrix counts = picture(right[i]);
      e.pictures.push_back(tally_of(counts));
      e.total.add(counts);
    }
    e.scores = scores(e.total);
    const std::string folder = folder_ / (variant + std::to_string(seed));
    write_evaluation(folder, e, {"background", "thing"}, {});
    return {.variant = variant, .seed = seed, .folder = folder, .metric = "miou", .score = e.scores.miou};
  }
  test::Folder folder_;
};

TEST_F(Arms, CountsOfPicturesComeBack) {
  const auto counts = read_picture_counts(run("a", 1, {7, 10}).folder);
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].area[0].hit, 7);
  EXPECT_EQ(counts[0].area[1].predicted, 10);
  EXPECT_EQ(counts[1].area[1].hit, 10);
}

// IoU of either class is right / (20 - right). The seeds of `pssl` get 8 and 6 of 10 right on each picture,
// 14 of 20 together: 14 / 26. `random` gets 5 of 10: 5 / 15. All pictures are alike, so every resample says
// the same.
TEST_F(Arms, LastVariantAgainstTheOthersByHand) {
  const std::vector<TrainedRun> runs = {run("random", 1, {5, 5}), run("random", 2, {5, 5}),
                                        run("trunk", 1, {7, 7}), run("pssl", 1, {8, 8}),
                                        run("pssl", 2, {6, 6})};
  const std::vector<ArmDifference> differences = compare_arms(runs, 1);
  ASSERT_EQ(differences.size(), 2u);
  EXPECT_EQ(differences[0].arm, "pssl");
  EXPECT_EQ(differences[0].other, "random");
  EXPECT_NEAR(differences[0].miou.estimate, 14.0 / 26 - 5.0 / 15, 1e-12);
  EXPECT_NEAR(differences[0].miou.low, 14.0 / 26 - 5.0 / 15, 1e-12);
  EXPECT_NEAR(differences[1].miou.estimate, 0, 1e-12);  // 7 of 10 are 14 of 20
}

TEST_F(Arms, RunsOnDifferentPicturesAreNotCompared) {
  const std::vector<TrainedRun> runs = {run("random", 1, {5, 5}), run("pssl", 1, {8, 8, 8})};
  expect_error([&] { compare_arms(runs, 1); }, "3 and 2 pictures");
}

}  // namespace
}  // namespace clearcut
