// List entries that stand for many: `each` and `do` in configurations.
#include <gtest/gtest.h>

#include "tests/errors.h"
#include "train/config.h"

namespace clearcut {
namespace {

using Names = std::vector<std::string>;

Names names_in(const std::string& text) {
  Names names;
  for (const Config& entry : Config::parse(text, "t.yaml").sections("list"))
    names.push_back(entry.text("name"));
  return names;
}

TEST(ConfigEach, OneCopyPerCombinationTheLastWordFastest) {
  EXPECT_EQ(names_in("list:\n  - {name: first}\n  - {each: {a: [x, y], b: [1, 2]}, name: <a>-<b>}\n"),
            (Names{"first", "x-1", "x-2", "y-1", "y-2"}));
}

TEST(ConfigEach, EntriesOfDoStandThereForEachValue) {
  EXPECT_EQ(names_in("list:\n  - each: {s: [1, 2]}\n    do:\n      - {name: a<s>}\n"
                     "      - {each: {t: [u, v]}, name: b<s><t>}\n  - {name: last}\n"),
            (Names{"a1", "b1u", "b1v", "a2", "b2u", "b2v", "last"}));
}

TEST(ConfigEach, WordsStandInKeysAndReferencesAndListsMayBeReferences) {
  const Config c = Config::parse(
      "seeds: [3, 4]\nnets: {p: {w: 5}, q: {w: 6}}\n"
      "list:\n  - {each: {n: [p, q], s: \"${seeds}\"}, name: <n><s>, value: \"${nets.<n>.w}\", map: {<n>: "
      "1}}\n",
      "t.yaml");
  const auto entries = c.sections("list");
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[1].text("name"), "p4");
  EXPECT_EQ(entries[1].integer("value"), 5);
  EXPECT_EQ(entries[3].integer("value"), 6);
  EXPECT_EQ(entries[3].section("map").keys(), Names{"q"});
  for (const Config& entry : entries) entry.text("name"), entry.text("value"), entry.take("map");
  EXPECT_NO_THROW(c.check_all_read());  // seeds and nets were read by their references
}

TEST(ConfigEach, MistakesNameTheLine) {
  expect_error([] { names_in("list:\n  - {each: {a: 1}, name: x}\n"); }, "t.yaml:2: each.a: must be a list");
  expect_error([] { names_in("list:\n  - {each: [a], name: x}\n"); }, "each: must map words to lists");
  expect_error([] { names_in("list:\n  - {each: {a: [1]}, do: [{name: x}], name: y}\n"); },
               "do: must be a list of entries; beside it stands `each` alone");
  expect_error([] { names_in("list:\n  - {each: {a: [{b: 1}]}, name: x}\n"); }, "plain values");
  std::string many = "list:\n  - {name: x, each: {";
  for (const char* word : {"a", "b", "c", "d", "e"}) many += std::string(word) + ": [0,1,2,3,4,5,6,7,8,9], ";
  expect_error([&] { names_in(many + "}}\n"); }, "more than 10000 entries");
}

}  // namespace
}  // namespace clearcut
