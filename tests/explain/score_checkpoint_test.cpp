// Scoring that was interrupted: what was counted is not counted again, and the numbers are the same.
#include "explain/score_checkpoint.h"

#include <cmath>

#include "tensor/interrupt.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::Fuse;

class Interrupting : public Fuse {
 protected:
  void TearDown() override {
    set_interrupted(false);
    Fuse::TearDown();
  }
  MemberScoreOptions options() const {
    MemberScoreOptions options;
    options.thresholds = parse_thresholds("0:1:0.1");
    options.chunk = 1;
    options.checkpoint = root_ + "/sums/choose.npz";
    return options;
  }
  /// Scores all pictures, interrupted after `stop` of them (0: never). Says where it began.
  MemberScores score(MemberScoreOptions options, const std::vector<Choice>& choices, std::int64_t stop = 0,
                     const EnsembleOptions& words = {}) {
    first_ = 0;
    options.progress = [&](std::int64_t done, std::int64_t) {
      if (first_ == 0) first_ = done;
      if (done == stop) set_interrupted(true);
    };
    const Dataset set = data();
    Ensemble members = ensemble(set, words);
    return score_members(set, members, make_subsets(members, {"members", "all"}), options, choices);
  }
  static void expect_same(const MemberScores& a, const MemberScores& b) {
    EXPECT_EQ(a.scored, b.scored);
    ASSERT_EQ(a.failures.size(), b.failures.size());
    for (std::size_t s = 0; s < a.subsets.size(); ++s) {
      const SubsetScores &x = a.subsets[s], &y = b.subsets[s];
      for (std::size_t i = 0; i < x.sweeps.size(); ++i) EXPECT_EQ(x.sweeps[i].counts(), y.sweeps[i].counts());
      ASSERT_EQ(x.pictures.size(), y.pictures.size());
      for (std::size_t p = 0; p < x.pictures.size(); ++p)
        for (int truth = 0; truth < x.pictures[p].classes(); ++truth)
          for (int predicted = 0; predicted <= x.pictures[p].classes(); ++predicted)
            EXPECT_EQ(x.pictures[p].count(truth, predicted), y.pictures[p].count(truth, predicted));
      EXPECT_EQ(x.finding.auc, y.finding.auc);
      const double left = x.finding.agreement, right = y.finding.agreement;
      EXPECT_TRUE(left == right || (std::isnan(left) && std::isnan(right))) << left << " " << right;
    }
  }
  std::int64_t first_ = 0;
};

TEST_F(Interrupting, ScoringGoesOnWhereItStopped) {
  fs::resize_file(root_ + "/images/b.png", 30);  // one failure among the pictures
  MemberScoreOptions whole = options();
  whole.checkpoint.clear();
  const std::vector<Choice> none, choices(5, Choice{});
  for (const std::vector<Choice>& use : {none, choices}) {
    const MemberScores straight = score(whole, use);
    EXPECT_THROW(score(options(), use, 2), Interrupted);
    set_interrupted(false);
    expect_same(score(options(), use), straight);
    EXPECT_EQ(first_, 3);
    EXPECT_EQ(straight.failures.size(), 1U);
  }
}

// The sums of other pictures, members or thresholds are not taken for ours.
TEST_F(Interrupting, SumsOfAnotherQuestionAreLeftOut) {
  score(options(), {});
  score(options(), {});
  EXPECT_EQ(first_, 0) << "all was counted before: nothing was left to do";
  for (const EnsembleOptions& words :
       {EnsembleOptions{.explainers = {}, .seed = 7}, EnsembleOptions{.explainers = {}, .working_side = 8}}) {
    score(options(), {}, 0, words);
    EXPECT_EQ(first_, 1);
  }
  MemberScoreOptions other = options();
  other.thresholds = {0.5};
  score(other, {});
  EXPECT_EQ(first_, 1);
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\nb.png,green\n"));
  score(other, {});
  EXPECT_EQ(first_, 1);
}

TEST_F(Interrupting, SumsThatDoNotFitAreRefused) {
  const std::vector<Choice> choices(5, Choice{});
  score(options(), choices);
  NamedTensors arrays = read_npz(options().checkpoint);
  for (auto& [name, array] : arrays)
    if (name == "pictures0") array = Tensor::from<std::int64_t>({3}, {1, 2, 3});
  write_npz(options().checkpoint, arrays);
  expect_error([&] { score(options(), choices); }, "pictures0 has 3 numbers, but a picture has 12");
}

// Red: 0.5 and unknown; green: 0.1; blue: unknown twice.
TEST(ClassMeans, UnknownAgreementIsLeftOut) {
  const double unknown = std::nan("");
  ClassMeans means;
  EXPECT_TRUE(std::isnan(means.means().agreement));
  means.add(1, {.hit = true}, 0.5);
  means.add(1, {.hit = false}, unknown);
  means.add(2, {.hit = true}, 0.1);
  means.add(3, {.hit = true}, unknown);
  means.add(3, {.hit = true}, unknown);
  EXPECT_DOUBLE_EQ(means.means().pointing, (0.5 + 1 + 1) / 3);
  EXPECT_DOUBLE_EQ(means.means().agreement, (0.5 + 0.1) / 2);
}

}  // namespace
}  // namespace clearcut
