// What members count by, what pixels count by, and who leads among the classifiers.
#include <gtest/gtest.h>

#include "data/loader.h"
#include "explain/classifier_ranks.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"
#include "train/data_config.h"

namespace clearcut {
namespace {

using test::Fuse, test::colour_net, test::squares;

/// Two classifiers see red where red is, a third where green is.
class Weighed : public Fuse {
 protected:
  std::vector<std::unique_ptr<Classifier>> three() const {
    std::vector<std::unique_ptr<Classifier>> nets;
    nets.push_back(colour_net("one"));
    nets.push_back(colour_net("two", 7));
    nets.push_back(colour_net("odd", 5));
    static_cast<TestNet&>(*nets.back()).name_classes({"green", "red", "blue"});
    return nets;
  }
  using TestNet = test::TestNet;

  Consensus red_of(const std::string& fusion, const std::string& accuracy = "") const {
    const Dataset set = data();
    Ensemble members(
        three(),
        {.explainers = {parse_explainer("cam")}, .fusion = parse_fusion(fusion), .accuracy = accuracy},
        set.class_names, {1, 2});
    Item item = set.items[2];
    EXPECT_EQ(item.name, "ab.png");
    item.classes = {1};
    const std::vector<PictureTask> tasks = {members.prepare(item, squares(true, true))};
    std::vector<Question> questions = members.questions(tasks, needs_beliefs(parse_fusion(fusion)));
    return consensus_of(members, tasks, questions, 0.5)[0];
  }
  void fuse_three() const {
    const Dataset set = data();
    Ensemble members(three(), {.explainers = {parse_explainer("cam")}}, set.class_names, {1, 2});
    const LabelPlan plan = plan_labels(set, LabelLayout::kPng);
    LabelStoreOptions words;
    words.folder = root_ + "/out";
    words.space = plan.space;
    words.class_names = plan.class_names;
    LabelStore store(words);
    FuseOptions options = by_value();
    options.pixel_weights = true;
    options.member_scores = true;
    fuse(set, members, store, plan, 0, 1, options);
  }
  static float at(const Tensor& map, int y, int x) { return map.data<const float>()[y * 16 + x]; }
  static constexpr int kRed = 4, kGreen = 12;  // rows and columns inside the squares
};

TEST_F(Weighed, UniformCountsHeads) {
  const Tensor E = red_of("minmax").mean();
  EXPECT_NEAR(at(E, kRed, kRed), 2.0 / 3, 1e-6);
  EXPECT_NEAR(at(E, kGreen, kGreen), 1.0 / 3, 1e-6);
}

// Maps of red and of green share no pixel: the odd one's mean cosine with the others is 0.
TEST_F(Weighed, AgreementSilencesTheOddOne) {
  const Tensor E = red_of("minmax:agreement").mean();
  EXPECT_NEAR(at(E, kRed, kRed), 1, 1e-6);
  EXPECT_NEAR(at(E, kGreen, kGreen), 0, 1e-6);
}

TEST_F(Weighed, AccuraciesComeFromAFile) {
  const std::string file = root_ + "/accuracies.json";
  write_file(file, std::string(R"({"classifiers": [{"name": "two", "accuracy": 0.25},
    {"name": "odd", "accuracy": 0.5}, {"name": "one", "accuracy": 0.25}]})"));
  const Tensor E = red_of("minmax:accuracy", file).mean();
  EXPECT_NEAR(at(E, kRed, kRed), 0.5, 1e-6);
  EXPECT_NEAR(at(E, kGreen, kGreen), 0.5, 1e-6);
  expect_error([&] { red_of("minmax:accuracy"); }, "weights by accuracy need a file");
  write_file(file, std::string(R"({"classifiers": [{"name": "two", "accuracy": 0.25}]})"));
  expect_error([&] { red_of("minmax:accuracy", file); }, "no accuracy >= 0 for 'one'");
}

// For red two maps show the red square, one the green; for green the reverse.
TEST_F(Weighed, PixelWeightsAreTheSharesOfVotes) {
  fuse_three();
  const LabelImage weights = read_label_png(root_ + "/out/weights/ab.png.png");
  EXPECT_EQ(weights.bits, 8);
  const auto labels = label("out", "ab");
  const auto w = weights.labels.values<std::int32_t>();
  EXPECT_EQ(labels[kRed * 16 + kRed], 1);
  EXPECT_EQ(w[kRed * 16 + kRed], 170);  // 2/3 of 255
  EXPECT_EQ(labels[0], 0);
  EXPECT_EQ(w[0], 255);  // nobody votes for anything
}

TEST_F(Weighed, PixelWeightsGoWhereLabelsGo) {
  fuse_three();
  Dataset one =
      open_dataset({.format = "labels", .root = root_ + "/out", .images = root_, .pixel_weights = true});
  ASSERT_EQ(one.items.size(), 3u);
  one.items = {one.items[2]};
  Loader loader(one, {[](LabelledPicture& x, const RandomKey& key) {
                  random_padding_crop(x, {.height = 20, .width = 20}, key);
                }},
                {}, {.batch = 1, .threads = 0});
  const Batch batch = *loader.next();
  ASSERT_EQ(batch.weights.shape(), Shape({1, 20, 20}));
  const float* p = batch.weights.data<const float>();
  EXPECT_EQ(p[0], 1);
  EXPECT_NEAR(p[kRed * 20 + kRed], 170 / 255.0, 1e-7);
  EXPECT_EQ(p[19], 0);  // padding
  const Dataset plain = open_dataset({.format = "labels", .root = root_ + "/out", .images = root_});
  EXPECT_EQ(plain.items[0].weights, "");
  run("unweighed", by_value());
  expect_error(
      [&] {
        open_dataset(DatasetConfig{.spec = {.format = "labels",
                                            .root = root_ + "/unweighed",
                                            .images = root_,
                                            .pixel_weights = true},
                                   .select = ""});
      },
      "pixel_weights is on, but ");
  one.items.push_back(
      open_dataset({.format = "labels", .root = root_ + "/unweighed", .images = root_}).items[0]);
  Loader mixed(one, {}, {}, {.batch = 2, .threads = 0});
  expect_error([&] { mixed.next(); }, "the pixel weights of ");
}

// The odd classifier takes red for green: right on the picture with both only; its maps are far from the
// rest.
TEST_F(Weighed, ClassifiersAreRankedByTheConsensus) {
  fuse_three();
  const std::vector<ClassifierRank> ranks = rank_classifiers(root_ + "/out");
  ASSERT_EQ(ranks.size(), 3u);
  EXPECT_EQ(ranks[2].name, "odd");
  EXPECT_EQ(ranks[0].accuracy, 1);
  EXPECT_EQ(ranks[0].questions, 4);
  EXPECT_EQ(ranks[2].accuracy, 0.5);  // the two questions of ab.png
  EXPECT_EQ(ranks[0].by_explainer.size(), 1u);
  EXPECT_GT(ranks[1].score, ranks[2].score);
  EXPECT_EQ(read_accuracies(root_ + "/out/classifiers.json", {"odd", "one"}), (std::vector<double>{0.5, 1}));
}

TEST(ClassifierRanks, MeansByHand) {
  const std::string folder = testing::TempDir() + "/ranks";
  std::filesystem::create_directories(folder);
  write_file(folder + "/manifest.jsonl",
             std::string(R"({"id": "a", "label": "labels/a.png", "made": {"members": [
{"classifier": "x", "probability": 0.5, "right": true, "scores": [0.8, 0.6]},
{"classifier": "y", "probability": 0.1, "right": false, "scores": [0.9, 0.9]}]}}
)"));
  // One line in the file stands for one picture.
  std::string text = read_text(folder + "/manifest.jsonl");
  std::erase(text, '\n');
  text += "\n" +
          std::string(R"({"id": "b", "label": "labels/b.png", "made": {"members": [{"classifier": "x", )"
                      R"("probability": 0.25, "right": false, "scores": [0.4, 0.2]}]}})") +
          "\n" + R"({"id": "c", "skipped": "no image label"})" + "\n";
  write_file(folder + "/manifest.jsonl", text);
  const std::vector<ClassifierRank> ranks = rank_classifiers(folder);
  ASSERT_EQ(ranks.size(), 2u);
  EXPECT_EQ(ranks[0].name, "y");
  EXPECT_NEAR(ranks[0].score, 0.9, 1e-12);
  EXPECT_EQ(ranks[1].questions, 2);
  EXPECT_EQ(ranks[1].accuracy, 0.5);
  EXPECT_EQ(ranks[1].probability, 0.375);
  EXPECT_NEAR(ranks[1].by_explainer[0], 0.6, 1e-12);
  EXPECT_NEAR(ranks[1].by_explainer[1], 0.4, 1e-12);
  EXPECT_NEAR(ranks[1].score, 0.5, 1e-12);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace clearcut
