#include "train/label_stats_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "data/visual.h"
#include "explain/measures/similarity.h"
#include "explain/order.h"
#include "tensor/error.h"
#include "train/report.h"
#include "train/summary.h"
#include "train/svg.h"

namespace clearcut {
namespace {

std::vector<double> sorted_values(const std::vector<LabelFigures>& labels, const LabelColumn& column) {
  std::vector<double> values;
  for (const LabelFigures& label : labels)
    if (std::isfinite(column.value(label))) values.push_back(column.value(label));
  std::sort(values.begin(), values.end());
  return values;
}

void add_means(const std::vector<LabelFigures>& labels, JsonObject& to) {
  for (const LabelColumn& column : label_columns()) {
    const std::vector<double> values = sorted_values(labels, column);
    if (values.empty()) continue;
    double sum = 0;
    for (const double value : values) sum += value;
    JsonObject one;
    one.set("mean", sum / static_cast<double>(values.size())).set("low", percentile(values, 5));
    one.set("median", percentile(values, 50)).set("high", percentile(values, 95));
    to.set(column.name, one);
  }
}

double correlation_with_iou(const std::vector<LabelFigures>& labels, double LabelFigures::*number) {
  std::vector<float> a, b;
  for (const LabelFigures& label : labels)
    if (std::isfinite(label.*number) && std::isfinite(label.iou)) {
      a.push_back(static_cast<float>(label.*number));
      b.push_back(static_cast<float>(label.iou));
    }
  if (a.size() < 2) return std::nan("");
  const Shape shape{1, static_cast<std::int64_t>(a.size())};
  return rank_correlation(Tensor::from<float>(shape, a), Tensor::from<float>(shape, b));
}

const LabelColumn& column_named(const std::string& name) {
  for (const LabelColumn& column : label_columns())
    if (column.name == name) return column;
  fail("stats", "there is no column '", name, "'");
}

std::string in_quotes(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + "\"";
}

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return std::isfinite(value) ? text : "";
}
std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return std::isfinite(value) ? text : "-";
}

/// One group of rows: picture, consensus, label, true mask.
class PictureRows {
 public:
  PictureRows(const LabelFolder& folder, const LabelPageOptions& options)
      : folder_(folder), options_(options), by_(column_named(options.by)) {
    colours_ = folder.classes().colours.empty() ? voc_palette(256) : folder.classes().colours;
  }
  std::vector<std::string> columns() const {
    std::vector<std::string> names = {"picture", "consensus", "label"};
    if (!options_.masks.empty()) names.emplace_back("true mask");
    return names;
  }
  PictureRow row(const LabelFigures& figures) const {
    const JsonObject line = folder_.line(figures.line);
    const Tensor label = folder_.label(line);
    const Tensor picture = folder_.picture(line, label);
    PictureRow row{.title = figures.name, .cells = {{.picture = picture, .caption = ""}, consensus(line)}};
    row.cells.push_back({.picture = shown(picture, label),
                         .caption = cat(by_.title, " ", short_text(by_.value(figures)), ", foreground ",
                                        percent(figures.foreground), " %")});
    if (options_.masks.empty()) return row;
    const Tensor truth = mask_beside(options_.masks, figures.name);
    row.cells.push_back({.picture = truth.defined() ? shown(picture, truth) : Tensor(), .caption = ""});
    return row;
  }

 private:
  ReportPicture consensus(const JsonObject& line) const {
    for (const std::int64_t label : line.integers("classes"))
      if (const auto map = folder_.map(line, label))
        return {.picture = heat_picture(map->to(DType::kFloat32)), .caption = folder_.class_name(label)};
    return {.picture = {}, .caption = ""};
  }
  Tensor shown(const Tensor& picture, const Tensor& labels) const {
    return overlay(picture, labels, colours_,
                   {.background = folder_.space().background, .ignore = folder_.space().ignore});
  }

  const LabelFolder& folder_;
  const LabelPageOptions& options_;
  const LabelColumn& by_;
  std::vector<Rgb> colours_;
};

void add_pictures(Report& report, const LabelFolder& folder, const LabelStats& stats,
                  const LabelPageOptions& options) {
  const LabelColumn& by = column_named(options.by);
  std::vector<const LabelFigures*> order;
  for (const LabelFigures& label : stats.labels)
    if (std::isfinite(by.value(label))) order.push_back(&label);
  std::stable_sort(order.begin(), order.end(),
                   [&](const LabelFigures* a, const LabelFigures* b) { return by.value(*a) > by.value(*b); });
  const PictureRows rows(folder, options);
  const std::size_t n = order.size(), shown = std::min(n, static_cast<std::size_t>(options.shown));
  const std::pair<const char*, std::size_t> groups[] = {
      {"Best", 0}, {"Median", (n - shown) / 2}, {"Worst", n - shown}};
  for (const auto& [name, first] : groups) {
    report.section(cat(name, " by ", by.title));
    std::vector<PictureRow> group;
    for (std::size_t i = 0; i < shown; ++i) group.push_back(rows.row(*order[first + i]));
    report.pictures(rows.columns(), group, 200);
  }
}

