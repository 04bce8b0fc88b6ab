#include "explain/grab_cut.h"

#include <gtest/gtest.h>

#include <cmath>

#include "explain/colour_mixture.h"
#include "explain/min_cut.h"
#include "tensor/random.h"
#include "tests/errors.h"
#include "tests/explain/golden_file.h"

namespace clearcut {
namespace {

struct Edge {
  int a, b;
  double forward, backward;
};
struct Graph {
  int nodes;
  std::vector<double> source, sink;
  std::vector<Edge> edges;
};

// Whole capacities, so that sums are exact; many are 0, and many cuts cost the same.
Graph random_graph(int nodes, int edges, std::uint32_t number) {
  const RandomStream random(7, "min cut", 0, number);
  std::int64_t i = 0;
  const auto capacity = [&] {
    return static_cast<double>(std::max<std::int64_t>(0, random.below(i++, 9) - 2));
  };
  Graph graph{.nodes = nodes, .source = {}, .sink = {}, .edges = {}};
  for (int n = 0; n < nodes; ++n) {
    graph.source.push_back(capacity());
    graph.sink.push_back(capacity());
  }
  for (int e = 0; e < edges; ++e) {
    const int a = static_cast<int>(random.below(i++, nodes)), b = static_cast<int>(random.below(i++, nodes));
    if (a != b) graph.edges.push_back({a, b, capacity(), capacity()});
  }
  return graph;
}

// What it costs to have the nodes of `side`'s bits with the source.
double cost_of(const Graph& graph, unsigned side) {
  const auto with_source = [&](int n) { return (side >> static_cast<unsigned>(n) & 1U) != 0; };
  double cost = 0;
  for (int n = 0; n < graph.nodes; ++n)
    cost +=
        with_source(n) ? graph.sink[static_cast<std::size_t>(n)] : graph.source[static_cast<std::size_t>(n)];
  for (const Edge& e : graph.edges) {
    if (with_source(e.a) && !with_source(e.b)) cost += e.forward;
    if (with_source(e.b) && !with_source(e.a)) cost += e.backward;
  }
  return cost;
}

// All 2^n cuts of small graphs, by the definition.
TEST(MinCut, IsTheCheapestOfAllCuts) {
  for (std::uint32_t number = 0; number < 400; ++number) {
    const int nodes = 2 + static_cast<int>(number % 9);
    const Graph graph = random_graph(nodes, 3 * nodes, number);
    MinCut cut(nodes);
    for (int n = 0; n < nodes; ++n)
      cut.add_ends(n, graph.source[static_cast<std::size_t>(n)], graph.sink[static_cast<std::size_t>(n)]);
    for (const Edge& e : graph.edges) cut.add_edge(e.a, e.b, e.forward, e.backward);
    const double flow = cut.run();
    unsigned side = 0;
    for (int n = 0; n < nodes; ++n)
      side |= static_cast<unsigned>(cut.of_source(n)) << static_cast<unsigned>(n);
    double cheapest = INFINITY;
    for (unsigned s = 0; s < 1U << static_cast<unsigned>(nodes); ++s)
      cheapest = std::min(cheapest, cost_of(graph, s));
    ASSERT_EQ(flow, cheapest) << "graph " << number;
    ASSERT_EQ(cost_of(graph, side), cheapest) << "graph " << number;
  }
}

TEST(MinCut, EndsAddUpAndWrongOnesAreRefused) {
  MinCut cut(2);
  cut.add_ends(0, 5, 2);
  cut.add_ends(0, 0, 4);  // 5 from the source, 6 to the sink
  cut.add_edge(0, 1, 3, 3);
  cut.add_ends(1, 10, 0);
  EXPECT_EQ(cut.run(), 6);
  EXPECT_TRUE(cut.of_source(1));
  expect_error([&] { MinCut(1).add_ends(0, -1, 0); }, "capacities must be >= 0; got -1");
  expect_error([&] { MinCut(2).add_edge(0, 1, 1, -2); }, "capacities must be >= 0; got 1 and -2");
}

// Two colours, three times as many of the one: weights, means and a covariance of 0.01 by hand.
TEST(ColourMixture, TwoColoursByHand) {
  const std::vector<Colour> colours = {{10, 20, 30}, {10, 20, 30}, {200, 20, 30}, {10, 20, 30}};
  const ColourMixture mixture = ColourMixture::split(colours, 5).refitted(colours);
  const double peak = std::pow(0.01, -1.5);
  EXPECT_NEAR(mixture.cost({10, 20, 30}), -std::log(0.75 * peak), 1e-9);
  EXPECT_NEAR(mixture.cost({200, 20, 30}), -std::log(0.25 * peak), 1e-9);
  EXPECT_NEAR(mixture.cost({10.1, 20, 30}), -std::log(0.75 * peak * std::exp(-0.5)), 1e-9);
  EXPECT_NEAR(mixture.cost({100, 20, 30}), 700, 0.1);
}

// cv2.grabCut starts from k-means with random seeds, we from splits: masks differ at most along the border.
TEST(GrabCut, NearOpenCvsMasks) {
  for (const std::string name : {"disc", "bar"}) {
    const Tensor mask = grab_cut(test::explain_golden("grab_cut", name + ".picture"),
                                 test::explain_golden("grab_cut", name + ".hints"));
    const auto got = mask.values<std::uint8_t>();
    const auto expected = test::explain_golden("grab_cut", name + ".mask").values<std::uint8_t>();
    int both = 0, either = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      both += got[i] && expected[i];
      either += got[i] || expected[i];
    }
    ASSERT_GT(both, 100) << name;
    EXPECT_GE(static_cast<double>(both) / either, 0.98) << name;
  }
}

TEST(GrabCut, KnownPixelsStayAndOneSideAloneIsTheAnswer) {
  const Tensor picture = test::explain_golden("grab_cut", "disc.picture");
  Tensor hints = test::explain_golden("grab_cut", "disc.hints").clone();
  hints.data<std::int32_t>()[0] = static_cast<std::int32_t>(Hint::kObject);
  EXPECT_EQ(grab_cut(picture, hints).values<std::uint8_t>()[0], 1);
  const Tensor all = Tensor::full(hints.shape(), 3, DType::kInt32);
  EXPECT_EQ(grab_cut(picture, all).values<std::uint8_t>(),
            std::vector<std::uint8_t>(static_cast<std::size_t>(all.numel()), 1));
  expect_error([&] { grab_cut(picture, Tensor::full(hints.shape(), 4, DType::kInt32)); }, "hints are 0 to 3");
}

}  // namespace
}  // namespace clearcut
