// Ensembles that are named by their parts.
#include "train/label_scores.h"

#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

using test::Fuse;

TEST_F(Fuse, SubsetsAreNamedByClassifiersOrExplainers) {
  const Dataset set = data();
  Ensemble members = ensemble(set);
  LabelScoring scoring;
  scoring.subsets = {"one+two", "two", "gradcam", "all"};
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  const LabelScores scored = score_labels(set, set, members, scoring);
  ASSERT_EQ(scored.rows.size(), 4u);
  EXPECT_EQ(scored.rows[0].name, "all/all");  // the words for kinds come first
  EXPECT_EQ(scored.rows[1].name, "one+two/all");
  EXPECT_EQ(scored.rows[1].score.classifiers, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(scored.rows[1].score.explainers, (std::vector<std::string>{"cam", "gradcam"}));
  EXPECT_EQ(scored.rows[2].score.classifiers, std::vector<std::string>{"two"});
  EXPECT_EQ(scored.rows[3].name, "all/gradcam");
  EXPECT_EQ(scored.rows[3].score.explainers, std::vector<std::string>{"gradcam"});
  for (const ScoredLabels& row : scored.rows) EXPECT_EQ(row.score.miou, 1) << row.name;
  scoring.subsets = {"one+three"};
  expect_error([&] { score_labels(set, set, members, scoring); }, "names 'three', which is not among them");
  scoring.subsets = {"one+cam"};
  expect_error([&] { score_labels(set, set, members, scoring); }, "name some of one kind");
}

}  // namespace
}  // namespace clearcut