void add_tables(Report& report, const JsonObject& summary) {
  ReportTable table{.head = {"number", "mean", "5 %", "median", "95 %"}, .rows = {}};
  for (const LabelColumn& column : label_columns()) {
    if (!summary.has(column.name)) continue;
    const JsonObject one = summary.object(column.name);
    table.rows.push_back({column.title, short_text(one.number("mean")), short_text(one.number("low")),
                          short_text(one.number("median")), short_text(one.number("high"))});
  }
  report.table(table);
  ReportTable classes{.head = {"class", "labels"}, .rows = {}};
  for (const LabelColumn& column : label_columns()) classes.head.push_back(column.title);
  for (const JsonObject& one : summary.objects("classes")) {
    classes.rows.push_back({one.text("name"), cat(one.integer("labels"))});
    for (const LabelColumn& column : label_columns())
      classes.rows.back().push_back(one.has(column.name) ? short_text(one.object(column.name).number("mean"))
                                                         : "-");
  }
  report.section("By class (means over the labels that hold it)");
  report.table(classes);
}

void add_curves(Report& report, const LabelStats& stats) {
  std::vector<std::string> charts;
  for (const LabelColumn& column : label_columns()) {
    const std::vector<double> values = sorted_values(stats.labels, column);
    if (values.empty()) continue;
    Curve curve{.name = column.title, .x = {}, .y = {}};
    for (int i = 0; i <= 100; ++i) {
      curve.x.push_back(i);
      curve.y.push_back(percentile(values, i));
    }
    charts.push_back(line_chart({curve}, {.title = column.title,
                                          .x_label = "% of the labels are below",
                                          .y_label = "",
                                          .width = 380,
                                          .height = 240,
                                          .from_zero = true}));
  }
  report.charts(charts);
}

}  // namespace

const std::vector<LabelColumn>& label_columns() {
  using F = const LabelFigures&;
  static const std::vector<LabelColumn> columns = {
      {"foreground", "foreground share", [](F f) { return f.foreground; }},
      {"ignored", "ignored share", [](F f) { return f.ignored; }},
      {"components", "pieces", [](F f) { return static_cast<double>(f.components); }},
      {"largest", "share in the largest piece", [](F f) { return f.largest; }},
      {"alignment", "borders on edges", [](F f) { return f.alignment; }},
      {"agreement", "agreement of members", [](F f) { return f.agreement; }},
      {"iou", "mIoU with the true mask", [](F f) { return f.iou; }},
  };
  return columns;
}

JsonObject label_summary(const LabelFolder& folder, const LabelStats& stats) {
  JsonObject summary;
  summary.set("labels", static_cast<std::int64_t>(stats.labels.size())).set("without", stats.without);
  summary.set("failed", static_cast<std::int64_t>(stats.failures.size()));
  add_means(stats.labels, summary);
  std::map<int, std::vector<LabelFigures>> by_class;
  for (const LabelFigures& label : stats.labels)
    for (const int value : label.classes) by_class[value].push_back(label);
  std::vector<JsonObject> classes;
  for (const auto& [value, labels] : by_class) {
    classes.emplace_back();
    classes.back().set("name", folder.class_name(value));
    classes.back().set("labels", static_cast<std::int64_t>(labels.size()));
    add_means(labels, classes.back());
  }
  summary.set("classes", classes);
  if (!summary.has("iou")) return summary;
  JsonObject with_iou;
  with_iou.set("agreement", correlation_with_iou(stats.labels, &LabelFigures::agreement));
  with_iou.set("alignment", correlation_with_iou(stats.labels, &LabelFigures::alignment));
  return summary.set("rank_correlation", with_iou);
}

std::string label_csv(const LabelFolder& folder, const LabelStats& stats) {
  std::string text = "id,classes";
  for (const LabelColumn& column : label_columns()) text += "," + column.name;
  text += "\n";
  for (const LabelFigures& label : stats.labels) {
    std::string names;
    for (const int value : label.classes) names += (names.empty() ? "" : "+") + folder.class_name(value);
    text += in_quotes(label.name) + "," + in_quotes(names);
    for (const LabelColumn& column : label_columns()) text += "," + number_text(column.value(label));
    text += "\n";
  }
  return text;
}

void write_label_page(const std::string& path, const LabelFolder& folder, const LabelStats& stats,
                      const LabelPageOptions& options) {
  const JsonObject summary = label_summary(folder, stats);
  Report report("Pseudo labels", folder.folder());
  report.facts({{cat(stats.labels.size()), "labels"},
                {cat(stats.without), "pictures without a label"},
                {cat(stats.failures.size()), "that could not be read"}});
  report.section("All labels");
  report.text(
      "Borders on edges: the chance that a pixel on a label's border lies on a stronger edge of the picture "
      "than one off the borders; 0.5 is chance. Agreement: the mean cosine between the maps of two members.");
  if (summary.has("rank_correlation")) {
    const JsonObject with_iou = summary.object("rank_correlation");
    report.text(cat("Spearman's rank correlation with the mIoU of a picture: agreement ",
                    short_text(with_iou.number("agreement")), ", borders on edges ",
                    short_text(with_iou.number("alignment")), "."));
  }
  add_tables(report, summary);
  add_curves(report, stats);
  add_pictures(report, folder, stats, options);
  report.write(path);
}

}  // namespace clearcut
