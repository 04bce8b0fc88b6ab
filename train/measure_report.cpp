#include "train/measure_report.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <set>
#include <sstream>

#include "train/report.h"
#include "train/svg.h"

namespace clearcut {

namespace {

// Three digits that count: 0.123, 12.3, 1.23e-05.
std::string number_text(double value) {
  if (!std::isfinite(value)) return "-";
  std::ostringstream text;
  text << std::setprecision(3) << value;
  return text.str();
}

std::string with_error(const MeanOf& m) {
  return std::isfinite(m.error) ? cat(number_text(m.mean), " ± ", number_text(m.error)) : number_text(m.mean);
}

std::string row_name(const MeasureReport& report, const MeasuredMember& row) {
  const std::string& first = report.rows[0].classifier;
  const bool one = std::all_of(report.rows.begin(), report.rows.end(),
                               [&](const MeasuredMember& other) { return other.classifier == first; });
  return one ? row.explainer : row.classifier + " " + row.explainer;
}

std::string column_name(const MeasureChoice& measure) {
  return cat(measure.row->name, std::string(measure.row->better) == "lower" ? " (low)" : "");
}

using Texts = std::vector<std::string>;

std::vector<Texts> cells_of(const MeasureReport& report, bool errors) {
  std::vector<Texts> lines;
  for (const MeasuredMember& row : report.rows) {
    Texts line = {row_name(report, row), number_text(row.seconds.mean)};
    for (const MeanOf& m : row.measures) line.push_back(errors ? with_error(m) : number_text(m.mean));
    line.push_back(cat(row.empty));
    lines.push_back(std::move(line));
  }
  return lines;
}

Texts head_of(const MeasureReport& report) {
  Texts head = {"explainer", "seconds"};
  for (const MeasureChoice& m : report.measures) head.push_back(column_name(m));
  head.emplace_back("empty");
  return head;
}

std::string curves_of(const MeasureReport& report, std::size_t m) {
  std::vector<Curve> curves;
  for (const MeasuredMember& row : report.rows)
    curves.push_back({row_name(report, row), row.curve_x[m], row.curve_y[m]});
  return line_chart(curves, {.title = describe(report.measures[m]),
                             .x_label = "share changed",
                             .y_label = "mean",
                             .width = 720,
                             .height = 420,
                             .from_zero = true});
}

std::string bars_of(const MeasureReport& report, std::size_t m) {
  std::vector<Bar> bars;
  double best = 0;
  const bool lower = std::string(report.measures[m].row->better) == "lower";
  for (const MeasuredMember& row : report.rows) {
    const MeanOf& found = row.measures[m];
    bars.push_back({row_name(report, row), std::isfinite(found.mean) ? found.mean : 0, found.error});
    if (bars.size() == 1 || (lower ? bars.back().value < best : bars.back().value > best))
      best = bars.back().value;
  }
  for (Bar& bar : bars) bar.highlight = bar.value == best;
  return bar_chart(
      bars, {.title = cat(describe(report.measures[m]), ": ", report.measures[m].row->better, " is better"),
             .height = 60 + 26 * static_cast<int>(bars.size())});
}

}  // namespace

std::string measure_table_text(const MeasureReport& report) {
  std::vector<Texts> lines = cells_of(report, false);
  lines.insert(lines.begin(), head_of(report));
  std::vector<std::size_t> widths(lines[0].size());
  for (const Texts& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  std::ostringstream text;
  for (const Texts& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i)
      text << (i == 0 ? std::left : std::right) << std::setw(static_cast<int>(widths[i])) << line[i]
           << (i + 1 < line.size() ? "  " : "\n");
  }
  return text.str();
}

void write_measure_report(const std::string& path, const MeasureReport& report) {
  Report page("How good the explanations are", cat(report.pictures, " pictures of ", report.data));
  page.section("Means");
  page.text(
      "Mean and standard error over pictures and their labels; pointing is a mean over classes. (low): "
      "lower is better. empty: maps that say nothing.");
  page.table({.head = head_of(report), .rows = cells_of(report, true)});
  std::vector<std::string> curves, bars;
  for (std::size_t m = 0; m < report.measures.size(); ++m) {
    const bool curve = std::any_of(report.rows.begin(), report.rows.end(),
                                   [&](const MeasuredMember& row) { return !row.curve_x[m].empty(); });
    if (curve) curves.push_back(curves_of(report, m));
    bars.push_back(bars_of(report, m));
  }
  if (!curves.empty()) {
    page.section("Curves");
    page.charts(curves);
  }
  page.section("Measures");
  page.charts(bars);
  page.write(path);
}

}  // namespace clearcut
