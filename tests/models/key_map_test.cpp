// Names of other frameworks become ours, one to one. Names of PaddleSeg:
// tests/golden/weights/paddleseg_names.py.
#include "models/weights/key_map.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "models/build.h"
#include "models/weights/state_diff.h"
#include "tensor/file.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

StateDict state(const std::vector<std::pair<std::string, Shape>>& rows) {
  StateDict tensors;
  for (const auto& [name, shape] : rows) tensors.emplace_back(name, Tensor::zeros(shape));
  return tensors;
}

StateDict listed_names(const std::string& path) {
  StateDict tensors;
  std::istringstream lines(read_text(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::vector<std::int64_t> sizes;
    words >> name;
    for (std::int64_t size = 0; words >> size;) sizes.push_back(size);
    tensors.emplace_back(name, Tensor(Shape(sizes)));
  }
  return tensors;
}

class PaddleSegNames : public testing::TestWithParam<const char*> {};

// Every name of theirs becomes one of ours of the same shape, and every one of ours is hit, but for the
// counters that Paddle does not have.
TEST_P(PaddleSegNames, BecomeOurs) {
  const std::string name = GetParam();
  const auto theirs = listed_names("tests/golden/weights/paddleseg_" + name + ".txt");
  EXPECT_EQ(guess_key_map(theirs), "paddleseg");
  const StateDict renamed = rename_keys(theirs, key_map("paddleseg"));
  ASSERT_EQ(renamed.size(), theirs.size());
  StateDict ours = make_segmenter({.name = name, .classes = 21})->registry().state();
  std::erase_if(ours, [](const auto& named) { return named.first.ends_with("num_batches_tracked"); });
  const StateDiff diff = compare_states(ours, renamed);
  EXPECT_TRUE(diff.fits()) << diff.text();
  EXPECT_EQ(diff.equal + diff.changed, static_cast<std::int64_t>(ours.size()));
}

INSTANTIATE_TEST_SUITE_P(Networks, PaddleSegNames,
                         testing::Values("pspnet_resnet50_vd", "deeplabv3_resnet50_vd", "ocrnet_hrnet_w18"),
                         [](const auto& row) { return std::string(row.param); });

struct PaddleClas {
  const char *network, *map;
};
void PrintTo(const PaddleClas& p, std::ostream* out) { *out << p.network; }

class PaddleClasNames : public testing::TestWithParam<PaddleClas> {};

// The same of classifiers: tests/golden/weights/paddleclas_names.py.
TEST_P(PaddleClasNames, BecomeOurs) {
  const auto theirs = listed_names(cat("tests/golden/weights/paddleclas_", GetParam().network, ".txt"));
  EXPECT_EQ(guess_key_map(theirs), GetParam().map);
  const StateDict renamed = rename_keys(theirs, key_map(GetParam().map));
  StateDict ours = make_classifier({.name = GetParam().network, .classes = 1000})->registry().state();
  std::erase_if(ours, [](const auto& named) { return named.first.ends_with("num_batches_tracked"); });
  const StateDiff diff = compare_states(ours, renamed);
  EXPECT_TRUE(diff.fits()) << diff.text();
  EXPECT_EQ(renamed.size(), ours.size());
}

INSTANTIATE_TEST_SUITE_P(Networks, PaddleClasNames,
                         testing::Values(PaddleClas{"resnet50", "paddleclas_resnet50"},
                                         PaddleClas{"resnet101", "paddleclas_resnet101"},
                                         PaddleClas{"resnet50_vd", "paddleclas_resnet50_vd"},
                                         PaddleClas{"hrnet_w18", "paddleclas_hrnet"}));

std::vector<std::string> renamed(const std::string& rules, const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, Shape>> rows;
  for (const std::string& name : names) rows.emplace_back(name, Shape{1});
  std::vector<std::string> result;
  for (const auto& [name, tensor] : rename_keys(state(rows), parse_key_map(rules, "r")))
    result.push_back(name);
  return result;
}

TEST(KeyMap, RulesAreTriedInOrderOnWhatOthersLeft) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(renamed("; a comment\n\na.* -> b.$1\nb.# -> c$1+1\n", {"a.7", "b.9", "b.x"}),
            (Names{"c8", "c10", "b.x"}));
  EXPECT_EQ(renamed("l#.*.w -> $2.l$1-1.w", {"l3.a.b.w", "l.a.w", "l10.q.w"}),
            (Names{"a.b.l2.w", "l.a.w", "q.l9.w"}));
  EXPECT_EQ(renamed("fc.* -> drop", {"fc.weight", "conv"}), (Names{"conv"}));
  EXPECT_EQ(renamed("*.x.* -> $2.x.$1", {"a.x.b.x.c"}), (Names{"b.x.c.x.a"}))
      << "a star takes as little as it can";
}

TEST(KeyMap, MatricesAreTransposed) {
  const StateDict w = {{"fc.weight", Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})}};
  const StateDict t = rename_keys(w, parse_key_map("fc.weight -> out.weight transpose", "r"));
  EXPECT_EQ(t[0].first, "out.weight");
  EXPECT_EQ(t[0].second.shape(), (Shape{3, 2}));
  EXPECT_EQ(t[0].second.values<float>(), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  expect_error(
      [] {
        rename_keys(state({{"b", {4}}}), parse_key_map("b -> b transpose", "r"));
      },
      "'b' is to be transposed, but it is [4]");
}

TEST(KeyMap, MistakesAreNamed) {
  expect_error([] { parse_key_map("a -> b\na b\n", "mine.map"); }, "mine.map:2: a rule is FROM -> TO");
  expect_error([] { parse_key_map("a ->", "r"); }, "TO is missing");
  expect_error([] { parse_key_map("a.* -> $2", "r"); }, "$2 stands for nothing, FROM has 1 of * and #");
  expect_error([] { renamed("*.a -> $1.b", {"x.a", "x.b"}); }, "'x.a' and 'x.b' would both be called 'x.b'");
  expect_error([] { key_map("padleseg"); }, "maps: none, paddleseg, paddleclas_resnet50, ");
}

TEST(StateDiff, SaysWhatIsWhere) {
  const StateDict wanted =
      state({{"conv1.weight", {2, 3}}, {"bn.running_var", {2}}, {"fc.weight", {5, 2}}, {"a", {1}}});
  const StateDict given =
      state({{"bn._variance", {2}}, {"conv1.weight", {2, 3}}, {"fc.weight", {7, 2}}, {"z.q", {9}}});
  const StateDiff diff = compare_states(wanted, given);
  EXPECT_FALSE(diff.fits());
  EXPECT_EQ(diff.text(),
            "missing     bn.running_var [2]\n"
            "missing     a [1]\n"
            "unexpected  bn._variance [2]\n"
            "unexpected  z.q [9]\n"
            "wrong shape fc.weight wants [5, 2], got [7, 2]\n"
            "1 tensors fit (1 with the same numbers), 2 missing, 2 unexpected, 1 of another shape\n");
}

TEST(StateDiff, SuggestsNamesOfTheSameShape) {
  const StateDiff diff = compare_states(state({{"layer1.conv.weight", {2}}, {"layer1.conv.bias", {3}}}),
                                        state({{"layer1.conv2.weight", {4}}, {"layers1.conv.weight", {2}}}));
  EXPECT_EQ(diff.missing[0].suggestion, "layers1.conv.weight");
  EXPECT_EQ(diff.missing[1].suggestion, "");
  EXPECT_EQ(diff.unexpected[1].suggestion, "layer1.conv.weight");
}

}  // namespace
}  // namespace clearcut
