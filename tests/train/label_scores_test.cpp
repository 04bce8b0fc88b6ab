// Ensembles that are named by their parts.
#include "train/label_scores.h"

#include "data/picture.h"
#include "data/text_lines.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"
#include "train/sweep_page.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
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

// What `label sweep --maps` picks is for the fusion that made the maps, all of it, one member's too.
TEST_F(Fuse, RulesPickedOnKeptMapsNameTheWholeFusion) {
  FuseOptions options = by_value();
  options.keep_consensus = true;
  run("out", options);
  const Dataset set = data();
  LabelScoring scoring;
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  scoring.members.measures = {Measure::kValue};
  for (const char* classifiers : {R"([{"name": "one"}, {"name": "two"}])", R"([{"name": "one"}])"}) {
    write_file(root_ + "/out/job.json",
               cat(R"({"consensus": "rank", "wrong": "downweight", "weights": "agreement", "classifiers": )",
                   classifiers, R"(, "explainers": ["cam"]})"));
    const LabelScores scored = score_kept_labels(set, set, root_ + "/out", scoring);
    EXPECT_EQ(picked_rule(scored).text("fusion"), "rank:downweight:agreement") << classifiers;
    EXPECT_EQ(scored.rows[0].score.miou, 1);  // the maps are the squares of the masks
  }
}

// A good map does not help: baselines answer on the same pictures, and one of them is torn.
TEST_F(Fuse, ATornPictureIsAFailureOfItsKeptMapToo) {
  FuseOptions options = by_value();
  options.keep_consensus = true;
  run("out", options);
  write_file(
      root_ + "/out/job.json",
      std::string(R"({"consensus": "minmax", "wrong": "keep", "weights": "uniform", "explainers": ["cam"],
                             "classifiers": [{"name": "one"}]})"));
  const Dataset set = data();
  write_file(set.items[1].image, std::string("torn"));
  LabelScoring scoring;
  scoring.baselines = {"background", "box"};
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  scoring.members.measures = {Measure::kValue};
  const LabelScores scored = score_kept_labels(set, set, root_ + "/out", scoring);
  EXPECT_EQ(scored.pictures, std::ssize(set.items) - 1);
  ASSERT_EQ(scored.failures.size(), 1U);
  EXPECT_EQ(scored.failures[0].id, set.items[1].name);
  EXPECT_EQ(scored.rows.size(), 3U);
}

// With one explainer its ensemble is that of all members, and has their name; a member alone keeps its own.
TEST_F(Fuse, TheEnsembleOfAllMembersIsPickedAndLeads) {
  const Dataset set = data();
  EnsembleOptions options;
  options.explainers = {parse_explainer("cam")};
  Ensemble members = ensemble(set, options);
  LabelScoring scoring;
  scoring.subsets = {"members", "explainers", "all"};
  scoring.bootstrap = 10;
  scoring.members.thresholds = {0.5};
  const LabelScores scored = score_labels(set, set, members, scoring);
  ASSERT_EQ(scored.rows.size(), 3u);
  EXPECT_EQ(scored.rows[2].name, "all/all");
  EXPECT_EQ(scored.best_member, "one/cam");
  for (const ScoredLabels& row : scored.rows) EXPECT_EQ(row.lead.estimate, 0) << row.name;
  EXPECT_NE(picked_rule(scored).text("how").find("mIoU of all/all"), std::string::npos);
  std::vector<std::unique_ptr<Classifier>> nets;
  nets.push_back(test::colour_net("one"));
  Ensemble one(std::move(nets), options, set.class_names, {1, 2});
  const std::vector<Subset> alone = make_subsets(one, scoring.subsets);
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].name, "one/cam");
}

TEST_F(Fuse, RulesPickedForOneMemberNameItsShare) {
  const Dataset set = data();
  Ensemble members = ensemble(set, {.explainers = {}, .segment = true});
  LabelScoring scoring;
  scoring.subsets = {"members"};
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  scoring.members.measures = {Measure::kValue};
  for (const char* fusion : {"minmax", "percentile", "regions"}) {
    scoring.members.fusions = {parse_fusion(fusion)};
    const JsonObject picked = picked_rule(score_labels(set, set, members, scoring));
    EXPECT_EQ(picked.text("fusion"), fusion);
    EXPECT_EQ(picked.text("rule"), "value:0.5");
  }
}

// Kept maps were snapped, or not, when they were made; and their largest value is 1, so max: would be value:.
TEST_F(Fuse, KeptMapsSayHowTheyWereMade) {
  FuseOptions options = by_value();
  options.keep_consensus = true;
  run("out", options);
  const Dataset set = data();
  LabelScoring scoring;
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  scoring.members.measures = {Measure::kValue};
  for (const char* snap : {"", ":snap"}) {
    write_file(root_ + "/out/job.json",
               cat(R"({"consensus": "percentile", "wrong": "keep", "rule": "value:0.3)", snap,
                   R"(", "classifiers": [{"name": "one"}], "explainers": ["cam", "gradcam"]})"));
    const LabelScores scored = score_kept_labels(set, set, root_ + "/out", scoring);
    EXPECT_EQ(picked_rule(scored).text("rule"), cat("value:0.5", snap));
    EXPECT_NE(scored.curves.find("\nkept,percentile,value,0.5,"), std::string::npos) << scored.curves;
  }
  scoring.members.snap = true;
  expect_error([&] { score_kept_labels(set, set, root_ + "/out", scoring); }, "leave the snapping out");
  scoring.members.snap = false;
  scoring.members.measures = {Measure::kValue, Measure::kMax};
  expect_error([&] { score_kept_labels(set, set, root_ + "/out", scoring); }, "max is value there");
  scoring.fixed = {.fusion = {}, .measure = Measure::kMax, .threshold = 0.5};
  expect_error([&] { score_kept_labels(set, set, root_ + "/out", scoring); }, "max is value there");
}

