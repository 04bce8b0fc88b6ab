#include "train/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "tensor/error.h"

namespace clearcut {
namespace {

// Told apart by people with any kind of colour vision. Source: Okabe & Ito, "Color universal design", 2008.
constexpr std::array<const char*, 7> kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                 "#e69f00", "#56b4e9", "#7a7a7a"};

std::string number(double value, const char* format = "%.4g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}
std::string pixels(double value) { return number(value, "%.1f"); }

std::string label(double x, double y, const std::string& text, const std::string& style) {
  return cat("<text x='", pixels(x), "' y='", pixels(y), "' ", style, ">", html_escape(text), "</text>");
}
std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return cat("<line x1='", pixels(x1), "' y1='", pixels(y1), "' x2='", pixels(x2), "' y2='", pixels(y2), "' ",
             style, "/>");
}

struct Range {
  double low = INFINITY, high = -INFINITY;
  void add(double v) { low = std::min(low, v), high = std::max(high, v); }
  bool empty() const { return low > high; }
};

std::string open_svg(const ChartOptions& o, int height) {
  return cat("<svg class='chart' viewBox='0 0 ", o.width, " ", height, "' width='", o.width, "' height='",
             height, "' role='img' aria-label='", html_escape(o.title), "'>",
             label(0, 14, o.title, "class='chart-title'"));
}

/// Where numbers fall on the page.
struct Axes {
  double left = 56, top = 28, right = 0, bottom = 0;  // of the plotting area, pixels
  std::vector<double> xs, ys;                         // ticks

  double x(double v) const { return left + (right - left) * share(v, xs); }
  double y(double v) const { return bottom - (bottom - top) * share(v, ys); }
  static double share(double v, const std::vector<double>& t) {
    return (v - t.front()) / (t.back() - t.front());
  }
};

std::string draw_axes(const Axes& a, const ChartOptions& o) {
  std::string out;
  for (const double v : a.ys)
    out += line(a.left, a.y(v), a.right, a.y(v), "class='grid'") +
           label(a.left - 6, a.y(v) + 4, number(v), "text-anchor='end'");
  for (const double v : a.xs)
    out += line(a.x(v), a.bottom, a.x(v), a.bottom + 4, "class='axis'") +
           label(a.x(v), a.bottom + 17, number(v), "text-anchor='middle'");
  out += line(a.left, a.bottom, a.right, a.bottom, "class='axis'");
  out += label((a.left + a.right) / 2, a.bottom + 33, o.x_label, "text-anchor='middle'");
  const double middle = (a.top + a.bottom) / 2;
  return out + label(0, 0, o.y_label,
                     cat("text-anchor='middle' transform='translate(12 ", pixels(middle), ") rotate(-90)'"));
}

std::string draw_curve(const Axes& a, const Curve& curve, const char* colour) {
  std::string path;
  bool pen_down = false;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    const bool finite = std::isfinite(curve.x[i]) && std::isfinite(curve.y[i]);
    if (finite) path += cat(pen_down ? "L" : "M", pixels(a.x(curve.x[i])), " ", pixels(a.y(curve.y[i])));
    pen_down = finite;
  }
  return cat("<path d='", path, "' fill='none' stroke='", colour,
             "' stroke-width='2' stroke-linejoin='round' stroke-linecap='round'/>");
}

/// Pixels that a text of 12 pixels takes at most: 7 for a character.
double text_width(const std::string& text) { return 7.0 * static_cast<double>(text.size()); }

/// The width of the widest of the names plus `extra`, within [least, most].
template <class Named>
double names_width(const std::vector<Named>& list, double extra, double least, double most) {
  double width = least;
  for (const Named& one : list) width = std::max(width, text_width(one.name) + extra);
  return std::min(width, most);
}

/// The text, or its two ends with an ellipsis between if it would take more than `width`.
std::string fitted(const std::string& text, double width) {
  const auto room = static_cast<std::size_t>(std::max(width / text_width("x"), 5.0));
  if (text.size() <= room) return text;
  const std::size_t tail = (room - 1) / 2, head = room - 1 - tail;
  // Never inside a UTF-8 character: its later bytes are 10xxxxxx.
  const auto inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  std::size_t first = head, last = text.size() - tail;
  while (first > 0 && inside(first)) --first;
  while (last < text.size() && inside(last)) ++last;
  return text.substr(0, first) + "\u2026" + text.substr(last);
}

