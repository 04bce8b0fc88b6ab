#include "train/view/metrics_page.h"

#include <cmath>
#include <filesystem>

#include "train/log.h"
#include "train/report.h"
#include "train/summary.h"
#include "train/svg.h"

namespace clearcut {
namespace {

std::string chart(const std::vector<JsonObject>& records, const std::string& key, const std::string& title) {
  Curve curve{.name = key, .x = {}, .y = {}};
  for (const JsonObject& record : records) {
    curve.x.push_back(record.number("step"));
    curve.y.push_back(record.has(key) ? record.number(key) : std::nan(""));  // older runs have fewer
  }
  return line_chart({curve}, {.title = title, .x_label = "step", .y_label = key, .from_zero = true});
}

void add_last_scores(Report& report, const JsonObject& record) {
  const JsonObject numbers = record.object("numbers");
  report.section(cat("Scores after step ", record.integer("step")));
  ReportTable table{.head = {"number", "value"}, .rows = {}};
  table.rows.push_back({record.text("metric"), percent(record.number("score"), "%.2f")});
  for (const char* name :
       {"miou_low", "miou_high", "pixel_accuracy", "mean_accuracy", "precision", "coverage"})
    if (numbers.has(name)) table.rows.push_back({name, percent(numbers.number(name), "%.2f")});
  report.table(table);
  if (!numbers.has("classes")) return;
  ReportTable classes{.head = {"class", "IoU", "precision", "recall"}, .rows = {}};
  for (const JsonObject& one : numbers.objects("classes"))
    classes.rows.push_back({one.text("name"), percent(one.number("iou")), percent(one.number("precision")),
                            percent(one.number("recall"))});
  report.table(classes);
}

}  // namespace

std::string metrics_page(const std::string& folder, int reload) {
  const std::vector<JsonObject> steps = read_metrics(folder, "train"), scores = read_metrics(folder, "eval");
  Report report("Metrics", std::filesystem::weakly_canonical(folder).filename().string());
  report.section("Training");
  std::vector<std::string> charts = {chart(steps, "loss", "Mean loss since the last record"),
                                     chart(steps, "rate", "Learning rate"),
                                     chart(steps, "gradient_norm", "Length of all gradients"),
                                     chart(steps, "items_per_second", "Pictures per second")};
  if (!scores.empty()) charts.push_back(chart(scores, "score", scores.back().text("metric")));
  report.charts(charts);
  if (!scores.empty()) add_last_scores(report, scores.back());
  std::string html = report.html();
  if (reload > 0)
    html.insert(html.find("<title>"), cat("<meta http-equiv='refresh' content='", reload, "'>\n"));
  return html;
}

std::string metrics_curves(const std::string& folder) {
  const std::vector<JsonObject> steps = read_metrics(folder, "train"), scores = read_metrics(folder, "eval");
  const ChartOptions size;
  const int height = scores.empty() ? size.height : 2 * size.height;
  std::string svg = cat("<svg xmlns='http://www.w3.org/2000/svg' width='", size.width, "' height='", height,
                        "'><style>text{font:12px sans-serif}.chart-title{font-weight:600}.grid{stroke:#ddd}"
                        ".axis{stroke:#888}</style><rect width='100%' height='100%' fill='white'/>",
                        chart(steps, "loss", "Mean loss since the last record"));
  if (!scores.empty())
    svg += cat("<g transform='translate(0 ", size.height, ")'>",
               chart(scores, "score", scores.back().text("metric")), "</g>");
  return svg + "</svg>\n";
}

}  // namespace clearcut
