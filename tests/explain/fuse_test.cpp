// From pictures to label files, with classifiers whose maps are known: they see colours.
#include "explain/fuse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "explain/member_scores.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::colour_net, test::Fuse, test::squares, test::truth;

TEST_F(Fuse, MasksAreTheColouredSquares) {
  const FuseCounts counts = run("out", by_value());
  EXPECT_EQ(counts.made, 3);
  EXPECT_EQ(counts.skipped, 1);
  EXPECT_EQ(counts.failed, 0);
  EXPECT_EQ(label("out", "a"), truth(true, false).values<std::int32_t>());
  EXPECT_EQ(label("out", "b"), truth(false, true).values<std::int32_t>());
  // Two labels: the same, but the black ground ties at 0 below the bar and stays background.
  EXPECT_EQ(label("out", "ab"), truth(true, true).values<std::int32_t>());
  EXPECT_FALSE(fs::exists(root_ + "/out/labels/none.png"));
  EXPECT_FALSE(fs::exists(root_ + "/out/failures.jsonl"));
}

TEST_F(Fuse, ManifestSaysWhereLabelsComeFrom) {
  FuseOptions options = by_value();
  options.member_scores = true;
  run("out", options);
  const std::vector<JsonObject> lines = read_jsonl(root_ + "/out/manifest.jsonl");
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].text("id"), "a.png");
  EXPECT_EQ(lines[0].text("image"), "images/a.png");
  EXPECT_EQ(lines[0].integers("classes"), std::vector<std::int64_t>{1});
  const JsonObject made = lines[0].object("made");
  EXPECT_NEAR(made.number("coverage"), 25.0 / 256, 1e-8);
  EXPECT_NEAR(made.numbers("agreement")[0], 1, 1e-6);  // both nets see the same
  const JsonObject member = made.objects("members")[0];
  EXPECT_EQ(member.text("classifier"), "one");
  EXPECT_TRUE(member.flag("right"));
  EXPECT_NEAR(member.numbers("scores")[1], 1, 1e-6);
  // means of x are -1 + 2 * 25/256 for red and -1 for the others; softmax of 4 times them
  EXPECT_NEAR(member.number("probability"), std::exp(200.0 / 256) / (std::exp(200.0 / 256) + 2), 1e-5);
  EXPECT_EQ(lines[3].text("skipped"), "no image label");
}

TEST_F(Fuse, LabelsAreADataSet) {
  run("out", by_value());
  const Dataset made = open_dataset({.format = "labels", .root = root_ + "/out", .images = root_});
  ASSERT_EQ(made.items.size(), 3u);
  EXPECT_EQ(made.background, 0);
  EXPECT_EQ(made.class_names, (std::vector<std::string>{"background", "red", "green"}));
  EXPECT_EQ(read_mask(made, made.items[0]).values<std::int32_t>(), truth(true, false).values<std::int32_t>());
  EXPECT_EQ(read_picture(made.items[0].image).shape(), Shape({16, 16, 3}));
}

TEST_F(Fuse, UnlabelledPicturesBecomeBackgroundOnDemand) {
  FuseOptions options = by_value();
  options.unlabelled = Unlabelled::kBackground;
  EXPECT_EQ(run("out", options).made, 4);
  EXPECT_EQ(label("out", "none"), std::vector<std::int32_t>(256, 0));
}

TEST_F(Fuse, BadPicturesAreListedAndTheRestIsDone) {
  fs::resize_file(root_ + "/images/b.png", 30);
  const FuseCounts counts = run("out", by_value());
  EXPECT_EQ(counts.made, 2);
  EXPECT_EQ(counts.failed, 1);
  const std::vector<Failure> failures = read_failures(root_ + "/out/failures.jsonl");
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].id, "b.png");
  EXPECT_EQ(failures[0].stage, "read");
  EXPECT_NE(failures[0].error.find("b.png"), std::string::npos);
  // Mended, it is made in the next run, and the list of failures goes away.
  write_png(root_ + "/images/b.png", squares(false, true));
  const FuseCounts again = run("out", by_value());
  EXPECT_EQ(again.made, 1);
  EXPECT_EQ(again.there, 3);
  EXPECT_FALSE(fs::exists(root_ + "/out/failures.jsonl"));
}

TEST_F(Fuse, MapsThatSayNothingAreFailures) {
  write_png(root_ + "/images/a.png", squares(false, false));
  run("out", by_value());
  const std::vector<Failure> failures = read_failures(root_ + "/out/failures.jsonl");
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].stage, "label");
  EXPECT_NE(failures[0].error.find("no member says anything"), std::string::npos);
}

