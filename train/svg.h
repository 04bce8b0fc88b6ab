// Charts as inline SVG: no script, no fonts, no network.
#pragma once

#include <string>
#include <vector>

namespace clearcut {

/// Text with & < > " ' written as HTML entities.
std::string html_escape(const std::string& text);

struct ChartOptions {
  std::string title = "", x_label = "", y_label = "";
  int width = 560, height = 300;  // pixels
  bool from_zero = false;         // the y axis starts at 0
};

struct Curve {
  std::string name;
  std::vector<double> x, y;  // one length; points that are not finite leave a gap
};

/// Curves over one pair of axes with round tick marks and a legend as wide as its names, up to half of the
/// chart; longer names lose their middle. Without any finite point: the axes' title
/// and "no data". Throws Error if a curve's x and y differ in length.
std::string line_chart(const std::vector<Curve>& curves, const ChartOptions& options);

struct Bar {
  std::string name;
  double value = 0;
  double error = 0;        // half length of the whisker; 0 or NaN: none
  bool highlight = false;  // drawn in the accent colour
};

/// Horizontal bars from 0, one below the other, each with its number; names get up to 0.6 of the width.
std::string bar_chart(const std::vector<Bar>& bars, const ChartOptions& options);

/// Round numbers that cover [low, high]: steps of 1, 2 or 5 times a power of ten, at most `most` + 1 of them.
std::vector<double> ticks(double low, double high, int most = 6);

}  // namespace clearcut
