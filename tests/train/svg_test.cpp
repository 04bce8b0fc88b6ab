#include "train/svg.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/error.h"

namespace clearcut {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Svg, TicksAreRoundAndCoverTheRange) {
  EXPECT_EQ(ticks(0, 10), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(ticks(-3, 4, 4), (std::vector<double>{-4, -2, 0, 2, 4}));
  const std::vector<double> one = ticks(5, 5);  // an empty range gets one unit
  EXPECT_LE(one.front(), 4.5);
  EXPECT_GE(one.back(), 5.5);
}

TEST(Svg, EscapesText) { EXPECT_EQ(html_escape("a<b> & 'c'"), "a&lt;b&gt; &amp; &#39;c&#39;"); }

TEST(Svg, ACurveIsDrawnToTheCornersOfItsAxes) {
  // 200 x 100 pixels: the plot spans x 56 .. 192 and y 28 .. 60; ticks end at 0 and 10 on both axes.
  const std::string svg =
      line_chart({{"loss", {0, 10}, {0, 10}}}, {.title = "t", .width = 200, .height = 100});
  EXPECT_NE(svg.find("d='M56.0 60.0L192.0 28.0'"), std::string::npos) << svg;
}

TEST(Svg, NotFinitePointsLeaveAGap) {
  const std::string svg = line_chart({{"loss", {0, 1, 2, 3}, {1, NAN, 2, 3}}}, {.title = "t"});
  const std::size_t path = svg.find(" d='");
  const std::string d = svg.substr(path + 4, svg.find('\'', path + 4) - path - 4);
  EXPECT_EQ(count(d, "M"), 2u);
  EXPECT_EQ(count(d, "L"), 1u);
  EXPECT_EQ(count(svg, "nan"), 0u);
}

TEST(Svg, NoDataIsSaid) {
  EXPECT_NE(line_chart({}, {.title = "t"}).find("no data"), std::string::npos);
  EXPECT_NE(line_chart({{"a", {0}, {INFINITY}}}, {.title = "t"}).find("no data"), std::string::npos);
}

TEST(Svg, BarsAreAsLongAsTheirNumbers) {
  // 500 wide: bars start at 210, axis ends at 440 = tick 100; 50 is half of 230.
  const std::string svg =
      bar_chart({{.name = "a", .value = 50}, {.name = "b", .value = 100}}, {.width = 500});
  EXPECT_NE(svg.find("width='115.0'"), std::string::npos) << svg;
  EXPECT_NE(svg.find("width='230.0'"), std::string::npos) << svg;
}

TEST(Svg, TheLegendFollowsTheLongestName) {
  // 20 characters of 7 pixels, 36 around them: the plot ends at 500 - 176 = 324.
  const std::string name(20, 'n'), longer(60, 'm');
  const std::vector<double> xs = {0, 10};
  const std::string svg = line_chart({{"a", xs, xs}, {name, xs, xs}}, {.width = 500});
  EXPECT_NE(svg.find("L324.0 "), std::string::npos) << svg;
  EXPECT_NE(svg.find(">" + name + "<"), std::string::npos);
  // At most half: 250 - 36 = 214 pixels hold 30 characters, 15 + 1 + 14.
  const std::string cut = line_chart({{"a", xs, xs}, {longer, xs, xs}}, {.width = 500});
  EXPECT_NE(cut.find("L250.0 "), std::string::npos) << cut;
  EXPECT_NE(cut.find(">" + std::string(15, 'm') + "\u2026" + std::string(14, 'm') + "<"), std::string::npos)
      << cut;
  const std::string bars = bar_chart({{.name = longer, .value = 1}}, {.width = 500});
  EXPECT_EQ(bars.find(longer), std::string::npos);
  EXPECT_NE(bars.find("\u2026"), std::string::npos);
}

TEST(Svg, UnequalCurvesAreRefused) { EXPECT_THROW(line_chart({{"a", {0, 1}, {0}}}, {}), Error); }

}  // namespace
}  // namespace clearcut