TEST_F(Fuse, OneBadPictureStopsNoSweep) {
  fs::resize_file(root_ + "/images/b.png", 30);
  const Dataset set = data();
  Dataset good = set;
  std::erase_if(good.items, [](const Item& item) { return item.name == "b.png"; });
  Ensemble members = ensemble(set);
  LabelScoring scoring;
  scoring.subsets = {"all"};
  scoring.baselines = {"background", "box", "colour"};
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  for (const bool fixed : {false, true}) {  // nothing but baselines looks at `choose` then
    if (fixed) scoring.fixed = {.fusion = {}, .measure = Measure::kValue, .threshold = 0.5};
    const LabelScores scored = score_labels(set, good, members, scoring);
    EXPECT_EQ(scored.rows.size(), 4u);
    EXPECT_EQ(scored.pictures, 3);
    ASSERT_EQ(scored.failures.size(), 1u) << fixed;
    EXPECT_EQ(scored.failures[0].id, "b.png");
  }
  good.items.resize(1);
  Dataset bad = set;
  std::erase_if(bad.items, [](const Item& item) { return item.name != "b.png"; });
  expect_error([&] { score_labels(bad, good, members, scoring); }, "no picture to choose by");
}

// A picture of Pillow's that lies on its side in its file; the mask was made upright.
TEST_F(Fuse, BaselinesTurnPicturesAsMembersDo) {
  const auto file = find_array(read_npz("tests/golden/data/pictures.npz"), "file:exif6.jpg", "pictures.npz");
  const std::vector<std::uint8_t> bytes = file.values<std::uint8_t>();
  write_file(root_ + "/images/a.png", std::string(bytes.begin(), bytes.end()));
  const Tensor upright = read_picture(root_ + "/images/a.png", {.apply_exif = true});
  ASSERT_NE(upright.dim(0), upright.dim(1));
  write_label_png(root_ + "/masks/a.png", Tensor::full({upright.dim(0), upright.dim(1)}, 1, DType::kInt32));
  const Dataset set = data();
  Ensemble members = ensemble(set);
  LabelScoring scoring;
  scoring.subsets = {"all"};
  scoring.baselines = {"background", "box", "colour"};
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  scoring.members.picture = {.apply_exif = true};
  const LabelScores scored = score_labels(set, set, members, scoring);
  EXPECT_EQ(scored.rows.size(), 4u);
  EXPECT_EQ(scored.pictures, 4);
}

// One list chooses and is scored: a picture that fails in both fails once.
TEST_F(Fuse, FailuresAreCountedOnce) {
  fs::remove(root_ + "/images/b.png");
  const Dataset set = data();
  Ensemble members = ensemble(set);
  LabelScoring scoring;
  scoring.subsets = {"all"};
  scoring.bootstrap = 0;
  scoring.members.thresholds = {0.5};
  const LabelScores scored = score_labels(set, set, members, scoring);
  EXPECT_EQ(scored.pictures, 3);
  ASSERT_EQ(scored.failures.size(), 1u);
  EXPECT_EQ(scored.failures[0].stage, "read");
}

// Squares of 25 and 36 pixels are found in a, b and ab; the truth has none in b.
TEST_F(Fuse, CurvesHaveBandsAndForeground) {
  write_label_png(root_ + "/masks/b.png", test::truth(false, false));
  const Dataset set = data();
  Ensemble members = ensemble(set);
  LabelScoring scoring;
  scoring.subsets = {"all"};
  scoring.bootstrap = 100;
  scoring.members.measures = {Measure::kValue};
  scoring.members.thresholds = {0.5};
  const LabelScores scored = score_labels(set, set, members, scoring);
  const std::size_t second = scored.curves.find('\n') + 1;
  EXPECT_EQ(scored.curves.substr(0, second),
            "labels,fusion,measure,threshold,miou,low,high,precision,foreground\n");
  const std::vector<std::string> words =
      split_csv({.text = scored.curves.substr(second, scored.curves.size() - second - 1), .where = ""});
  ASSERT_EQ(words.size(), 9u);
  EXPECT_EQ(words[3], "0.5");
  const auto number = [&](std::size_t column) { return std::stod(words[column]); };
  EXPECT_NEAR(number(4), (902.0 / 938 + 1 + 36.0 / 72) / 3,
              1e-5);                // background, red, green; 6 digits are written
  EXPECT_LT(number(5), number(4));  // resamples without ab, where green is never right
  EXPECT_GT(number(6), number(4));  // resamples without b
  EXPECT_NEAR(number(7), 86.0 / 122, 1e-5);
  EXPECT_NEAR(number(8), 122.0 / 1024, 1e-5);
  write_sweep_page(root_ + "/sweep.html", scored, picked_rule(scored));
  const std::string page = read_text(root_ + "/sweep.html");
  for (const char* text : {"97.5 %", "Pixels called foreground", "Precision"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

}  // namespace
}  // namespace clearcut
