// What networks cost, and the texts that say so.
#include "models/network_tables.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "autograd/arithmetic.h"
#include "autograd/elementwise.h"
#include "nn/layers.h"
#include "tensor/file.h"
#include "tensor/work.h"
#include "tests/errors.h"

namespace clearcut {
namespace {

struct Published {
  const char* name;
  const char* multiply_adds;
};
void PrintTo(const Published& p, std::ostream* out) { *out << p.name; }

const std::vector<NetworkCost>& all_costs() {
  static const std::vector<NetworkCost> costs = network_costs();
  return costs;
}

class PublishedCost : public testing::TestWithParam<Published> {};

TEST_P(PublishedCost, IsCounted) {
  const auto cost = std::ranges::find(all_costs(), GetParam().name, &NetworkCost::name);
  ASSERT_NE(cost, all_costs().end());
  EXPECT_EQ(short_count(cost->totals.multiply_adds), GetParam().multiply_adds);
}

// torchvision's pages of weights (GFLOPS there are multiply-adds); Howard et al. 2017, table 4: 569 million.
// The last two: as torch counts them, see tests/models/work_test.cpp.
INSTANTIATE_TEST_SUITE_P(
    Classifiers, PublishedCost,
    testing::Values(Published{"resnet18", "1.81 G"}, Published{"resnet34", "3.66 G"},
                    Published{"resnet50", "4.09 G"}, Published{"resnet101", "7.80 G"},
                    Published{"mobilenet_v1", "0.57 G"}, Published{"mobilenet_v2", "0.30 G"},
                    Published{"squeezenet1_0", "0.82 G"}, Published{"squeezenet1_1", "0.35 G"},
                    Published{"resnet50_vd", "4.33 G"}, Published{"hrnet_w18", "4.28 G"}));

// A dry run must not forget what a real one does.
TEST(NetworkCost, ADryRunCountsWhatARealOneDoes) {
  for (const std::string& name : {std::string("small_mobilenet"), std::string("pspnet_small_resnet")}) {
    const NetworkCost cost = network_cost(name);
    const Var x(Tensor::zeros({1, 3, cost.facts.side, cost.facts.side}));
    const ModelSpec spec{.name = name, .classes = cost.facts.classes};
    const NoGrad no_tape;
    const WorkMeter meter;
    std::int64_t parameters = 0;
    if (cost.facts.segments) {
      const auto net = make_segmenter(spec);
      net->logits(x);
      parameters = net->registry().parameter_count();
    } else {
      const auto net = make_classifier(spec);
      net->logits(x);
      parameters = net->registry().parameter_count();
    }
    EXPECT_EQ(cost.totals.multiply_adds, meter.multiply_adds()) << name;
    EXPECT_EQ(cost.totals.parameters, parameters) << name;
  }
}

TEST(NetworkCost, AnUnknownNameIsRefused) {
  expect_error([] { network_cost("resnet19"); }, "no network is called 'resnet19'");
}

TEST(NetworkTables, NumbersAreGrouped) {
  EXPECT_EQ(count_text(0), "");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(25'557'032), "25,557,032");
  EXPECT_EQ(short_count(999'999), "999,999");
  EXPECT_EQ(short_count(2'048'000), "2.0 M");
  EXPECT_EQ(short_count(4'089'184'256), "4.09 G");
}

std::vector<LayerRow> rows_by_hand() {
  return {{"conv1", {1, 8, 16, 16}, 216, 55'296}, {"bn1", {1, 8, 16, 16}, 16, 0},
          {"maxpool", {1, 8, 8, 8}, 0, 0},        {"layer1.0.conv1", {1, 8, 8, 8}, 576, 36'864},
          {"layer1.0", {1, 8, 8, 8}, 0, 0},       {"layer1", {1, 8, 8, 8}, 0, 0},
          {"head.a.0", {1, 4, 8, 8}, 32, 2'048},  {"head.a.1", {1, 4, 4, 4}, 32, 512},
          {"head.cls", {1, 2, 8, 8}, 10, 512},    {"head", {1, 2, 8, 8}, 0, 0}};
}

TEST(NetworkTables, LayersStandInColumns) {
  const auto rows = rows_by_hand();
  EXPECT_EQ(layer_lines({rows[0], rows[2]}, {{"maxpool", "maps of CAM"}}, "32 x 32"),
            "conv1    [1, 8, 16, 16]               216          55,296\n"
            "maxpool  [1, 8, 8, 8]                                      <- maps of CAM\n"
            "216 parameters, 55,296 multiply-adds for one picture of 32 x 32\n");
}

TEST(NetworkTables, LayersAreJoinedToStages) {
  const std::vector<StageRow> stages = stages_of(rows_by_hand());
  ASSERT_EQ(stages.size(), 4U);
  EXPECT_EQ(stages[0].name, "conv1, bn1, maxpool");
  EXPECT_EQ(stages[0].shape(), (Shape{1, 8, 8, 8}));
  EXPECT_EQ(stages[0].totals.parameters, 216 + 16);
  EXPECT_EQ(stages[1].name, "layer1");
  EXPECT_EQ(stages[1].shape(), (Shape{1, 8, 8, 8}));
  EXPECT_EQ(stages[1].totals.multiply_adds, 36'864);
  EXPECT_EQ(stages[2].name, "head.a");
  EXPECT_EQ(stages[2].shape(), Shape()) << "two branches";
  EXPECT_EQ(stages[3].name, "head.cls");
}

TEST(NetworkTables, TheListHasEveryNetwork) {
  const std::string list = network_list(all_costs());
  std::vector<std::string> names = classifier_names();
  for (const std::string& name : segmenter_names()) names.push_back(name);
  for (const std::string& name : names) EXPECT_NE(list.find("  " + name + " "), std::string::npos) << name;
  EXPECT_NE(
      list.find(
          "  resnet50                25,557,032    4.09 G  224 x 224  He et al. 2015, arXiv:1512.03385\n"),
      std::string::npos)
      << list;
}

TEST(NetworkTables, ThePageInTheTreeIsTheProgrammes) {
  EXPECT_EQ(read_text("docs/models.md"), networks_page(all_costs()))
      << "write it again: bin/clearcut model docs > docs/models.md";
}

// x + relu(conv(x)): both arrows into the sum, names where there are any.
TEST(LayerGraph, IsWrittenForGraphviz) {
  Registry registry;
  const Conv2d conv(registry.scope() / "conv", {.in = 3, .out = 3});
  const Forward forward = [&](const Var& x) { return relu(conv(x)) + x; };
  EXPECT_EQ(layer_graph(registry, forward, Tensor::zeros({1, 3, 4, 5})),
            "digraph network {\n"
            "  node [shape=box];\n"
            "  n0 [label=\"input\\n[1, 3, 4, 5]\"];\n"
            "  n1 [label=\"conv\\nconv2d\\n[1, 3, 4, 5]\"];\n"
            "  n0 -> n1;\n"
            "  n2 [label=\"relu\\n[1, 3, 4, 5]\"];\n"
            "  n1 -> n2;\n"
            "  n3 [label=\"add\\n[1, 3, 4, 5]\"];\n"
            "  n2 -> n3;\n"
            "  n0 -> n3;\n"
            "}\n");
  expect_error(
      [&] {
        layer_graph(
            registry, [](const Var& x) { return x.detach(); }, Tensor::zeros({1}));
      },
      "does not depend on its input");
}

}  // namespace
}  // namespace clearcut