TEST_F(Fuse, KilledJobsGoOnWhereTheyStopped) {
  run("whole", by_value());
  run("cut", by_value());
  const std::string manifest = text("cut/manifest.jsonl");
  fs::remove(root_ + "/cut/labels/b.png");
  write_file(root_ + "/cut/manifest.jsonl", std::string_view(manifest).substr(0, manifest.find('\n') + 40));
  const FuseCounts counts = run("cut", by_value());
  EXPECT_EQ(counts.there, 1);
  EXPECT_EQ(counts.made, 2);
  EXPECT_EQ(text("cut/manifest.jsonl"), text("whole/manifest.jsonl"));
  EXPECT_EQ(text("cut/labels/b.png"), text("whole/labels/b.png"));
  EXPECT_EQ(run("cut", by_value()).made, 0);
}

// LIME takes the regions of the ensemble unless it asks for others; those serve all then.
TEST_F(Fuse, MembersShareTheirSuperpixels) {
  const Dataset set = data();
  const SuperpixelOptions graph = parse_superpixels("felzenszwalb"), quick = parse_superpixels("quickshift");
  const auto members = [&](const std::vector<std::string>& texts) {
    EnsembleOptions options;
    options.superpixels = graph;
    for (const std::string& text : texts) options.explainers.push_back(parse_explainer(text));
    return ensemble(set, options).options();
  };
  EXPECT_EQ(members({"cam", "lime"}).explainers[1].superpixels, graph);
  EXPECT_EQ(members({"lime", "lime:superpixels=quickshift"}).superpixels, quick);
  EXPECT_EQ(members({"lime", "lime:superpixels=quickshift"}).explainers[0].superpixels, quick);
  expect_error(
      [&] {
        members({"lime:segments=9", "lime:superpixels=quickshift"});
      },
      "all explainers of an ensemble share one set of superpixels");
}

// The colours are pure: refined borders are those that were there.
TEST_F(Fuse, RefinedLabelsSayHow) {
  FuseOptions options = by_value();
  run("plain", options);
  options.refine = parse_refinement("crf:labels");
  run("refined", options);
  for (const char* name : {"a", "b", "ab"}) EXPECT_EQ(label("refined", name), label("plain", name));
  const Dataset set = data();
  Ensemble members = ensemble(set);
  const std::vector<std::string> files = {root_ + "/classes.txt", root_ + "/classes.txt"};
  EXPECT_EQ(describe_job(members, file_hashes(files), options).text("refine"), "crf:labels");
  EXPECT_FALSE(describe_job(members, file_hashes(files), by_value()).has("refine"));
  // All that decides about pixels, or about the files beside them.
  FuseOptions turned = by_value(), more = by_value(), scores = by_value();
  turned.picture.apply_exif = more.keep_consensus = scores.member_scores = true;
  std::set<std::string> jobs;
  for (const FuseOptions& one : {by_value(), turned, more, scores})
    jobs.insert(describe_job(members, file_hashes(files), one).line());
  EXPECT_EQ(jobs.size(), 4U);
}

TEST_F(Fuse, ShardsAndChunksGiveTheSameFiles) {
  run("whole", by_value());
  FuseOptions options = by_value();
  options.chunk = 1;
  for (const std::int64_t shard : {2, 0, 1}) {
    EXPECT_FALSE(fs::exists(root_ + "/parts/manifest.jsonl"));
    run("parts", options, shard, 3);
  }
  EXPECT_EQ(text("parts/manifest.jsonl"), text("whole/manifest.jsonl"));
  for (const char* name : {"a", "b", "ab"})
    EXPECT_EQ(text(cat("parts/labels/", name, ".png")), text(cat("whole/labels/", name, ".png")));
}

TEST_F(Fuse, ReferenceMakesTheSameLabels) {
  run("cpu", by_value());
  run("reference", by_value(), 0, 1, LabelLayout::kPng, false, Device::kReference);
  for (const char* name : {"a", "b", "ab"}) EXPECT_EQ(label("cpu", name), label("reference", name));
  EXPECT_NE(text("reference/manifest.jsonl").find("\"isa\":\"reference\""), std::string::npos);
}

