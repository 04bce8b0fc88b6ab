#include "train/config.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tensor/file.h"
#include "tensor/nearest.h"

namespace clearcut {
namespace {

/// The text of the ConfigError that call() throws.
template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

#define EXPECT_SAYS(call, part)                                           \
  {                                                                       \
    const std::string said = error_of([&] { call; });                     \
    EXPECT_NE(said.find(part), std::string::npos) << "it said: " << said; \
  }

class ConfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "clearcut_config_" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    write_file(folder_ + "/" + name, text);
    return folder_ + "/" + name;
  }
  std::string folder_;
};

TEST(Config, ReadsValuesOfEachKind) {
  const Config c = Config::parse(
      "a: 3\nb: 0.5\nc: true\nd: text\ne: [1, 2.5]\nf: {g: x}\nh:\n  - k: 1\n  - k: 2\n", "t.yaml");
  EXPECT_EQ(c.integer("a"), 3);
  EXPECT_EQ(c.number("b"), 0.5);
  EXPECT_TRUE(c.flag_or("c", false));
  EXPECT_EQ(c.text("d"), "text");
  EXPECT_EQ(c.numbers("e"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(c.texts("d"), std::vector<std::string>{"text"});
  EXPECT_EQ(c.section("f").text("g"), "x");
  const auto list = c.sections("h");
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].integer("k") + list[1].integer("k"), 3);
  c.check_all_read();
  EXPECT_EQ(c.integer_or("absent", 7), 7);
  EXPECT_EQ(c.integer("a", {.low = 3, .high = 3}), 3);
}

TEST(Config, UnknownKeyNamesLineAndNearestKey) {
  const Config c = Config::parse("train:\n  batch: 2\n  momentun: 0.9\n", "t.yaml");
  const Config train = c.section("train");
  train.integer("batch");
  train.number_or("momentum", 0.9);
  EXPECT_SAYS(c.check_all_read(), "t.yaml:3: unknown key 'train.momentun'; did you mean 'momentum'?");
}

TEST(Config, UnknownKeyInAListAndFromAnOverrideIsFound) {
  const Config c = Config::parse("s:\n  - k: 1\n    wrong: 2\n", "t.yaml", {"extra.x=1"});
  for (const Config& entry : c.sections("s")) entry.integer("k");
  EXPECT_SAYS(c.check_all_read(), "t.yaml:3: unknown key 's.0.wrong'");
  EXPECT_SAYS(c.check_all_read(), "--set extra.x=1: unknown key 'extra'");
}

TEST(Config, MissingKeyNamesTheMisspeltOne) {
  const Config c = Config::parse("m:\n  clases: 3\n", "t.yaml");
  EXPECT_SAYS(c.section("m").integer("classes"), "t.yaml:1: m.classes: must be given; is 'clases' meant");
}

TEST(Config, MistakesNameTheLine) {
  EXPECT_SAYS(Config::parse("a: 1\nb: 2\na: 3\n", "t.yaml"),
              "t.yaml:3: a: the key comes twice; first at t.yaml:1");
  EXPECT_SAYS(Config::parse("a: [1\nb: 2\n", "t.yaml"), "not YAML");
  EXPECT_SAYS(Config::parse("- 1\n", "t.yaml"), "must be a mapping");
  EXPECT_SAYS(Config::parse("a: 1\n---\nb: 1\n", "t.yaml"), "must hold one document, holds more");
  EXPECT_SAYS(Config::parse("[1, 2]: 3\n", "t.yaml"), "a key must be plain text");
  const Config c = Config::parse("a: x\nb: yes\nc: 1.5\nd: {e: 1}\nf: bluf\n", "t.yaml");
  EXPECT_SAYS(c.integer("a"), "t.yaml:1: a: must be a number; got 'x'");
  EXPECT_SAYS(c.flag_or("b", false), "t.yaml:2: b: must be true or false; got 'yes'");
  EXPECT_SAYS(c.integer("c"), "t.yaml:3: c: must be a whole number; got '1.5'");
  EXPECT_SAYS(c.text("d"), "t.yaml:4: d: must be one value");
  EXPECT_SAYS(c.number("c", {.low = 0, .high = 1}), "c: must lie in [0, 1]; got 1.5");
  EXPECT_SAYS(c.choice("f", {"blur", "zero"}), "must be one of blur, zero; got 'bluf'; did you mean 'blur'?");
  EXPECT_SAYS(c.section("a"), "a: must be a mapping");
}

TEST(Config, SizeDepthAndAliasBombsAreRefused) {
  EXPECT_SAYS(Config::parse("a: " + std::string(1 << 20, 'x'), "t.yaml"), "at most 1048576 bytes");
  EXPECT_SAYS(Config::parse("a: " + std::string(40, '[') + std::string(40, ']'), "t.yaml"), "deeper than 32");
  EXPECT_SAYS(Config::parse("a: " + std::string(4000, '['), "t.yaml"), "t.yaml");
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += cat("a", i, ": &a", i, " [");
    for (int k = 0; k < 10; ++k) bomb += cat(k ? ", " : "", "*a", i - 1);
    bomb += "]\n";
  }
  EXPECT_SAYS(Config::parse(bomb, "t.yaml"), "more than 100000 values");
}

TEST_F(ConfigFiles, BaseIsRelativeToTheFileAndMergedKeyByKey) {
  file("inner/base.yaml", "a: {x: 1, y: 2}\nlist: [1, 2, 3]\ngone: 5\n");
  file("inner/middle.yaml", "_base_: base.yaml\na: {y: 3}\n");
  const Config c = Config::load(file("top.yaml", "_base_: [inner/middle.yaml]\nlist: [9]\ngone: ~\nb: 4\n"));
  EXPECT_EQ(c.effective(), "a:\n  x: 1\n  y: 3\nlist: [9]\nb: 4\n");
}

