// The table of explainers: goldens from outside for every row, the page, the presets.
#include "explain/explainer_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "data/text_lines.h"
#include "tests/explain/golden_nets.h"

namespace clearcut {
namespace {

std::vector<const ExplainerRow*> all_rows() {
  std::vector<const ExplainerRow*> rows;
  for (const ExplainerFamily& family : explainer_families())
    for (const ExplainerRow& row : family.rows) rows.push_back(&row);
  return rows;
}

// Names of arrays up to the last dot, over all golden files of explainers.
std::set<std::string> golden_names() {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/explain")) {
    if (entry.path().extension() != ".safetensors") continue;
    for (const auto& [name, tensor] : test::golden_arrays(entry.path().stem().string()))
      names.insert(name.substr(0, name.rfind('.')));
  }
  return names;
}

TEST(ExplainerTable, EveryRowHasGoldensThatOurCodeDidNotWrite) {
  const std::set<std::string> golden = golden_names();
  for (const ExplainerRow* row : all_rows()) {
    EXPECT_TRUE(golden.count(row->name)) << row->name << " has none of the small network";
    EXPECT_TRUE(golden.count(cat("onnx.", row->name))) << row->name << " has none of the ONNX network";
  }
}

// What was measured stands behind what the program writes.
TEST(ExplainerTable, ThePageInTheTreeIsTheProgrammes) {
  const std::string page = read_text("docs/explainers.md");
  EXPECT_EQ(page.substr(0, page.find("\n## Measured")), explainers_page())
      << "write it again: bin/clearcut explainers --page, and keep what stands from '## Measured' on";
}

TEST(ExplainerTable, RowsAreComplete) {
  for (const ExplainerRow* row : all_rows()) {
    for (const char* text : {row->formula, row->paper, row->needs, row->cost}) {
      ASSERT_NE(text, nullptr) << row->name;
      EXPECT_STRNE(text, "") << row->name;
    }
    const std::string text = describe(parse_explainer(row->name));
    EXPECT_EQ(describe(parse_explainer(text)), text);
    for (const Preset& preset : row->presets) {
      const std::string chosen = describe(parse_explainer(cat(row->name, ":preset=", preset.name)));
      EXPECT_EQ(describe(parse_explainer(cat(row->name, ":", preset.settings))), chosen);
    }
  }
}

std::string with_settings(const std::string& name) {
  const std::string number = name == "ig" ? ":steps=6" : name == "lime" ? ":samples=40" : ":samples=4";
  for (const Setting& setting : explainer_row(name).settings) {
    if (setting.name == "relu")
      return name + (name == "shapleycam" ? ":relu=0:score=probability" : ":relu=0");
    if (setting.name == "samples" || setting.name == "steps") return name + number;
  }
  return name + (name == "gradxinput" ? ":reduction=signed" : "");
}

void expect_near(const std::string& name, const std::vector<float>& map,
                 const std::vector<double>& expected) {
  ASSERT_EQ(map.size(), expected.size()) << name;
  for (std::size_t i = 0; i < map.size(); ++i)
    EXPECT_NEAR(map[i], expected[i], test::golden_bound(name, expected)) << name << " " << i;
}

// Goldens of explainers.py: maps for a logit.
void expect_maps(Classifier& net, const test::Arrays& arrays, const std::string& prefix) {
  const ExplainInput input = test::golden_input(arrays, prefix);
  int compared = 0;
  for (const ExplainerRow* row : all_rows()) {
    const auto golden = arrays.find(cat(prefix, row->name, ".map"));
    if (golden == arrays.end()) continue;
    ++compared;
    expect_near(row->name, explain(net, input, parse_explainer(with_settings(row->name))).values<float>(),
                golden->second.values<double>());
  }
  EXPECT_GE(compared, 20);
  expect_near("gradcam",
              explain(net, input, parse_explainer("gradcam:relu=0:scales=0.5+1:flip=1")).values<float>(),
              arrays.at(prefix + "gradcam.views").values<double>());
  expect_near("smoothgrad", explain(net, input, parse_explainer("smoothgrad:preset=captum")).values<float>(),
              arrays.at(prefix + "smoothgrad.captum").values<double>());
}

TEST(ExplainerTable, MapsOfTheSmallNetworkAreThePapersFormulas) {
  const test::Arrays arrays = test::golden_arrays();
  test::GoldenNet net(arrays);
  expect_maps(net, arrays, "");
}

TEST(ExplainerTable, MapsOfTheOnnxNetworkAreThePapersFormulas) {
  expect_maps(*test::golden_onnx_net(), test::golden_arrays(), "onnx.");
}

}  // namespace
}  // namespace clearcut
