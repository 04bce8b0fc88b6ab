// Small maps of members on disk, and labels that are fused from them again.
#include "explain/kept_maps.h"

#include <gtest/gtest.h>

#include <cmath>

#include "explain/member_scores.h"
#include "explain/unlabelled.h"
#include "tests/errors.h"
#include "tests/explain/fuse_fixture.h"

namespace clearcut {
namespace {

namespace fs = std::filesystem;
using test::Fuse;

Tensor ramp(std::int64_t side, float low, float high) {
  Tensor map({side, side});
  for (std::int64_t i = 0; i < map.numel(); ++i)
    map.data<float>()[i] = low + (high - low) * static_cast<float>(i) / static_cast<float>(map.numel() - 1);
  return map;
}

TEST(KeptMaps, WordsAreReadAndWritten) {
  for (const char* text : {"u8:56", "f16:112"}) EXPECT_EQ(describe(parse_keep(text)), text);
  EXPECT_EQ(describe(parse_keep("f16")), "f16:56");
  for (const char* wrong : {"f32", "u8:0", "u8:x", "u8:56:1"})
    EXPECT_THROW(parse_keep(wrong), Error) << wrong;
}

// Eight bits are off by half a step of 1/255 of the range at most, halves of 1/2048 of it (ten bits behind
// the point, values below 1); both by the last bit of a float besides.
TEST(KeptMaps, ValuesStayWithinHalfAStep) {
  const float low = -3e-7F, high = 5e-7F;  // gradients of a probability: float16 itself would lose them
  const Tensor map = ramp(4, low, high);
  for (const auto& [text, step] : {std::pair("u8:4", 1 / 255.0), std::pair("f16:4", 1 / 1024.0)}) {
    KeptPicture kept({7}, 1, 2, parse_keep(text), "avx2");
    kept.put(0, 0, 1, map, false);
    const Tensor back = kept.map(0, 0, 1);
    EXPECT_FALSE(kept.empty(0, 0, 1));
    EXPECT_TRUE(kept.empty(0, 0, 0));  // nobody put it
    for (std::int64_t i = 0; i < 16; ++i)
      EXPECT_NEAR(back.data<const float>()[i], map.data<const float>()[i], (high - low) * (step / 2 + 1e-6))
          << text << " " << i;
    EXPECT_EQ(back.data<const float>()[0], low);
    EXPECT_EQ(back.data<const float>()[15], high);
  }
}

// Bits as numpy.float16 has them: 1/3 -> 0x3555, 0.1 -> 0x2e66, 1e-6 -> 0x0011, 6.2e-5 -> 0x0410, 1 ->
// 0x3c00.
TEST(KeptMaps, HalvesAreNumPys) {
  const std::string path = testing::TempDir() + "/halves.npz";
  const Tensor map = Tensor::from<float>({2, 3}, {0, 1.0F / 3, 0.1F, 1e-6F, 6.2e-5F, 1});
  KeptPicture kept({0}, 1, 1, {.type = MapType::kF16, .side = 6}, "");
  // Stretched to 6 x 6 the corners stay what they are.
  kept.put(0, 0, 0,
           Tensor::from<float>({6, 6},
                               [&] {
                                 std::vector<float> values(36, 0.5F);
                                 std::copy_n(map.data<const float>(), 6, values.begin());
                                 return values;
                               }()),
           false);
  kept.write(path);
  const auto bytes = find_array(read_npz(path), "maps", path).values<std::uint8_t>();
  const std::vector<int> expected = {0, 0x3555, 0x2e66, 0x0011, 0x0410, 0x3c00};
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(bytes[2 * i] + 256 * bytes[2 * i + 1], expected[i]) << i;
  fs::remove(path);
}

TEST(KeptMaps, FilesComeBack) {
  const std::string path = testing::TempDir() + "/kept/maps/a.jpg.npz";
  KeptPicture kept({3, 9}, 2, 1, parse_keep("u8:4"), "avx512");
  kept.put(1, 1, 0, ramp(8, 0, 2), false);
  kept.put(1, 1, Belief{.probability = 1.0 / 3, .right = true});
  kept.write(path);
  const KeptPicture back = KeptPicture::read(path);
  EXPECT_EQ(back.labels(), (std::vector<int>{3, 9}));
  EXPECT_EQ(back.isa(), "avx512");
  EXPECT_EQ(back.map(1, 1, 0).values<float>(), kept.map(1, 1, 0).values<float>());
  EXPECT_TRUE(back.empty(0, 1, 0));
  EXPECT_EQ(back.belief(1, 1).probability, 1.0 / 3);
  EXPECT_TRUE(back.belief(1, 1).right);
  const Bytes first = read_file(path);
  back.write(path);
  EXPECT_EQ(read_file(path), first);
  write_npz(path, {{"maps", Tensor::zeros({1, 1, 1, 4, 5}, DType::kUInt8)}});
  expect_error([&] { KeptPicture::read(path); }, "maps must be [labels, classifiers, explainers, S, S]");
  fs::remove_all(testing::TempDir() + "/kept");
}

/// Runs of `label fuse` with maps kept, and again from them.
class Kept : public Fuse {
 protected:
  EnsembleOptions options(const std::string& fusion = "minmax") const {
    EnsembleOptions options;
    options.explainers = {parse_explainer("cam"), parse_explainer("ig:steps=2:baseline=mean")};
    options.fusion = parse_fusion(fusion);
    return options;
  }
  FuseOptions fuse_options(const std::string& rule, const char* keep = nullptr) const {
    FuseOptions fuse;
    fuse.rule = parse_rule(rule);
    fuse.member_scores = true;
    fuse.pixel_weights = true;
    if (keep != nullptr) fuse.keep_maps = parse_keep(keep);
    return fuse;
  }
  FuseCounts fuse_into(const std::string& out, Members& members, const FuseOptions& fuse_options,
                       const JsonObject& job) {
    const Dataset set = data();
    const LabelPlan plan = plan_labels(set, LabelLayout::kPng);
    LabelStoreOptions words;
    words.folder = root_ + "/" + out;
    words.space = plan.space;
    words.class_names = plan.class_names;
    words.colours = plan.colours;
    words.job = job;
    LabelStore store(words);
    return fuse(set, members, store, plan, 0, 1, fuse_options);
  }
  FuseCounts explain(const std::string& out, const FuseOptions& fuse_options, const EnsembleOptions& words) {
    Ensemble members = ensemble(data(), words);
    return fuse_into(out, members, fuse_options, describe_job(members, {"hash 1", "hash 2"}, fuse_options));
  }
  FuseCounts again(const std::string& from, const std::string& out, const FuseOptions& fuse_options,
                   const EnsembleOptions& words) {
    KeptMembers members(root_ + "/" + from, words, data().class_names);
    return fuse_into(out, members, fuse_options, describe_job(members, fuse_options));
  }
  void expect_same(const std::string& one, const std::string& other) const {
    for (const char* file : {"manifest.jsonl", "job.json", "classifiers.json", "labels/a.png", "labels/b.png",
                             "labels/ab.png", "weights/a.png.png", "weights/ab.png.png"})
      EXPECT_EQ(text(one + "/" + file), text(other + "/" + file)) << file;
  }
};

TEST_F(Kept, FusedAgainTheyGiveTheSameBytes) {
  for (const char* keep : {"u8:16", "f16:8"}) {
    const std::string out = std::string(keep).substr(0, 2);
    EXPECT_EQ(explain(out, fuse_options("value:0.4", keep), options()).made, 3);
    EXPECT_EQ(again(out, out + "-again", fuse_options("value:0.4"), options()).made, 3);
    expect_same(out, out + "-again");
    EXPECT_FALSE(fs::exists(root_ + "/" + out + "-again/maps"));
  }
}

// Another fusion of kept maps is what explaining with that fusion would have given.
TEST_F(Kept, AnotherFusionNeedsNoExplaining) {
  explain("kept", fuse_options("value:0.4", "u8:16"), options());
  for (const char* fusion : {"rank:drop", "percentile:agreement", "regions:downweight", "abs"}) {
    const std::string direct = cat("direct-", fusion), redone = cat("again-", fusion);
    explain(direct, fuse_options("votes:0.5", "u8:16"), options(fusion));
    again("kept", redone, fuse_options("votes:0.5"), options(fusion));
    expect_same(direct, redone);
  }
}

// At the maps' own size 8 bits change no label here: full red and black are 1 and 0.
TEST_F(Kept, LabelsAreThoseOfWholeMaps) {
  explain("whole", fuse_options("value:0.4"), options());
  explain("kept", fuse_options("value:0.4", "u8:16"), options());
  for (const char* name : {"a", "b", "ab"}) EXPECT_EQ(label("kept", name), label("whole", name)) << name;
}

TEST_F(Kept, MembersAreScoredFromMaps) {
  explain("kept", fuse_options("value:0.4", "u8:16"), options());
  KeptMembers members(root_ + "/kept", options(), data().class_names);
  MemberScoreOptions scoring;
  scoring.thresholds = parse_thresholds("0.3:0.7:0.1");
  scoring.fusions = {parse_fusion("minmax"), parse_fusion("minmax:agreement")};
  const Dataset set = data();
  const MemberScores scored = score_members(set, members, make_subsets(members, {"members", "all"}), scoring);
  ASSERT_EQ(scored.subsets.size(), 5u);
  EXPECT_EQ(scored.failures.size(), 0u);
  for (const SubsetScores& one : scored.subsets)
    for (const ThresholdSweep& sweep : one.sweeps) EXPECT_EQ(scores(sweep.at(sweep.best({}))).miou, 1);
}

TEST_F(Kept, MissingAndStrangeMapsAreFailuresOfTheirPicture) {
  explain("kept", fuse_options("value:0.4", "u8:16"), options());
  fs::remove(root_ + "/kept/maps/a.png.npz");
  fs::copy(root_ + "/kept/maps/b.png.npz", root_ + "/kept/maps/ab.png.npz",
           fs::copy_options::overwrite_existing);
  const FuseCounts counts = again("kept", "again", fuse_options("value:0.4"), options());
  EXPECT_EQ(counts.made, 1);
  EXPECT_EQ(counts.failed, 2);
  const std::vector<Failure> failures = read_failures(root_ + "/again/failures.jsonl");
  ASSERT_EQ(failures.size(), 2u);
  EXPECT_NE(failures[0].error.find("a.png.npz"), std::string::npos) << failures[0].error;
  EXPECT_NE(failures[1].error.find("nothing about class 1"), std::string::npos) << failures[1].error;
  KeptMembers members(root_ + "/kept", options(), data().class_names);
  const UnlabelledChoice choice =
      choose_without_labels(data(), members, {.measures = {Measure::kValue}, .thresholds = {0.5}});
  EXPECT_EQ(choice.pictures, 1);
  ASSERT_EQ(choice.failures.size(), 2u);
  EXPECT_NE(choice.failures[0].error.find("a.png.npz"), std::string::npos) << choice.failures[0].error;
  explain("plain", fuse_options("value:0.4"), options());
  expect_error([&] { KeptMembers(root_ + "/plain", options(), data().class_names); },
               "no maps of their members");
}

// Maps and consensus maps were made from a data set without a background class; the one with true masks has
// it.
TEST_F(Kept, ClassesAreFoundByTheirNames) {
  const std::string with = text("classes.txt");
  without_background();
  FuseOptions words = fuse_options("value:0.4", "u8:16");
  words.keep_consensus = true;
  explain("kept", words, options());
  write_file(root_ + "/classes.txt", with);
  again("kept", "again", fuse_options("value:0.4"), options());
  for (const char* name : {"a", "b", "ab"}) EXPECT_EQ(label("again", name), label("kept", name)) << name;
  MemberScoreOptions scoring;
  scoring.measures = {Measure::kValue};
  scoring.thresholds = parse_thresholds("0.3:0.7:0.1");
  const MemberScores scored = score_kept(data(), root_ + "/kept", scoring);
  EXPECT_EQ(scored.failures.size(), 0u);
  for (const ThresholdSweep& sweep : scored.subsets[0].sweeps)
    EXPECT_EQ(scores(sweep.at(sweep.best({}))).miou, 1);
  write_file(root_ + "/classes.txt", std::string("0 background\n1 green\n2 red\n"));
  expect_error([&] { again("kept", "swapped", fuse_options("value:0.4"), options()); }, "or another order");
}

TEST_F(Kept, SquaresAreNotKept) {
  expect_error([&] { explain("kept", fuse_options("value:0.4", "u8:16"), options("square")); },
               "keep its maps with reduction=square");
  EXPECT_EQ(explain("maps", fuse_options("value:0.4", "u8:16"), options()).made, 3);
  expect_error([&] { again("maps", "square", fuse_options("value:0.4"), options("square")); },
               "keep its maps with reduction=square");
  EnsembleOptions squares_only = options("square");
  squares_only.explainers = {parse_explainer("ig:steps=2:baseline=mean:reduction=square")};
  EXPECT_EQ(explain("squares", fuse_options("value:0.4", "u8:16"), squares_only).made, 3);
  again("squares", "squares-again", fuse_options("value:0.4"), squares_only);
  expect_same("squares", "squares-again");
}

TEST_F(Kept, PicturesWithoutClassAreBackgroundAgain) {
  FuseOptions words = fuse_options("value:0.4", "u8:16");
  words.unlabelled = Unlabelled::kBackground;
  EXPECT_EQ(explain("kept", words, options()).made, 4);
  words.keep_maps.reset();
  EXPECT_EQ(again("kept", "again", words, options()).made, 4);
  expect_same("kept", "again");
  EXPECT_EQ(label("again", "none"), std::vector<std::int32_t>(256, 0));
}

}  // namespace
}  // namespace clearcut