std::string draw_legend(const std::vector<Curve>& curves, double left, double top, double width) {
  std::string out;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const double y = top + 18 * static_cast<double>(i);
    out += line(left, y, left + 18, y, cat("stroke='", kColours[i % kColours.size()], "' stroke-width='3'")) +
           label(left + 24, y + 4, fitted(curves[i].name, width - 24), "");
  }
  return out;
}

}  // namespace

std::string html_escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::vector<double> ticks(double low, double high, int most) {
  if (!(high > low)) low -= 0.5, high = low + 1;
  const double power = std::pow(10, std::floor(std::log10((high - low) / most)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = factor * power;
    if (std::ceil(high / step - 1e-9) - std::floor(low / step + 1e-9) <= most) break;
  }
  std::vector<double> values;
  for (double k = std::floor(low / step + 1e-9); k <= std::ceil(high / step - 1e-9); ++k)
    values.push_back(k * step);
  return values;
}

std::string line_chart(const std::vector<Curve>& curves, const ChartOptions& options) {
  Range xs, ys;
  for (const Curve& curve : curves) {
    check(curve.x.size() == curve.y.size(), "line_chart", "curve '", curve.name, "' has ", curve.x.size(),
          " x but ", curve.y.size(), " y");
    for (std::size_t i = 0; i < curve.x.size(); ++i)
      if (std::isfinite(curve.x[i]) && std::isfinite(curve.y[i])) xs.add(curve.x[i]), ys.add(curve.y[i]);
  }
  if (xs.empty())
    return open_svg(options, options.height) +
           label(options.width / 2.0, options.height / 2.0, "no data", "text-anchor='middle'") + "</svg>";
  if (options.from_zero) ys.add(0);
  // 12 pixels to its left, 24 for the stroke; at most half of the chart.
  const double legend = curves.size() > 1 ? names_width(curves, 36, 130, 0.5 * options.width) : 8;
  const Axes axes{.right = options.width - legend,
                  .bottom = options.height - 40.0,
                  .xs = ticks(xs.low, xs.high),
                  .ys = ticks(ys.low, ys.high)};
  std::string out = open_svg(options, options.height) + draw_axes(axes, options);
  for (std::size_t i = 0; i < curves.size(); ++i)
    out += draw_curve(axes, curves[i], kColours[i % kColours.size()]);
  if (curves.size() > 1) out += draw_legend(curves, axes.right + 12, axes.top + 8, legend - 12);
  return out + "</svg>";
}

std::string bar_chart(const std::vector<Bar>& bars, const ChartOptions& options) {
  Range values;
  values.add(0);
  const auto whisker = [](const Bar& bar) { return std::isfinite(bar.error) ? bar.error : 0; };
  for (const Bar& bar : bars)
    if (std::isfinite(bar.value)) values.add(bar.value + whisker(bar));
  const double row = 22, names = names_width(bars, 8, 0.42 * options.width, 0.6 * options.width);
  const double bottom = 28 + row * static_cast<double>(bars.size());
  const Axes axes{.left = names,
                  .right = options.width - 60.0,
                  .bottom = bottom,
                  .xs = ticks(values.low, values.high),
                  .ys = {0, 1}};
  std::string out = open_svg(options, static_cast<int>(bottom) + 40);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = 28 + row * static_cast<double>(i), middle = y + row / 2;
    out += label(names - 8, middle + 4, fitted(bar.name, names - 8), "text-anchor='end'");
    if (!std::isfinite(bar.value)) continue;
    out += cat("<rect x='", pixels(names), "' y='", pixels(y + 3), "' width='",
               pixels(axes.x(bar.value) - names), "' height='", pixels(row - 6), "' rx='2' fill='",
               bar.highlight ? kColours[1] : kColours[0], "'/>");
    const double low = axes.x(bar.value - whisker(bar)), high = axes.x(bar.value + whisker(bar));
    if (low < high) out += line(low, middle, high, middle, "class='whisker'");
    out += label(high + 6, middle + 4, number(bar.value, "%.1f"), "");
  }
  for (const double v : axes.xs) out += label(axes.x(v), bottom + 16, number(v), "text-anchor='middle'");
  return out + line(names, bottom, axes.right, bottom, "class='axis'") +
         label((names + axes.right) / 2, bottom + 33, options.x_label, "text-anchor='middle'") + "</svg>";
}

}  // namespace clearcut
