// From pictures to label files, with classifiers whose maps are known: they see colours.
#include "explain/fuse.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "explain/member_scores.h"
#include "tensor/file.h"
#include "tensor/npy.h"
#include "tests/errors.h"
#include "tests/explain/small_net.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::TestNet;

/// Class c is channel c: CAM of "red" is the picture's red channel. A picture of one colour gives no map.
std::unique_ptr<Classifier> colour_net(const std::string& name, float sharpness = 4,
                                       Device device = Device::kCpu) {
  const Tensor W = Tensor::from<float>({3, 3}, {sharpness, 0, 0, 0, sharpness, 0, 0, 0, sharpness}, device);
  auto net = std::make_unique<TestNet>(
      3,
      [W](TestNet& self, const Var& x) {
        return linear(mean(self.registry().observe("features", x), {2, 3}), Var(W));
      },
      device);
  net->head = CamWeights{.weights = W, .path = "features"};
  net->rename(name);
  net->name_classes({"red", "green", "blue"});
  return net;
}

/// Black, with squares of full red (rows and columns 2 to 6) and green (9 to 14).
Tensor squares(bool red, bool green) {
  Tensor picture = Tensor::zeros({16, 16, 3}, DType::kUInt8);
  std::uint8_t* p = picture.data<std::uint8_t>();
  for (int y = 0; y < 16; ++y)
    for (int x = 0; x < 16; ++x) {
      if (red && y >= 2 && y < 7 && x >= 2 && x < 7) p[(y * 16 + x) * 3] = 255;
      if (green && y >= 9 && y < 15 && x >= 9 && x < 15) p[(y * 16 + x) * 3 + 1] = 255;
    }
  return picture;
}
/// The true mask: 0 background, 1 red, 2 green.
Tensor truth(bool red, bool green) {
  const Tensor picture = squares(red, green);
  Tensor mask = Tensor::zeros({16, 16}, DType::kInt32);
  for (int i = 0; i < 256; ++i)
    mask.data<std::int32_t>()[i] = picture.data<const std::uint8_t>()[i * 3] != 0
                                       ? 1
                                       : (picture.data<const std::uint8_t>()[i * 3 + 1] != 0 ? 2 : 0);
  return mask;
}

class Fuse : public testing::Test {
 protected:
  void SetUp() override {
    root_ = (fs::temp_directory_path() / ("clearcut_fuse_" + std::to_string(::getpid()))).string();
    fs::remove_all(root_);
    write_png(root_ + "/images/a.png", squares(true, false));
    write_png(root_ + "/images/b.png", squares(false, true));
    write_png(root_ + "/images/ab.png", squares(true, true));
    write_png(root_ + "/images/none.png", squares(false, false));
    write_label_png(root_ + "/masks/a.png", truth(true, false));
    write_label_png(root_ + "/masks/b.png", truth(false, true));
    write_label_png(root_ + "/masks/ab.png", truth(true, true));
    write_label_png(root_ + "/masks/none.png", truth(false, false));
    write_file(root_ + "/classes.txt", std::string("0 background\n1 red\n2 green\n"));
    write_file(root_ + "/labels.csv",
               std::string("image,classes\na.png,red\nb.png,green\nab.png,red+green\nnone.png,\n"));
  }
  void TearDown() override { fs::remove_all(root_); }

  Dataset data() const { return open_dataset({.format = "csv", .root = root_, .masks = "masks"}); }
  Ensemble ensemble(const Dataset& set, EnsembleOptions options = {}, Device device = Device::kCpu) const {
    if (options.explainers.empty()) options.explainers = {parse_explainer("cam"), parse_explainer("gradcam")};
    std::vector<std::unique_ptr<Classifier>> nets;
    nets.push_back(colour_net("one", 4, device));
    nets.push_back(colour_net("two", 7, device));
    return {std::move(nets), options, set.class_names, {1, 2}};
  }
  FuseCounts run(const std::string& out, const FuseOptions& options, std::int64_t shard = 0,
                 std::int64_t shards = 1, LabelLayout layout = LabelLayout::kPng, bool flatten = false,
                 Device device = Device::kCpu) {
    const Dataset set = data();
    Ensemble members = ensemble(set, {}, device);
    const LabelPlan plan = plan_labels(set, layout);
    LabelStoreOptions words;
    words.folder = root_ + "/" + out;
    words.layout = layout;
    words.space = plan.space;
    words.class_names = plan.class_names;
    words.colours = plan.colours;
    words.wnids = plan.folders;
    words.flatten = flatten;
    words.shard = shard;
    words.shards = shards;
    words.job = JsonObject().set("rule", describe(options.rule));
    LabelStore store(words);
    return fuse(set, members, store, plan, shard, shards, options);
  }
  std::vector<std::int32_t> label(const std::string& out, const std::string& name) const {
    return read_label_png(root_ + "/" + out + "/labels/" + name + ".png").labels.values<std::int32_t>();
  }
  std::string text(const std::string& file) const { return read_text(root_ + "/" + file); }

