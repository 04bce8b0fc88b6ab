#include "data/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <thread>

#include "data/jsonl.h"
#include "tensor/file.h"
#include "tests/disk_limit.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

TEST(Json, KeepsOrderAndTypes) {
  const JsonObject inner = JsonObject().set("k", std::vector<int>{1, 2});
  const JsonObject x = JsonObject()
                           .set("name", "a \"b\"")
                           .set("n", 3)
                           .set("big", std::int64_t{1} << 40)
                           .set("id", std::numeric_limits<std::uint64_t>::max())
                           .set("share", 0.5)
                           .set("none", std::numeric_limits<double>::quiet_NaN())
                           .set("on", true)
                           .set("list", std::vector<double>{1, 2.5})
                           .set("inner", inner)
                           .set("rows", std::vector<JsonObject>{inner, inner});
  EXPECT_EQ(
      x.line(),
      R"({"name":"a \"b\"","n":3,"big":1099511627776,"id":18446744073709551615,"share":0.5,"none":null,)"
      R"("on":true,"list":[1.0,2.5],"inner":{"k":[1,2]},"rows":[{"k":[1,2]},{"k":[1,2]}]})");
  const JsonObject y = JsonObject::parse(x.line(), "x");
  EXPECT_EQ(y.line(), x.line());
  EXPECT_EQ(y.text("name"), "a \"b\"");
  EXPECT_EQ(y.integer("big"), std::int64_t{1} << 40);
  EXPECT_TRUE(std::isnan(y.number("none")));
  EXPECT_TRUE(y.flag("on"));
  EXPECT_EQ(y.numbers("list"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(y.object("inner").integers("k"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(y.objects("rows").size(), 2U);
  EXPECT_EQ(y.names().front(), "name");
}

TEST(Json, ErrorsNameOriginAndKey) {
  const JsonObject x = JsonObject::parse(R"({"a": "text", "b": {"c": 1.5}})", "f.json");
  expect_error([&] { x.number("a"); }, "f.json: 'a' must be a number, it is \"text\"");
  expect_error([&] { x.text("z"); }, "f.json: has no 'z'");
  expect_error([&] { x.object("b").integer("c"); }, "f.json, b: 'c' must be a whole number, it is 1.5");
  expect_error([] { JsonObject::parse("{\"a\": 1, \"a\": 2}", "g"); }, "g: the name 'a' comes twice");
  expect_error([] { JsonObject::parse("[1]", "g"); }, "must be one object");
  expect_error([] { JsonObject::parse("{\"a\": ", "g.json"); }, "g.json: ");
}

TEST(Jsonl, ATornLastLineIsCutOff) {
  const std::string path = testing::TempDir() + "torn.jsonl";
  write_file(path, "{\"a\":1}\n{\"a\":2}\n{\"a\":");
  EXPECT_EQ(read_jsonl(path).size(), 2U);
  { JsonlWriter(path).write(JsonObject().set("a", 3)); }
  EXPECT_EQ(read_text(path), "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
  { JsonlWriter(path, JsonlWriter::Mode::kFresh).write(JsonObject().set("a", 4)); }
  EXPECT_EQ(read_text(path), "{\"a\":4}\n");
  write_file(path, "{\"a\":1}\nnot json\n");
  expect_error([&] { read_jsonl(path); }, "torn.jsonl:2: ");
}

// On a full disk half a line would stay, and the next line would be written behind it.
TEST(Jsonl, ALineThatDoesNotFitIsTakenBack) {
  const std::string path = testing::TempDir() + "full.jsonl";
  const std::string first = "{\"a\":1}\n";
  {
    JsonlWriter writer(path, JsonlWriter::Mode::kFresh);
    writer.write(JsonObject().set("a", 1));
    const test::DiskLimit limit(first.size() + 20);
    expect_error([&] { writer.write(JsonObject().set("text", std::string(100, 'x'))); }, "File too large");
    EXPECT_EQ(read_text(path), first);
    writer.write(JsonObject().set("a", 1));
  }
  EXPECT_EQ(read_text(path), first + first);
}

// Lines are found across the blocks in which a file is read, of 65536 bytes each.
TEST(Jsonl, LongFilesAreReadInBlocks) {
  const std::string path = testing::TempDir() + "long.jsonl";
  std::string text;
  std::vector<std::int64_t> offsets;
  for (int i = 0; text.size() < 400000; ++i) {
    offsets.push_back(static_cast<std::int64_t>(text.size()));
    text += "{\"text\":\"" + std::string(static_cast<std::size_t>(i % 7 == 0 ? 70000 : i), 'x') + "\"}\n";
  }
  write_file(path, text + "{\"torn\":\"" + std::string(150000, 'y'));
  std::vector<std::int64_t> found;
  for_each_line(path, [&](std::string_view line, std::int64_t offset) {
    EXPECT_EQ(line, std::string_view(text).substr(static_cast<std::size_t>(offset), line.size()));
    EXPECT_EQ(text[static_cast<std::size_t>(offset) + line.size()], '\n');
    found.push_back(offset);
  });
  EXPECT_EQ(found, offsets);
  { JsonlWriter(path).write(JsonObject().set("a", 1)); }
  EXPECT_EQ(read_text(path), text + "{\"a\":1}\n");
}

TEST(Jsonl, LinesOfSeveralThreadsStayWhole) {
  const std::string path = testing::TempDir() + "threads.jsonl";
  {
    JsonlWriter writer(path, JsonlWriter::Mode::kFresh);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&writer, t] {
        for (int i = 0; i < 50; ++i)
          writer.write(JsonObject().set("t", t).set("text", std::string(200, 'x')));
      });
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT_EQ(read_jsonl(path).size(), 200U);
}

TEST(Jsonl, FailuresComeBackAndAnEmptyListRemovesTheFile) {
  const std::string path = testing::TempDir() + "failures.jsonl";
  write_failures(path, {{"a.jpg", "read", "truncated"}, {"b.jpg", "explain", "no class"}});
  const std::vector<Failure> back = read_failures(path);
  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back[1].stage, "explain");
  write_failures(path, {});
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace clearcut