TEST_F(Fuse, DataSetsWithoutBackgroundGetOne) {
  for (const char* name : {"red", "green"}) fs::create_directories(root_ + "/folders/" + name);
  fs::copy(root_ + "/images/a.png", root_ + "/folders/red/x.png");
  fs::copy(root_ + "/images/b.png", root_ + "/folders/green/y.png");
  const Dataset set = open_dataset({.format = "folders", .root = root_ + "/folders"});
  const LabelPlan plan = plan_labels(set, LabelLayout::kPng);
  EXPECT_EQ(plan.shift, 1);
  EXPECT_EQ(plan.class_names, (std::vector<std::string>{"background", "green", "red"}));
  EXPECT_EQ(plan.space.background, 0);
}

// The first class of such a data set is class 0; its labels hold 1, and everything beside them says 1.
TEST_F(Fuse, LabelsNameTheirOwnClasses) {
  without_background();
  const FuseOptions keep = keeping_all();
  run("out", keep);
  const Dataset labels = open_dataset({.format = "labels", .root = root_ + "/out", .images = root_});
  EXPECT_EQ(labels.class_names, (std::vector<std::string>{"background", "red", "green"}));
  ASSERT_EQ(labels.items.size(), 3u);
  EXPECT_EQ(labels.items[0].classes, std::vector<int>{1});
  EXPECT_EQ(labels.items[1].classes, std::vector<int>{2});
  EXPECT_EQ(labels.items[2].classes, (std::vector<int>{1, 2}));
  EXPECT_EQ(label("out", "b"), truth(false, true).values<std::int32_t>());
  const JsonObject line = read_jsonl(root_ + "/out/manifest.jsonl")[1];
  EXPECT_EQ(line.object("made").objects("members")[0].integer("class"), 2);
  EXPECT_TRUE(fs::exists(root_ + "/out/consensus/b.png.2.png"));
  EXPECT_EQ(KeptPicture::read(root_ + "/out/maps/b.png.npz").labels(), std::vector<int>{2});
  EXPECT_EQ(run("out", keep).there, 4);  // the same image labels
}

TEST(ValueShift, ComesFromTheNames) {
  const auto shift = [](const std::string& classes, const std::vector<std::string>& names) {
    const std::string folder = testing::TempDir() + "/value_shift";
    write_file(folder + "/classes.txt", classes);
    return value_shift(folder, names);
  };
  const std::string with = "0\tbackground\n1\tred\n2\tgreen\n", without = "0\tred\n1\tgreen\n";
  EXPECT_EQ(shift(with, {"background", "red", "green"}), 0);
  EXPECT_EQ(shift(with, {"red", "green"}), 1);
  EXPECT_EQ(shift(with, {"red", "green", "background"}), 1);
  EXPECT_EQ(shift(without, {"background", "red", "green"}), -1);
  EXPECT_EQ(shift(without, {"red", "green", "blue"}), 0);  // a list that the folder's pictures do not fill
  expect_error(
      [&] {
        shift(with, {"green", "red"});
      },
      "have other classes than the data set, or another order: background, red, green");
  expect_error([&] { shift(without, {"background", "green", "red"}); }, "here background, green, red");
}

TEST_F(Fuse, MembersAreScoredAgainstTheTruth) {
  const Dataset set = data();
  Ensemble members = ensemble(set);
  const std::vector<Subset> subsets = make_subsets(members, {"members", "explainers", "all"});
  ASSERT_EQ(subsets.size(), 7u);
  EXPECT_EQ(subsets[1].name, "one/gradcam");
  EXPECT_EQ(subsets[4].name, "all/cam");
  MemberScoreOptions options;
  options.thresholds = parse_thresholds("0:1:0.1");
  const MemberScores counted = score_members(set, members, subsets, options);
  EXPECT_EQ(counted.scored.size(), 4u);
  std::vector<Choice> choices;
  for (const SubsetScores& one : counted.subsets) choices.push_back(best_choice(one, options, {}));
  const MemberScores fixed = score_members(set, members, subsets, options, choices);
  for (const SubsetScores& one : fixed.subsets) {
    ConfusionMatrix all(3);
    for (const ConfusionMatrix& picture : one.pictures) all.add(picture);
    EXPECT_EQ(scores(all).miou, 1);
    EXPECT_EQ(one.finding.pointing, 1);
    EXPECT_NEAR(one.finding.energy, 1, 1e-6);
    EXPECT_EQ(one.finding.auc, 1);
  }
  EXPECT_EQ(fixed.subsets[0].pictures.size(), 4u);
}

