#include "train/sweep_page.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "data/text_lines.h"
#include "tensor/error.h"
#include "train/report.h"
#include "train/svg.h"

namespace clearcut {
namespace {

std::vector<Curve> agreement_curves(const UnlabelledChoice& choice, const UnlabelledCurve& tried) {
  std::vector<Curve> curves = {{"kappa", choice.thresholds, {}},
                               {"2.5 % of resamples", choice.thresholds, {}},
                               {"97.5 %", choice.thresholds, {}}};
  for (const Interval& interval : tried.agreement) {
    curves[0].y.push_back(interval.estimate);
    curves[1].y.push_back(interval.low);
    curves[2].y.push_back(interval.high);
  }
  return curves;
}

/// Lines "labels,fusion,measure,threshold,miou,low,high,precision,foreground" of sweep.csv as curves, one of
/// each kind per fusion and measure.
struct TriedCurves {
  std::string labels;
  std::vector<Curve> miou, low, high, precision, foreground;
};
std::vector<TriedCurves> tried_curves(const std::string& csv) {
  std::vector<TriedCurves> tried;
  std::istringstream lines(csv);
  std::string line;
  std::getline(lines, line);  // names of the columns
  while (std::getline(lines, line)) {
    const std::vector<std::string> words = split_csv({.text = line, .where = "sweep.csv"});
    check(words.size() == 9, "sweep", "a line of sweep.csv has ", words.size(), " columns: ", line);
    if (tried.empty() || tried.back().labels != words[0]) tried.push_back({words[0], {}, {}, {}, {}, {}});
    TriedCurves& last = tried.back();
    const std::string name = words[1] + " " + words[2];
    const auto number = [](const std::string& word) {
      return word.find("nan") == std::string::npos ? std::stod(word) : std::nan("");
    };
    std::size_t column = 4;
    for (auto* curves : {&last.miou, &last.low, &last.high, &last.precision, &last.foreground}) {
      if (curves->empty() || curves->back().name != name) curves->push_back({name, {}, {}});
      curves->back().x.push_back(number(words[3]));
      curves->back().y.push_back(100 * number(words[column++]));
    }
  }
  return tried;
}

/// The curves of mIoU, and the band of the one that reaches highest.
std::vector<Curve> with_band(const TriedCurves& tried) {
  const auto top = [](const Curve& curve) { return *std::max_element(curve.y.begin(), curve.y.end()); };
  const auto best = std::max_element(tried.miou.begin(), tried.miou.end(),
                                     [&](const Curve& a, const Curve& b) { return top(a) < top(b); });
  const auto at = static_cast<std::size_t>(best - tried.miou.begin());
  std::vector<Curve> curves = tried.miou;
  curves.push_back({best->name + ", 2.5 % of resamples", tried.low[at].x, tried.low[at].y});
  curves.push_back({best->name + ", 97.5 %", tried.high[at].x, tried.high[at].y});
  return curves;
}

void add_rows(Report& report, const LabelScores& scores) {
  ReportTable table{
      .head = {"labels", "fused by", "setting", "chosen on", "mIoU", "95 % interval", "precision"},
      .rows = {}};
  for (const ScoredLabels& row : scores.rows)
    table.rows.push_back({row.name, row.score.consensus, row.setting, row.score.threshold_from,
                          percent(row.miou.estimate), percent(row.miou.low) + " to " + percent(row.miou.high),
                          percent(row.score.precision)});
  report.table(table);
}

}  // namespace

JsonObject picked_rule(const UnlabelledChoice& choice, const UnlabelledOptions& options, const Fusion& fusion,
                       const std::string& pictures) {
  JsonObject picked;
  const LabelRule rule{choice.measure, choice.threshold, choice.threshold, options.snap};
  picked.set("rule", describe(rule)).set("fusion", describe(fusion));
  picked.set("how", options.share ? cat("without labels: the share of foreground nearest to ", *options.share,
                                        " on ", choice.pictures, " pictures of ", pictures)
                                  : cat("without labels: where members agree most (kappa) on ",
                                        choice.pictures, " pictures of ", pictures));
  return picked.set("agreement", choice.agreement).set("share", choice.share);
}

JsonObject picked_rule(const LabelScores& scores) {
  check(!scores.rows.empty(), "sweep", "nothing was scored");
  const ScoredLabels* row = &scores.rows[0];
  for (const ScoredLabels& other : scores.rows)
    if (other.name == "all/all" || other.name == "kept") row = &other;
  const std::string words = "superpixels, ";  // how a member alone was scored
  const bool on_superpixels = row->setting.starts_with(words);
  JsonObject picked;
  picked.set("rule", row->setting.substr(on_superpixels ? words.size() : 0) + (scores.snap ? ":snap" : ""));
  picked.set("fusion", row->fusion);
  picked.set("how", cat("largest mIoU of ", row->name, " against true masks on ", row->score.threshold_from));
  return picked.set("miou", row->miou.estimate).set("scored_on", row->score.scored_on);
}

void write_sweep_page(const std::string& path, const UnlabelledChoice& choice, const JsonObject& picked) {
  Report report("Threshold", "chosen without labels");
  report.facts({{picked.text("rule"), "rule for label fuse"},
                {cat(std::round(1000 * choice.agreement) / 1000), "agreement of members (kappa)"},
                {percent(choice.share) + " %", "of the pixels are foreground"}});
  report.text(picked.text("how"));
  report.text(
      "Agreement: Fleiss' kappa of the masks that the members make alone, 1 where they are one mask, 0 where "
      "they agree as much as by chance. Intervals: 95 %, bootstrap over pictures.");
  for (const UnlabelledCurve& tried : choice.curves) {
    report.section("Measure " + name_of(tried.measure));
    report.charts({line_chart(agreement_curves(choice, tried),
                              {.title = "Agreement of members", .x_label = "threshold", .y_label = "kappa"}),
                   line_chart({{"share", choice.thresholds, tried.share}}, {.title = "Share of foreground",
                                                                            .x_label = "threshold",
                                                                            .y_label = "share",
                                                                            .from_zero = true})});
  }
  report.write(path);
}

void write_sweep_page(const std::string& path, const LabelScores& scores, const JsonObject& picked) {
  Report report("Thresholds", "chosen on some pictures, applied unchanged to others");
  report.facts({{picked.text("rule"), "rule for label fuse"},
                {percent(picked.number("miou")) + " %", "mIoU on the scored pictures"}});
  report.text(picked.text("how"));
  report.section("Scored pictures");
  add_rows(report, scores);
  for (const TriedCurves& tried : tried_curves(scores.curves)) {
    report.section(tried.labels + ", on the choosing pictures");
    report.charts(
        {line_chart(with_band(tried), {.title = "mIoU", .x_label = "threshold", .y_label = "%"}),
         line_chart(tried.precision, {.title = "Precision", .x_label = "threshold", .y_label = "%"}),
         line_chart(tried.foreground,
                    {.title = "Pixels called foreground", .x_label = "threshold", .y_label = "%"})});
  }
  report.write(path);
}

}  // namespace clearcut