  static FuseOptions by_value() {
    FuseOptions options;
    options.rule = parse_rule("value:0.5");
    return options;
  }
  std::string root_;
};

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

TEST_F(Fuse, AnotherJobDoesNotMixIn) {
  run("out", by_value());
  FuseOptions other;
  other.rule = parse_rule("rank:0.9");
  EXPECT_THROW(run("out", other), Error);
}

TEST_F(Fuse, PublishedLayout) {
  const FuseCounts counts = run("out", by_value(), 0, 1, LabelLayout::kPssl);
  EXPECT_EQ(counts.made, 2);
  EXPECT_EQ(counts.failed, 1);  // two classes in one picture
  const NamedTensors arrays = read_npz(root_ + "/out/train/red/a.JPEG_eiseg.npz");
  ASSERT_EQ(arrays[0].first, "arr_0");
  EXPECT_EQ(arrays[0].second.to(DType::kInt32).values<std::int32_t>(),
            truth(true, false).values<std::int32_t>());
  EXPECT_EQ(text("out/train.txt"), "train/red/a.JPEG_eiseg.npz\ntrain/green/b.JPEG_eiseg.npz\n");
  EXPECT_EQ(text("out/imagenet_lsvrc_2015_synsets.txt"), "background\nred\ngreen\n");
  // 0 background, 1 red, 2 green; the loader adds its own background 3
  const Dataset made = open_dataset({.format = "pssl", .root = root_ + "/out", .images = root_});
  EXPECT_EQ(made.items[0].image, root_ + "/images/a.png");
  EXPECT_EQ(made.background, 3);
  const auto mask = read_mask(made, made.items[1]).values<std::int32_t>();
  EXPECT_EQ(mask[10 * 16 + 10], 2);
  EXPECT_EQ(mask[0], 3);
}

// The class of a label is its folder: that of the class that was kept.
TEST_F(Fuse, FlattenKeepsTheLargestClass) {
  EXPECT_EQ(run("out", by_value(), 0, 1, LabelLayout::kPssl, true).made, 3);
  EXPECT_FALSE(fs::exists(root_ + "/out/train/red/ab.JPEG_eiseg.npz"));
  const auto mask = read_npz(root_ + "/out/train/green/ab.JPEG_eiseg.npz")[0].second.values<std::uint8_t>();
  EXPECT_EQ(mask[3 * 16 + 3], 0);  // 25 pixels of red against 36 of green
  EXPECT_EQ(mask[10 * 16 + 10], 1);
}

TEST_F(Fuse, PublishedFoldersAreWordNetIdsWhereTheClassFileHasThem) {
  write_file(root_ + "/classes.txt", std::string("0\tred\tn00000009\n1\tgreen\tn00000003\n"));
  const LabelPlan plan = plan_labels(data(), LabelLayout::kPssl);
  EXPECT_EQ(plan.folders, (std::vector<std::string>{"n00000009", "n00000003"}));
  write_file(root_ + "/classes.txt", std::string("0 red\n1 ..\n"));
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\n"));
  expect_error([&] { plan_labels(data(), LabelLayout::kPssl); }, "'..' cannot name one");
}

TEST_F(Fuse, TwoPicturesNeverShareALabelFile) {
  fs::copy(root_ + "/images/a.png", root_ + "/images/a.jpg");
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\na.jpg,red\n"));
  expect_error([&] { run("png", by_value()); }, "'a.png' and 'a.jpg' would both be written to labels/a.png");
  expect_error([&] { run("npz", by_value(), 0, 1, LabelLayout::kPssl); },
               "would both be written to train/red/a.JPEG_eiseg.npz");
  // Two classes: two folders.
  write_file(root_ + "/labels.csv", std::string("image,classes\na.png,red\nsub/a.png,green\n"));
  fs::create_directories(root_ + "/images/sub");
  fs::copy(root_ + "/images/b.png", root_ + "/images/sub/a.png");
  EXPECT_EQ(run("two", by_value(), 0, 1, LabelLayout::kPssl).made, 2);
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
    EXPECT_EQ(one.pointing, 1);
    EXPECT_NEAR(one.energy, 1, 1e-6);
    EXPECT_EQ(one.auc, 1);
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
  options.thresholds = parse_thresholds("0:1:0.1");
  const Dataset set = data();
  const MemberScores counted = score_kept(set, root_ + "/out", options);
  EXPECT_EQ(counted.scored.size(), 4u);
  const Choice choice = best_choice(counted.subsets[0], options, {});
  const MemberScores fixed = score_kept(set, root_ + "/out", options, {choice});
  ConfusionMatrix all(3);
  for (const ConfusionMatrix& picture : fixed.subsets[0].pictures) all.add(picture);
  EXPECT_EQ(scores(all).miou, 1);
  EXPECT_EQ(fixed.subsets[0].pointing, 1);
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
