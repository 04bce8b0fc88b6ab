#include "train/run_report.h"

#include <cmath>
#include <cstdio>

#include "train/log.h"
#include "train/progress.h"
#include "train/svg.h"

namespace clearcut {
namespace {

/// The mean training loss of a run over its steps.
Curve loss_curve(const TrainedRun& run, const std::string& name) {
  Curve curve{.name = name, .x = {}, .y = {}};
  for (const JsonObject& record : read_metrics(run.folder, "train")) {
    curve.x.push_back(record.number("step"));
    curve.y.push_back(record.number("loss"));
  }
  return curve;
}

std::vector<Curve> loss_curves(const std::vector<TrainedRun>& runs) {
  std::vector<Curve> curves;
  for (const TrainedRun& run : runs) curves.push_back(loss_curve(run, run.variant));
  return curves;
}

/// One curve per variant: of its first seed.
std::vector<Curve> first_seed_curves(const std::vector<TrainedRun>& runs) {
  std::vector<Curve> curves;
  for (const TrainedRun& run : runs)
    if (curves.empty() || curves.back().name != run.variant) curves.push_back(loss_curve(run, run.variant));
  return curves;
}

void add_facts(Report& report, const RunReport& run) {
  std::vector<std::pair<std::string, std::string>> facts;
  const BestLabels best = best_labels(run.summary);
  const auto miou = [&](int i) { return percent(run.summary.labels[static_cast<std::size_t>(i)].miou); };
  if (best.ensemble >= 0) facts.emplace_back(miou(best.ensemble), "mIoU of the best ensemble's labels");
  if (best.member >= 0) facts.emplace_back(miou(best.member), "mIoU of the best single member's");
  if (best.baseline >= 0) facts.emplace_back(miou(best.baseline), "mIoU of the best baseline");
  if (run.summary.image_labels_only.done)
    facts.emplace_back(percent(run.summary.image_labels_only.miou), "mIoU of a model that never saw a mask");
  for (const auto& [init, m] : finetune_by_init(run.summary))
    facts.emplace_back(percent(m.mean) + (m.n > 1 ? " ± " + percent(m.error) : ""),
                       "mIoU fine-tuned from " + init);
  double seconds = 0;
  for (const auto& [stage, s] : run.summary.seconds) seconds += s;
  facts.emplace_back(format_seconds(seconds), "min:s in all");
  report.facts(facts);
}

void add_classifiers(Report& report, const std::vector<TrainedRun>& runs) {
  if (runs.empty()) return;
  report.section("Classifiers");
  report.text("Networks that learned from image labels alone; these are explained.");
  ReportTable table{.head = {"network", "top-1 on held-out pictures", "steps"}, .rows = {}};
  for (const TrainedRun& run : runs) table.rows.push_back({run.variant, percent(run.score), cat(run.steps)});
  report.table(table);
  report.charts({line_chart(
      loss_curves(runs),
      {.title = "Cross-entropy while training", .x_label = "step", .y_label = "loss", .from_zero = true})});
}

void add_ranks(Report& report, const std::vector<ClassifierRank>& ranks) {
  if (ranks.empty()) return;
  report.section("Classifiers and their consensus");
  report.text(
      "Over the pictures that got labels: how near each classifier's maps are to the consensus of all "
      "members (consensus score: mean cosine over pictures and explainers), how often its first choice is a "
      "label of the picture, and the probability that it gives the label. No mask was seen.");
  ReportTable table{.head = {"classifier", "consensus score", "right on", "probability"}, .rows = {}};
  for (const ClassifierRank& rank : ranks)
    table.rows.push_back({rank.name, std::isnan(rank.score) ? "-" : percent(rank.score),
                          percent(rank.accuracy), percent(rank.probability)});
  report.table(table);
}

void add_labels(Report& report, const LabelScores& scores) {
  if (scores.rows.empty()) return;
  report.section("Pseudo labels against the truth, " + scores.rows[0].score.scored_on);
  report.text(
      "Fusion, measure and threshold (and the size of the box) were chosen on the pictures named in the "
      "column "
      "'chosen on' and applied unchanged to the pictures scored here. Intervals: 95 %, bootstrap over "
      "pictures.");
  std::vector<Bar> bars;
  ReportTable table{.head = {"labels", "of", "fused by", "setting", "chosen on", "mIoU", "interval",
                             "all/all leads by", "interval of that", "precision", "coverage"},
                    .rows = {}};
  for (const ScoredLabels& row : scores.rows) {
    const LabelScore& s = row.score;
    bars.push_back({.name = row.name, .value = 100 * s.miou, .highlight = row.name == "all/all"});
    const auto slash = row.name.find('/');
    table.rows.push_back({slash == std::string::npos ? row.name : row.name.substr(slash + 1),
                          slash == std::string::npos ? "baseline" : row.name.substr(0, slash), s.consensus,
                          row.setting, s.threshold_from, percent(s.miou),
                          percent(row.miou.low) + "-" + percent(row.miou.high),
                          percent(row.lead.estimate, "%+.1f"),
                          percent(row.lead.low, "%+.1f") + " to " + percent(row.lead.high, "%+.1f"),
                          percent(s.precision), percent(s.coverage)});
    if (row.name == "all/all") table.highlight = static_cast<int>(table.rows.size()) - 1;
  }
  report.charts({bar_chart(bars, {.title = "mIoU of pseudo labels", .x_label = "mIoU, %", .width = 760})});
  report.table(table);
  report.text(describe(scores));
}

void add_pictures(Report& report, const RunReport& run) {
  if (run.rows.rows.empty()) return;
  report.section("Pictures");
  report.text(
      "Maps are scaled to their own picture; a flat one is gray. Each explainer is the mean over the "
      "networks, pixel by pixel; the consensus is fused as the labels are. Labels and predictions lie over "
      "the picture in the colours of their classes.");
  report.legend(run.rows.class_names, run.rows.colours);
  report.pictures(run.rows.columns, run.rows.rows);
}

void add_segmentation(Report& report, const RunReport& run) {
  if (run.pretrain.empty() && run.finetune.empty()) return;
  report.section("Pre-training and fine-tuning");
  if (run.summary.image_labels_only.done)
    report.text(cat("Pre-trained on pseudo labels only, the network reaches ",
                    percent(run.summary.image_labels_only.miou), " mIoU on ",
                    run.summary.image_labels_only.scored_on, ": image labels were enough for that."));
  ReportTable table{.head = {"start", "mIoU", "standard error", "runs"}, .rows = {}};
  std::vector<Bar> bars;
  for (const auto& [init, m] : finetune_by_init(run.summary)) {
    table.rows.push_back({init, percent(m.mean), percent(m.error), cat(m.n)});
    bars.push_back(
        {.name = init, .value = 100 * m.mean, .error = 100 * m.error, .highlight = init == "pssl"});
  }
  if (!bars.empty()) {
    report.text(
        "Fine-tuned on few labelled pictures, from a random start, from the classifier's trunk, and from "
        "the network pre-trained on pseudo labels.");
    report.table(table);
    report.text(describe(run.arms));
  }
  std::vector<std::string> charts;
  if (!bars.empty())
    charts.push_back(bar_chart(bars, {.title = "mIoU after fine-tuning", .x_label = "mIoU, %"}));
  if (!run.pretrain.empty())
    charts.push_back(line_chart(loss_curves(run.pretrain), {.title = "Weighted loss while pre-training",
                                                            .x_label = "step",
                                                            .y_label = "loss",
                                                            .from_zero = true}));
  if (!run.finetune.empty())
    charts.push_back(
        line_chart(first_seed_curves(run.finetune), {.title = "Loss while fine-tuning (first seed)",
                                                     .x_label = "step",
                                                     .y_label = "loss",
                                                     .from_zero = true}));
  report.charts(charts);
}

void add_stages(Report& report, const Summary& summary) {
  report.section("Time and memory");
  ReportTable table{.head = {"stage", "time", "peak of tensors"}, .rows = {}};
  for (std::size_t i = 0; i < summary.seconds.size(); ++i)
    table.rows.push_back({summary.seconds[i].first, format_seconds(summary.seconds[i].second),
                          i < summary.peak_bytes.size()
                              ? format_bytes(static_cast<double>(summary.peak_bytes[i].second))
                              : ""});
  report.table(table);
}

}  // namespace

std::string describe(const LabelScores& scores) {
  for (const ScoredLabels& row : scores.rows)
    if (row.name == scores.best_member && !std::isnan(row.lead.estimate))
      return cat("All members together against the best single one (", row.name,
                 "): ", percent(row.lead.estimate, "%+.1f"), " points of mIoU, 95 % interval ",
                 percent(row.lead.low, "%+.1f"), " to ", percent(row.lead.high, "%+.1f"),
                 ", the same pictures drawn for both.");
  return "";
}

std::string describe(const std::vector<ArmDifference>& arms) {
  std::string text;
  for (const ArmDifference& d : arms)
    text += cat(text.empty() ? "" : " ", d.arm, " against ", d.other, ": ", percent(d.miou.estimate, "%+.1f"),
                " points of mIoU, 95 % interval ", percent(d.miou.low, "%+.1f"), " to ",
                percent(d.miou.high, "%+.1f"), " (pictures drawn in pairs, seeds added up).");
  return text;
}

void write_run_report(const std::string& path, const RunReport& run) {
  Report report(run.title, run.subtitle);
  add_facts(report, run);
  add_classifiers(report, run.classifiers);
  add_ranks(report, run.ranks);
  for (const LabelScores& scores : run.scores) add_labels(report, scores);
  add_pictures(report, run);
  add_segmentation(report, run);
  add_stages(report, run.summary);
  report.write(path);
}

}  // namespace clearcut