TEST_F(ConfigFiles, BasesThatAreMissingOrCircularAreErrors) {
  EXPECT_SAYS(Config::load(file("a.yaml", "x: 1\n_base_: no.yaml\n")), "a.yaml:2: _base_: no such file:");
  file("b.yaml", "_base_: c.yaml\n");
  EXPECT_SAYS(Config::load(file("c.yaml", "_base_: b.yaml\n")), "a circle?");
  EXPECT_SAYS(Config::load(folder_ + "/none.yaml"), "no such file");
}

TEST(Config, OverridesReachMappingsListsAndNewKeys) {
  const Config c = Config::parse("a: {b: 1}\ns: [{k: 1}, {k: 2}]\n", "t.yaml",
                                 {"a.b=2", "s.1.k=[1, 2]", "n.m=x=y", "a.b=3"});
  EXPECT_EQ(c.effective(), "a:\n  b: 3\ns:\n  -\n    k: 1\n  -\n    k: [1, 2]\nn:\n  m: \"x=y\"\n");
  EXPECT_SAYS(Config::parse("a: 1\n", "t", {"a.b=1"}), "--set a.b=1: a.b: 'b' stands below a plain value");
  EXPECT_SAYS(Config::parse("a: [1]\n", "t", {"a.1=1"}), "it has 1, counted from 0");
  EXPECT_SAYS(Config::parse("a: 1\n", "t", {"a"}), "must read a.b=value");
}

TEST(Config, ReferencesAreReplacedAndMustExist) {
  const Config c = Config::parse("root: /d\nx: {y: \"${root}/${n}.txt\"}\nn: 3\n", "t.yaml");
  EXPECT_EQ(c.section("x").text("y"), "/d/3.txt");
  c.check_all_read();  // root and n were used by the reference
  EXPECT_SAYS(Config::parse("a: ${data}/x\n", "t.yaml"),
              "t.yaml:1: a: ${data} needs a value: give it with --set data=");
  EXPECT_SAYS(Config::parse("a: ${b}\nb: ${a}\n", "t.yaml"), "references form a circle");
}

TEST(Config, AReferenceIntoAMappingReadsIt) {
  const Config c = Config::parse("n: {a: 3, b: 4}\nx: \"${n.a}\"\n", "t.yaml");
  EXPECT_EQ(c.integer("x"), 3);
  EXPECT_SAYS(c.check_all_read(), "unknown key 'n.b'");
}

TEST(Config, AReferenceAloneStandsForAListOrMapping) {
  const Config c =
      Config::parse("nets: [\"${w}/a\", b]\nw: /d\nx: {y: \"${nets}\", z: \"${m}\"}\nm: {n: 3}\n", "t.yaml");
  EXPECT_EQ(c.section("x").texts("y"), (std::vector<std::string>{"/d/a", "b"}));
  EXPECT_EQ(c.section("x").section("z").integer("n"), 3);
  c.check_all_read();
  EXPECT_SAYS(Config::parse("a: [\"${a}\"]\n", "t.yaml"), "references form a circle");
}

// A value that only references asked for would be an unknown key to whoever loads the result.
TEST(Config, EffectiveCanBeLoadedAgain) {
  const char* text = "data:\n  path: ${root}/a\n  rate: ${data.steps}\n  steps: 3\n";
  const auto read = [](const Config& c) {
    const Config data = c.section("data");
    data.text("path");
    data.integer("rate");
    data.integer("steps");
    c.check_all_read();
  };
  const Config c = Config::parse(text, "t.yaml", {"root=/here"});
  read(c);
  EXPECT_EQ(c.effective(), "data:\n  path: /here/a\n  rate: 3\n  steps: 3\n");
  EXPECT_EQ(c.recipe(), c.effective() + "root: /here\n");
  const Config again = Config::parse(c.effective(), "again.yaml");
  read(again);
  EXPECT_EQ(again.effective(), c.effective());
}

TEST(Config, EffectiveShowsDefaultsAndReadsBackTheSame) {
  const Config c = Config::parse("a: \"true\"\nb: 'x: #y'\nc: \"\"\nneg: -0.5\nl: [a b, -1]\n", "t.yaml");
  c.integer_or("steps", 100);
  c.numbers_or("weights", {1, 0.4});
  c.section("opt").number_or("lr", 0.01);
  const std::string once = c.effective();
  EXPECT_NE(once.find("steps: 100\nweights: [1, 0.4]\nopt:\n  lr: 0.01\n"), std::string::npos) << once;
  const Config back = Config::parse(once, "t.yaml");
  EXPECT_EQ(back.effective(), once);
  EXPECT_EQ(back.text("b"), "x: #y");
  EXPECT_EQ(back.text("c"), "");
  EXPECT_EQ(back.texts("l"), (std::vector<std::string>{"a b", "-1"}));
}

TEST(Config, LeavesAreFlat) {
  const Config c = Config::parse("a: {b: 1, c: [1, 2]}\nd: [{e: f}]\n", "t.yaml");
  using Leaf = std::pair<std::string, std::string>;
  EXPECT_EQ(c.leaves(), (std::vector<Leaf>{{"a.b", "1"}, {"a.c", "[1, 2]"}, {"d.0.e", "f"}}));
}

TEST(Nearest, FindsTheWordWithTheFewestEdits) {
  EXPECT_EQ(nearest("smothgrad", {"gradcam", "smoothgrad"}), "smoothgrad");
  EXPECT_EQ(nearest("zzz", {"gradcam", "smoothgrad"}), "");
}

}  // namespace
}  // namespace clearcut