// A member alone has nothing to be weighted against: one fusion on pixels and one on superpixels are left.
TEST_F(Fuse, FusionsAreTriedOncePerSubset) {
  const Dataset set = data();
  Ensemble members = ensemble(set, {.explainers = {}, .segment = true});
  MemberScoreOptions options;
  options.thresholds = {0.5};
  options.fusions = {parse_fusion("minmax:downweight"), parse_fusion("abs"), parse_fusion("regions")};
  const MemberScores counted =
      score_members(set, members, make_subsets(members, {"members", "all"}), options);
  EXPECT_EQ(counted.subsets[0].fusions, (std::vector<Fusion>{{}, parse_fusion("regions")}));
  EXPECT_EQ(counted.subsets.back().fusions, options.fusions);
  EXPECT_EQ(counted.subsets.back().sweeps.size(), 3 * options.measures.size());
}

TEST_F(Fuse, KeptMapsAreScoredWithoutExplaining) {
  FuseOptions keep = by_value();
  keep.keep_consensus = true;
  run("out", keep);
  MemberScoreOptions options;
  options.measures = {Measure::kRank, Measure::kValue};
  options.thresholds = parse_thresholds("0:1:0.1");
  const Dataset set = data();
  const MemberScores counted = score_kept(set, root_ + "/out", options);
  EXPECT_EQ(counted.scored.size(), 4u);
  const Choice choice = best_choice(counted.subsets[0], options, {});
  const MemberScores fixed = score_kept(set, root_ + "/out", options, {choice});
  ConfusionMatrix all(3);
  for (const ConfusionMatrix& picture : fixed.subsets[0].pictures) all.add(picture);
  EXPECT_EQ(scores(all).miou, 1);
  EXPECT_EQ(fixed.subsets[0].finding.pointing, 1);
  fs::remove(root_ + "/out/consensus/ab.png.2.png");
  EXPECT_EQ(score_kept(set, root_ + "/out", options).failures.size(), 1u);
}

TEST_F(Fuse, MasksOfAnotherSizeAreFailures) {
  write_label_png(root_ + "/masks/a.png", Tensor::zeros({8, 8}, DType::kInt32));
  const Dataset set = data();
  Ensemble members = ensemble(set);
  MemberScoreOptions options;
  options.thresholds = {0.5};
  const MemberScores counted = score_members(set, members, make_subsets(members, {"all"}), options);
  EXPECT_EQ(counted.scored.size(), 3u);
  ASSERT_EQ(counted.failures.size(), 1u);
  EXPECT_NE(counted.failures[0].error.find("size"), std::string::npos);
}

TEST_F(Fuse, MissingClassesAndDoubleNamesAreErrors) {
  const Dataset set = data();
  std::vector<std::unique_ptr<Classifier>> nets;
  nets.push_back(colour_net("one"));
  EXPECT_THROW(
      Ensemble(std::move(nets), {.explainers = {parse_explainer("cam")}}, {"background", "violet"}, {1}),
      Error);
  nets.clear();
  nets.push_back(colour_net("one"));
  nets.push_back(colour_net("one"));
  EXPECT_THROW(Ensemble(std::move(nets), {.explainers = {parse_explainer("cam")}}, set.class_names, {1}),
               Error);
}

TEST_F(Fuse, EveryVariantAndLimeRun) {
  const Dataset set = data();
  for (const std::string& name : variant_names()) {
    const Variant variant = variant_from_name(name);
    EnsembleOptions options;
    options.fusion = {.variant = variant, .wrong = Wrong::kDrop};
    options.explainers = {parse_explainer("cam"), parse_explainer("gradcam"),
                          parse_explainer("ig:steps=2:baseline=mean"),
                          parse_explainer("lime:samples=30:segments=16:off=zero")};
    Ensemble members = ensemble(set, options);
    std::vector<PictureTask> tasks = {members.prepare(set.items[0], squares(true, false))};
    std::vector<Question> questions = members.questions(tasks, true);
    ASSERT_EQ(questions.size(), 1u);
    Consensus consensus(16, 16);
    const std::vector<double> weight = belief_weights(Wrong::kDrop, questions[0].belief);
    members.answer(tasks, questions,
                   [&](const Answer& a) { consensus.add(a.share(variant), weight[a.classifier]); });
    EXPECT_EQ(consensus.members(), 8) << name;
    const Tensor E = consensus.mean();
    EXPECT_GT(E.data<const float>()[4 * 16 + 4], E.data<const float>()[12 * 16 + 12]) << name;
  }
}

}  // namespace
}  // namespace clearcut
